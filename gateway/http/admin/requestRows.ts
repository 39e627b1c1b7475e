import type { Admission } from '../../domain/admission.ts';
import type { Correction } from '../../domain/correction.ts';
import type { Cost, StartShare } from '../../domain/cost.ts';
import type { RequestRecord } from '../../domain/requestRecord.ts';
import type { StageDetail, StartDetail } from '../../domain/startDetail.ts';
import type { RequestAccount } from '../../ports/ledgerReads.ts';
import type { CorrectionRow, RequestAccountRow, RequestRow } from './requestSchemas.ts';

/** From what the ledger holds to what the admin API shows. */

export function requestRowOf(record: RequestRecord): RequestRow {
  return {
    id: record.requestId,
    object: 'request',
    endpoint: record.endpoint,
    key_id: record.keyId,
    combo: record.combo,
    base: record.base,
    combo_revision: record.comboRevision,
    runner: record.runnerId,
    start: record.startKind,
    joined: record.joined,
    start_share: record.startShare && shareOf(record.startShare),
    stream: record.stream,
    arrived: new Date(record.arrivedAtEpochMs).toISOString(),
    deadline_ms: record.deadlineMs,
    phases_ms: record.phasesMs,
    start_detail: record.startDetail && detailOf(record.startDetail),
    ttft_ms: record.ttftMs,
    tpot_ms: record.tpotMs,
    total_ms: record.totalMs,
    prompt_tokens: record.promptTokens,
    cached_tokens: record.cachedTokens,
    completion_tokens: record.completionTokens,
    response_bytes: record.responseBytes,
    device_bytes: record.deviceBytes,
    price_version: record.priceVersion,
    cost_micro_usd: record.cost.totalMicroUsd,
    cost_parts_micro_usd: partsOf(record.cost),
    status: record.httpStatus,
    error_code: record.errorCode,
    finish_reason: record.finishReason,
  };
}

function shareOf({ startId, of, index }: StartShare): RequestRow['start_share'] {
  return { id: startId, of, index };
}

function partsOf(cost: Cost): RequestRow['cost_parts_micro_usd'] {
  return {
    input: cost.inputMicroUsd,
    cached: cost.cachedMicroUsd,
    output: cost.outputMicroUsd,
    runner: cost.runnerMicroUsd,
    device: cost.deviceMicroUsd,
    start: cost.startMicroUsd,
  };
}

export function accountRowOf({ record, admission, corrections }: RequestAccount): RequestAccountRow {
  return {
    ...requestRowOf(record),
    admission: admission && admissionOf(admission),
    corrections: corrections.map(correctionRowOf),
  };
}

export function correctionRowOf(correction: Correction): CorrectionRow {
  return {
    id: correction.id,
    object: 'correction',
    request_id: correction.requestId,
    made: new Date(correction.madeAtEpochMs).toISOString(),
    reason: correction.reason,
    author: correction.author,
    prompt_tokens: correction.promptTokens,
    cached_tokens: correction.cachedTokens,
    completion_tokens: correction.completionTokens,
    cost_micro_usd: correction.costMicroUsd,
  };
}

function admissionOf({ gatewayRun, reservation }: Admission): NonNullable<RequestAccountRow['admission']> {
  return {
    gateway_run: gatewayRun,
    most_completion_tokens: reservation.mostCompletionTokens,
    prompt_tokens_estimate: reservation.promptTokensEstimate,
    reserved_micro_usd: reservation.reservedMicroUsd,
  };
}

type DetailRow = NonNullable<RequestRow['start_detail']>;

function detailOf({ tier, staged, upload }: StartDetail): DetailRow {
  return {
    tier,
    staged: staged && stagedOf(staged),
    upload: upload && { bytes: upload.bytes, took_ms: upload.tookMs },
  };
}

function stagedOf({ bytes, wallMs, downloadMs, work }: StageDetail): DetailRow['staged'] {
  return {
    bytes,
    wall_ms: wallMs,
    download_ms: downloadMs,
    threads: work?.threads ?? null,
    read_ms: work?.readMs ?? null,
    decrypt_ms: work?.decryptMs ?? null,
    verify_ms: work?.verifyMs ?? null,
  };
}
