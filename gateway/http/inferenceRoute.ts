import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Context, Handler } from 'hono';
import { scopeRefusal } from '../access/scopes.ts';
import type { Reservation } from '../domain/admission.ts';
import type { ApiKey } from '../domain/apiKey.ts';
import { unavailability } from '../domain/availability.ts';
import { type Combo, parseCombo } from '../domain/combo.ts';
import { ERROR_TABLE, type Failure, fail, ok, type Result } from '../domain/errors.ts';
import { type KeyId, requestId } from '../domain/ids.ts';
import type { Endpoint } from '../domain/requestRecord.ts';
import { boundsOf, type TokenBounds } from '../domain/tokenBounds.ts';
import { type TraceContext, traceFields } from '../domain/trace.ts';
import type { KeyedAttempt } from '../ports/ledger.ts';
import type { InferenceRequest } from '../shell/inference.ts';
import { serverTiming } from '../shell/requestTimes.ts';
import { readJson } from './body.ts';
import { credentialOf } from './credential.ts';
import { readDeadline } from './deadline.ts';
import type { HttpDeps, HttpEnv } from './deps.ts';
import { NodeSink } from './nodeSink.ts';
import type { ParsedInference } from './openai/parsed.ts';
import { rateLimitHeaders } from './rateLimitHeaders.ts';
import { answerHeader, sendFailure } from './respond.ts';
import { tenantOf } from './tenant.ts';

type Parse = (json: unknown) => Result<ParsedInference>;

/** What is known of a request so far; a refusal at the door is recorded with it. */
interface Known {
  readonly requestId: ReturnType<typeof requestId>;
  readonly endpoint: Endpoint;
  readonly keyId: KeyId | null;
  readonly arrivedMonoMs: number;
  readonly arrivedAtEpochMs: number;
  readonly trace: TraceContext | null;
  combo: Combo | null;
  stream: boolean;
}

/** The handler of an inference endpoint: read, resolve, serve. The answer goes straight to node's response. */
export function inferenceRoute(deps: HttpDeps, endpoint: Endpoint, parse: Parse): Handler<HttpEnv> {
  return async (c) => {
    const known = arrived(c, deps, endpoint);
    const request = await admit(c, deps, parse, known);
    try {
      if (!request.ok) return await refuse(c, deps, known, request.error);
      return await serve(c, deps, request.value);
    } finally {
      deps.access.over(known.requestId);
      deps.tracing.over(known.requestId);
    }
  };
}

function arrived(c: Context<HttpEnv>, { clock, tracing }: HttpDeps, endpoint: Endpoint): Known {
  const id = requestId(c.get('requestId'));
  const arrivedMonoMs = clock.monoMs();
  const arrivedAtEpochMs = clock.epochMs();
  const traceparent = c.req.header('traceparent');
  const tracestate = c.req.header('tracestate');
  const trace = tracing.begin({ requestId: id, endpoint, arrivedAtEpochMs, traceparent, tracestate });
  c.set('trace', trace);
  return {
    requestId: id,
    endpoint,
    keyId: c.get('apiKey')?.id ?? null,
    arrivedMonoMs,
    arrivedAtEpochMs,
    trace,
    combo: null,
    stream: false,
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
  const catalogue = deps.catalogue.current();
  const combo = parseCombo(model, lora, catalogue);
  if (!combo.ok) return combo;
  known.combo = combo.value;
  const key = c.get('apiKey');
  const outOfScope = key && scopeRefusal(key, known.endpoint, combo.value, catalogue);
  if (outOfScope) return { ok: false, error: outOfScope };
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
  const named = { model: combo.value.name, ...body };
  const text = JSON.stringify(named);
  const bounds = boundsOf(known.endpoint, named, Buffer.byteLength(text), context);
  const reservation = deps.reserve(combo.value, bounds);
  const overLimit = key && admitByKey(c, deps, key, known, bounds, reservation);
  if (overLimit) return { ok: false, error: overLimit };
  return ok({
    ...known,
    ...rest,
    tenant: tenantOf(key, credentialOf(c.req.header('authorization'), c.req.header('x-api-key'))),
    weight: key?.weight ?? 1,
    attempt: attempt.value,
    deadlineMs: deadline.value,
    combo: combo.value,
    body: text,
    reservation,
  });
}

/** What nobody asked for is no reason to refuse a request for ever. */
function likelyTokens({ limits: { tokensPerMinute } }: ApiKey, bounds: TokenBounds): number {
  const likely = bounds.likelyPrompt + bounds.likelyCompletion;
  return bounds.askedCompletion === null ? Math.min(likely, tokensPerMinute ?? likely) : likely;
}

/** Charges the key's limits and budget, or says why not; the answer's headers tell what is left of them. */
function admitByKey(
  c: Context<HttpEnv>,
  deps: HttpDeps,
  key: ApiKey,
  known: Known,
  bounds: TokenBounds,
  { reservedMicroUsd }: Reservation,
): Failure | null {
  const { requestId: id, arrivedAtEpochMs } = known;
  const ask = { requestId: id, arrivedAtEpochMs, tokens: likelyTokens(key, bounds), reservedMicroUsd };
  const { refusal, allowances, budgetWarning } = deps.access.admit(key, ask);
  for (const [name, value] of Object.entries(rateLimitHeaders(allowances))) answerHeader(c, name, value);
  if (budgetWarning !== null) answerHeader(c, 'x-hearth-budget-warning', budgetWarning);
  return refusal;
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
  // What CORS has put on hono's answer, which goes nowhere.
  const headers = deps.corsOrigins.length === 0 ? {} : Object.fromEntries(c.res.headers);
  const sink = new NodeSink(outgoing, deps.limits, headers);
  try {
    await deps.inference.serve(request, sink);
  } catch (error) {
    if (!sink.headSent && !outgoing.destroyed) throw error;
    deps.log.error(
      { err: error, requestId: request.requestId, ...traceFields(request.trace) },
      'inference failed in mid-answer',
    );
    sink.destroy();
  }
  return RESPONSE_ALREADY_SENT;
}

async function refuse(
  c: Context<HttpEnv>,
  deps: HttpDeps,
  known: Known,
  failure: Failure,
): Promise<Response> {
  const httpStatus = ERROR_TABLE[failure.code].status;
  // As on every inference answer; here all of the time was the door's.
  const refusedMs = deps.clock.monoMs() - known.arrivedMonoMs;
  await deps.inference.refused({ ...known, httpStatus, errorCode: failure.code });
  c.header('server-timing', serverTiming({ queue: refusedMs }));
  c.header('openai-processing-ms', String(Math.round(refusedMs)));
  if (known.combo) c.header('x-hearth-combo', known.combo.name);
  return sendFailure(c, failure);
}
