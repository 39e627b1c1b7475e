import type { RunnerReport } from '../../runner/protocol/report.ts';
import type { Admission } from '../domain/admission.ts';
import type { Combo } from '../domain/combo.ts';
import { costOf, factsOf, NO_COST } from '../domain/cost.ts';
import { ERROR_TABLE } from '../domain/errors.ts';
import type { RunnerId } from '../domain/ids.ts';
import type { PriceVersion } from '../domain/prices.ts';
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

/** A request as the ledger opens it. */
export function admissionOf(request: InferenceRequest, gatewayRun: string): Admission {
  const { requestId, endpoint, keyId, combo, stream, arrivedAtEpochMs, reservation } = request;
  return {
    requestId,
    endpoint,
    keyId,
    combo: combo.name,
    base: combo.model.id,
    comboRevision: revisionOf(combo),
    stream,
    arrivedAtEpochMs,
    gatewayRun,
    reservation,
  };
}

function revisionOf({ key, name }: Combo): string {
  return key.slice(name.length + 1);
}

/** The one record of a request, at its end. `start`: what it was granted, or waited for in vain. `endedMonoMs` is when the runner's last byte came or the request failed. */
export function makeRecord(
  request: InferenceRequest,
  start: FixedStart | null,
  times: RequestTimes,
  ending: Ending,
  deadlineMs: number | null,
  endedMonoMs: number,
  prices: PriceVersion,
): RequestRecord {
  const { combo } = request;
  const { report } = ending;
  const record = {
    requestId: request.requestId,
    endpoint: request.endpoint,
    keyId: request.keyId,
    combo: combo.name,
    base: combo.model.id,
    comboRevision: revisionOf(combo),
    runnerId: start?.runnerId ?? null,
    startKind: start?.kind ?? null,
    joined: start?.joined ?? false,
    startShare: start?.share ?? null,
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
    deviceBytes: start?.deviceBytes ?? 0,
    httpStatus: ending.httpStatus,
    errorCode: ending.errorCode,
    finishReason: report?.finishReason ?? null,
    ...(request.trace && {
      trace: {
        ...request.trace,
        spans: times.spans(endedMonoMs),
        downloads: times.downloads(),
        runner: times.runner,
      },
    }),
  };
  return { ...record, priceVersion: prices.version, cost: costOf(factsOf(record), prices.book) };
}

/** What ends before anything is done for it, or fails on our side, costs nothing. */
const UNPRICED = { deviceBytes: 0, priceVersion: null, cost: NO_COST };

/** The record of a request that was refused before anything was done for it. */
export function makeRefusedRecord(refusal: RefusedRequest, endedMonoMs: number): RequestRecord {
  const totalMs = endedMonoMs - refusal.arrivedMonoMs;
  return {
    requestId: refusal.requestId,
    endpoint: refusal.endpoint,
    keyId: refusal.keyId,
    combo: refusal.combo?.name ?? null,
    base: refusal.combo?.model.id ?? null,
    comboRevision: refusal.combo ? revisionOf(refusal.combo) : null,
    runnerId: null,
    startKind: null,
    joined: false,
    startShare: null,
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
    ...UNPRICED,
    httpStatus: refusal.httpStatus,
    errorCode: refusal.errorCode,
    finishReason: null,
    ...(refusal.trace && {
      trace: {
        ...refusal.trace,
        spans: [{ phase: 'queue', startMs: 0, endMs: totalMs } as const],
        downloads: [],
        runner: null,
      },
    }),
  };
}

/** What an adopted runner still knew of a request that its gateway's end cut off. */
export interface LateUse {
  readonly runnerId: RunnerId;
  readonly report: RunnerReport;
}

const NOTHING = { promptTokens: 0, cachedTokens: 0, completionTokens: 0, prefillMs: 0, decodeMs: 0 };

/** The record of a request that the end of an earlier gateway cut off. Of its time, what the runner told is known. */
export function makeInterruptedRecord(admission: Admission, use: LateUse | null): RequestRecord {
  const { gatewayRun: _run, reservation: _reserved, ...same } = admission;
  const { promptTokens, cachedTokens, completionTokens, prefillMs, decodeMs } = use?.report ?? NOTHING;
  const phasesMs = use ? { prefill: prefillMs, decode: decodeMs } : {};
  return {
    ...same,
    runnerId: use?.runnerId ?? null,
    startKind: null,
    joined: false,
    startShare: null,
    deadlineMs: null,
    phasesMs,
    startDetail: null,
    ttftMs: null,
    tpotMs: null,
    totalMs: prefillMs + decodeMs,
    promptTokens,
    cachedTokens,
    completionTokens,
    responseBytes: 0,
    ...UNPRICED,
    httpStatus: ERROR_TABLE.interrupted.status,
    errorCode: 'interrupted',
    finishReason: null,
  };
}
