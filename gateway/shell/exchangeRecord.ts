import type { RunnerReport } from '../../runner/protocol/report.ts';
import type { RequestRecord } from '../domain/requestRecord.ts';
import type { FixedStart } from '../pool/effects.ts';
import type { InferenceRequest, RefusedRequest } from './inference.ts';
import type { RequestTimes } from './requestTimes.ts';

/** How an exchange ended, beside its times. */
export interface Ending {
  readonly httpStatus: number;
  readonly errorCode: string | null;
  readonly report: RunnerReport | null;
  readonly responseBytes: number;
}

/** The one record of a request, at its end. `start`: what it was granted, or waited for in vain. `endedMonoMs` is when the runner's last byte came or the request failed. */
export function makeRecord(
  request: InferenceRequest,
  start: FixedStart | null,
  times: RequestTimes,
  ending: Ending,
  deadlineMs: number | null,
  endedMonoMs: number,
): RequestRecord {
  const { combo } = request;
  const { report } = ending;
  return {
    requestId: request.requestId,
    endpoint: request.endpoint,
    keyId: request.keyId,
    combo: combo.name,
    base: combo.model.id,
    comboRevision: combo.key.slice(combo.name.length + 1),
    runnerId: start?.runnerId ?? null,
    startKind: start?.kind ?? null,
    joined: start?.joined ?? false,
    stream: request.stream,
    arrivedAtEpochMs: request.arrivedAtEpochMs,
    deadlineMs,
    phasesMs: times.phases(endedMonoMs),
    startDetail: times.startDetail,
    ttftMs: times.ttftMs(),
    tpotMs: times.tpotMs(endedMonoMs),
    totalMs: endedMonoMs - request.arrivedMonoMs,
    promptTokens: report?.promptTokens ?? 0,
    cachedTokens: report?.cachedTokens ?? 0,
    completionTokens: report?.completionTokens ?? 0,
    responseBytes: ending.responseBytes,
    httpStatus: ending.httpStatus,
    errorCode: ending.errorCode,
    finishReason: report?.finishReason ?? null,
  };
}

/** The record of a request that was refused before anything was done for it. */
export function makeRefusedRecord(refusal: RefusedRequest, endedMonoMs: number): RequestRecord {
  const totalMs = endedMonoMs - refusal.arrivedMonoMs;
  return {
    requestId: refusal.requestId,
    endpoint: refusal.endpoint,
    keyId: refusal.keyId,
    combo: refusal.combo?.name ?? null,
    base: refusal.combo?.model.id ?? null,
    comboRevision: refusal.combo ? refusal.combo.key.slice(refusal.combo.name.length + 1) : null,
    runnerId: null,
    startKind: null,
    joined: false,
    stream: refusal.stream,
    arrivedAtEpochMs: refusal.arrivedAtEpochMs,
    deadlineMs: null,
    phasesMs: { queue: totalMs },
    startDetail: null,
    ttftMs: null,
    tpotMs: null,
    totalMs,
    promptTokens: 0,
    cachedTokens: 0,
    completionTokens: 0,
    responseBytes: 0,
    httpStatus: refusal.httpStatus,
    errorCode: refusal.errorCode,
    finishReason: null,
  };
}
