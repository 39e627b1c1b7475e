import type { Admission } from '../../gateway/domain/admission.ts';
import { NO_COST } from '../../gateway/domain/cost.ts';
import { comboName, requestId, runnerId } from '../../gateway/domain/ids.ts';
import type { RequestRecord } from '../../gateway/domain/requestRecord.ts';

/** A record as a good streamed answer makes it, with what the test cares about. */
export function requestRecord(id: string, changes: Partial<RequestRecord> = {}): RequestRecord {
  return {
    requestId: requestId(id),
    endpoint: 'chat_completions',
    keyId: null,
    combo: comboName('tiny-chat+pirate'),
    base: 'tiny-chat',
    comboRevision: 'aaaaaaaaaaaa.bbbbbbbbbbbb',
    runnerId: runnerId('r_1'),
    startKind: 'attach',
    joined: true,
    startShare: { startId: 'q_first', of: 3, index: 1 },
    stream: true,
    arrivedAtEpochMs: 1_700_000_000_000,
    deadlineMs: 30_000,
    phasesMs: { queue: 0.25, attach: 1.5, prefill: 3, decode: 10.125 },
    startDetail: null,
    ttftMs: 4.75,
    tpotMs: 0.5,
    totalMs: 14.875,
    promptTokens: 12,
    cachedTokens: 3,
    completionTokens: 20,
    responseBytes: 2048,
    deviceBytes: 0,
    priceVersion: 1,
    cost: { ...NO_COST, inputMicroUsd: 12, startMicroUsd: 7, totalMicroUsd: 19 },
    httpStatus: 200,
    errorCode: null,
    finishReason: 'stop',
    ...changes,
  };
}

/** The admission of the same request. */
export function admission(id: string, changes: Partial<Admission> = {}): Admission {
  return {
    requestId: requestId(id),
    endpoint: 'chat_completions',
    keyId: null,
    combo: comboName('tiny-chat+pirate'),
    base: 'tiny-chat',
    comboRevision: 'aaaaaaaaaaaa.bbbbbbbbbbbb',
    stream: true,
    arrivedAtEpochMs: 1_700_000_000_000,
    gatewayRun: 'run1',
    reservation: { mostCompletionTokens: 64, promptTokensEstimate: 9, reservedMicroUsd: 0 },
    ...changes,
  };
}
