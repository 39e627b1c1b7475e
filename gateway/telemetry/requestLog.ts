import type { RequestRecord } from '../domain/requestRecord.ts';
import { type TraceContext, traceFields } from '../domain/trace.ts';
import type { Log } from '../ports/log.ts';
import type { UnrecordedEnding } from '../ports/tracing.ts';

/** One line for each request that has ended. The record holds no content, so none can get here. */
export function logRequest(log: Log, record: RequestRecord): void {
  const { requestId, endpoint, combo, startKind, joined, runnerId, httpStatus, errorCode } = record;
  const line = {
    requestId,
    ...traceFields(record.trace),
    endpoint,
    ...(record.keyId === null ? {} : { key: record.keyId }),
    combo,
    start: startKind,
    ...(joined ? { joined } : {}),
    runnerId,
    status: httpStatus,
    ...(errorCode === null ? {} : { errorCode }),
    promptTokens: record.promptTokens,
    completionTokens: record.completionTokens,
    ttftMs: record.ttftMs === null ? null : Math.round(record.ttftMs * 10) / 10,
    totalMs: Math.round(record.totalMs * 10) / 10,
  };
  log.info(line, 'request ended');
}

/** One line for each request that got an earlier answer again. */
export function logReplay(log: Log, trace: TraceContext | null | undefined, ending: UnrecordedEnding): void {
  const { requestId, endpoint, combo, replayOf, httpStatus } = ending;
  const totalMs = Math.round(ending.totalMs * 10) / 10;
  const line = { requestId, ...traceFields(trace), endpoint, combo, replayOf, status: httpStatus, totalMs };
  log.info(line, 'answer given again');
}
