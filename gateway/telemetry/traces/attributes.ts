import type { Attributes } from '@opentelemetry/api';
import { ERROR_TABLE } from '../../domain/errors.ts';
import type { Endpoint, RequestRecord } from '../../domain/requestRecord.ts';
import type { UnrecordedEnding } from '../../ports/tracing.ts';

/**
 * Names by OpenTelemetry's semantic conventions: GenAI spans as of v1.41 (github.com/open-telemetry/semantic-conventions-genai),
 * HTTP, error and service attributes as of v1.41; what they have no name for is `hearth.*`. All values are ids of the
 * catalogue, ids of ours, closed sets and numbers: no prompt, completion or key.
 */
const PROVIDER = 'hearth';

const OPERATIONS: Record<Endpoint, string> = {
  chat_completions: 'chat',
  completions: 'text_completion',
  embeddings: 'embeddings',
};

const ROUTES: Record<Endpoint, string> = {
  chat_completions: '/v1/chat/completions',
  completions: '/v1/completions',
  embeddings: '/v1/embeddings',
};

/** `{operation} {model}`; the operation alone where the model is not known. */
export function spanName(endpoint: Endpoint, combo: string | null): string {
  return combo === null ? OPERATIONS[endpoint] : `${OPERATIONS[endpoint]} ${combo}`;
}

/** What is known when a request comes, and a sampler may look at. */
export function arrivalAttributes(endpoint: Endpoint, requestId: string): Attributes {
  return {
    'gen_ai.operation.name': OPERATIONS[endpoint],
    'gen_ai.provider.name': PROVIDER,
    'http.request.method': 'POST',
    'http.route': ROUTES[endpoint],
    'hearth.request.id': requestId,
  };
}

/** An engine's own code is text of others: `_OTHER`, as the conventions call what is not in a list. */
export function errorType(code: string): string {
  return Object.hasOwn(ERROR_TABLE, code) ? code : '_OTHER';
}

/** What the request's own span tells at its end. */
export function requestAttributes(record: RequestRecord): Attributes {
  const { combo, base, runnerId, startKind, errorCode, startDetail } = record;
  return {
    'http.response.status_code': record.httpStatus,
    'gen_ai.request.stream': record.stream,
    ...(combo === null ? {} : { 'gen_ai.request.model': combo, 'gen_ai.response.model': combo }),
    ...(base === null ? {} : { 'hearth.base': base }),
    ...usageAttributes(record),
    ...(runnerId === null ? {} : { 'hearth.runner.id': runnerId }),
    ...(startKind === null ? {} : { 'hearth.start.kind': startKind, 'hearth.start.joined': record.joined }),
    ...(startDetail?.tier ? { 'hearth.start.tier': startDetail.tier } : {}),
    ...(errorCode === null ? {} : { 'error.type': errorType(errorCode) }),
  };
}

/** Of the span of a start that was waited for: what it took in all, whoever waited for how much of it. */
export function startAttributes({ startKind, joined, startDetail }: RequestRecord): Attributes {
  const { tier = null, staged = null } = startDetail ?? {};
  return {
    'hearth.start.kind': startKind ?? 'none',
    'hearth.start.joined': joined,
    ...(tier === null ? {} : { 'hearth.start.tier': tier }),
    ...(staged === null
      ? {}
      : { 'hearth.start.staged_bytes': staged.bytes, 'hearth.start.staged_ms': staged.wallMs }),
    ...(staged?.downloadMs === null || staged?.downloadMs === undefined
      ? {}
      : { 'hearth.start.download_ms': staged.downloadMs }),
  };
}

/** Of a request without a record. Nothing was used for it, so it tells no usage. */
export function unrecordedAttributes(ending: UnrecordedEnding): Attributes {
  const { httpStatus, combo, replayOf, errorCode } = ending;
  return {
    'http.response.status_code': httpStatus,
    ...(combo === null ? {} : { 'gen_ai.request.model': combo, 'gen_ai.response.model': combo }),
    ...(replayOf === null ? {} : { 'hearth.replay_of': replayOf }),
    ...(errorCode === null ? {} : { 'error.type': errorType(errorCode) }),
  };
}

/** What was used, as the runner's span tells it too. */
export function usageAttributes(record: RequestRecord): Attributes {
  const { promptTokens, completionTokens, cachedTokens, finishReason, ttftMs, stream } = record;
  return {
    'gen_ai.usage.input_tokens': promptTokens,
    'gen_ai.usage.output_tokens': completionTokens,
    ...(cachedTokens > 0 ? { 'gen_ai.usage.cache_read.input_tokens': cachedTokens } : {}),
    ...(finishReason === null ? {} : { 'gen_ai.response.finish_reasons': [finishReason] }),
    ...(stream && ttftMs !== null ? { 'gen_ai.response.time_to_first_chunk': ttftMs / 1000 } : {}),
  };
}

/** Of the runner's span: its own measurement of what the gateway's clock put into `prefill` and `decode`. */
export function runnerAttributes(record: RequestRecord): Attributes {
  const told = record.trace?.runner;
  return {
    'gen_ai.operation.name': OPERATIONS[record.endpoint],
    'gen_ai.provider.name': PROVIDER,
    ...(record.combo === null ? {} : { 'gen_ai.request.model': record.combo }),
    ...usageAttributes(record),
    ...(told
      ? {
          'hearth.runner.queue_ms': told.queueMs,
          'hearth.runner.prefill_ms': told.prefillMs,
          'hearth.runner.decode_ms': told.decodeMs,
        }
      : {}),
  };
}
