import type { Context, Next } from 'hono';
import { ERROR_TABLE, type ErrorCode } from '../domain/errors.ts';
import { parseTraceparent, type TraceContext, traceFields } from '../domain/trace.ts';
import { credentialOf } from './credential.ts';
import type { HttpDeps, HttpEnv } from './deps.ts';
import { inferenceEndpoint } from './inferencePaths.ts';
import { sendFailure } from './respond.ts';

/** Lets clients on with a valid API key, or without one where none is required, before anything else is looked at. */
export function keyAuth(deps: HttpDeps) {
  return async (c: Context<HttpEnv>, next: Next): Promise<Response | void> => {
    const arrivedMonoMs = deps.clock.monoMs();
    const credential = credentialOf(c.req.header('authorization'), c.req.header('x-api-key'));
    const found = deps.access.authenticate(credential);
    if (found.ok) {
      c.set('apiKey', found.value);
      return next();
    }
    const { code } = found.error;
    const trace = traceRefusal(c, deps, code, arrivedMonoMs);
    const address = deps.clientAddress(c.env?.incoming);
    const refused = { requestId: c.get('requestId'), ...traceFields(trace), code, address };
    deps.log.info(refused, 'client refused');
    deps.credentialRefused('client', code);
    c.header('www-authenticate', 'Bearer');
    return sendFailure(c, found.error);
  };
}

/** Strangers begin no traces of their own: only one that they bring tells of them. */
function traceRefusal(
  c: Context<HttpEnv>,
  { tracing, clock }: HttpDeps,
  errorCode: ErrorCode,
  arrivedMonoMs: number,
): TraceContext | null {
  const endpoint = inferenceEndpoint(c.req.method, c.req.path);
  const traceparent = c.req.header('traceparent');
  const tracestate = c.req.header('tracestate');
  if (endpoint === null || parseTraceparent(traceparent, tracestate) === null) return null;
  const totalMs = clock.monoMs() - arrivedMonoMs;
  const request = { requestId: c.get('requestId'), endpoint, arrivedAtEpochMs: clock.epochMs() - totalMs };
  const trace = tracing.begin({ ...request, traceparent, tracestate });
  const httpStatus = ERROR_TABLE[errorCode].status;
  tracing.unrecorded({ ...request, combo: null, replayOf: null, httpStatus, errorCode, totalMs });
  return trace;
}
