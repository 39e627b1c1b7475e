import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Context, Handler } from 'hono';
import { unavailability } from '../domain/availability.ts';
import { type Combo, parseCombo } from '../domain/combo.ts';
import { ERROR_TABLE, type Failure, fail, ok, type Result } from '../domain/errors.ts';
import { requestId } from '../domain/ids.ts';
import type { Endpoint } from '../domain/requestRecord.ts';
import type { KeyedAttempt } from '../ports/ledger.ts';
import type { InferenceRequest } from '../shell/inference.ts';
import { serverTiming } from '../shell/requestTimes.ts';
import { readJson } from './body.ts';
import { readDeadline } from './deadline.ts';
import type { HttpDeps, HttpEnv } from './deps.ts';
import { NodeSink } from './nodeSink.ts';
import type { ParsedInference } from './openai/parsed.ts';
import { sendFailure } from './respond.ts';
import { tenantOf } from './tenant.ts';

type Parse = (json: unknown) => Result<ParsedInference>;

/** What is known of a request so far; a refusal at the door is recorded with it. */
interface Known {
  readonly requestId: ReturnType<typeof requestId>;
  readonly endpoint: Endpoint;
  readonly keyId: null;
  readonly arrivedMonoMs: number;
  readonly arrivedAtEpochMs: number;
  combo: Combo | null;
  stream: boolean;
}

/** The handler of an inference endpoint: read, resolve, serve. The answer goes straight to node's response. */
export function inferenceRoute(deps: HttpDeps, endpoint: Endpoint, parse: Parse): Handler<HttpEnv> {
  return async (c) => {
    const known: Known = {
      requestId: requestId(c.get('requestId')),
      endpoint,
      keyId: null,
      arrivedMonoMs: deps.clock.monoMs(),
      arrivedAtEpochMs: deps.clock.epochMs(),
      combo: null,
      stream: false,
    };
    const request = await admit(c, deps, parse, known);
    if (!request.ok) return refuse(c, deps, known, request.error);
    return serve(c, deps, request.value);
  };
}

async function admit(
  c: Context<HttpEnv>,
  deps: HttpDeps,
  parse: Parse,
  known: Known,
): Promise<Result<InferenceRequest>> {
  const json = await readJson(c, deps.limits);
  if (!json.ok) return json;
  const parsed = parse(json.value);
  if (!parsed.ok) return parsed;
  const { model, lora, body, maxTokens, maxTokensParam, ...rest } = parsed.value;
  known.stream = rest.stream;
  const combo = parseCombo(model, lora, deps.catalogue.current());
  if (!combo.ok) return combo;
  known.combo = combo.value;
  const missing = unavailability(combo.value, deps.bringsRemote);
  if (missing) return { ok: false, error: missing };
  const attempt = attemptOf(c, deps, known, json.value);
  if (!attempt.ok) return attempt;
  const deadline = readDeadline(c.req.header('x-hearth-deadline-ms'));
  if (!deadline.ok) return deadline;
  const context = combo.value.model.contextTokens;
  if (maxTokens !== undefined && maxTokens > context) {
    return fail(
      'invalid_request',
      `Cannot make ${maxTokens} tokens: the context of "${combo.value.model.id}" is ${context} tokens`,
      maxTokensParam,
    );
  }
  return ok({
    ...known,
    ...rest,
    tenant: tenantOf(c.req.header('authorization'), c.req.header('x-api-key')),
    attempt: attempt.value,
    deadlineMs: deadline.value,
    combo: combo.value,
    body: { model: combo.value.name, ...body },
  });
}

/** Equal keys of different credentials have nothing to do with one another. */
function attemptOf(
  c: Context<HttpEnv>,
  { fingerprints }: HttpDeps,
  { keyId, endpoint }: Known,
  json: unknown,
): Result<KeyedAttempt | null> {
  const header = c.req.header('idempotency-key');
  if (header === undefined) return ok(null);
  const owner = keyId ?? c.req.header('authorization') ?? c.req.header('x-api-key') ?? '';
  return fingerprints.attemptOf(header, owner, endpoint, json);
}

async function serve(c: Context<HttpEnv>, deps: HttpDeps, request: InferenceRequest): Promise<Response> {
  const { outgoing } = c.env;
  if (!outgoing) throw new Error('an inference endpoint needs a connection of node to answer over');
  const clientId = c.get('clientRequestId');
  const sink = new NodeSink(outgoing, deps.limits, {
    'x-request-id': request.requestId,
    ...(clientId === undefined ? {} : { 'x-client-request-id': clientId }),
  });
  try {
    await deps.inference.serve(request, sink);
  } catch (error) {
    if (!sink.headSent && !outgoing.destroyed) throw error;
    deps.log.error({ err: error, requestId: request.requestId }, 'inference failed in mid-answer');
    sink.destroy();
  }
  return RESPONSE_ALREADY_SENT;
}

function refuse(c: Context<HttpEnv>, deps: HttpDeps, known: Known, failure: Failure): Response {
  deps.inference.refused({ ...known, httpStatus: ERROR_TABLE[failure.code].status, errorCode: failure.code });
  // As on every inference answer; here all of the time was the door's.
  const refusedMs = deps.clock.monoMs() - known.arrivedMonoMs;
  c.header('server-timing', serverTiming({ queue: refusedMs }));
  c.header('openai-processing-ms', String(Math.round(refusedMs)));
  if (known.combo) c.header('x-hearth-combo', known.combo.name);
  return sendFailure(c, failure);
}
