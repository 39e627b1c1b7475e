import type { Cost, StartShare } from '../gateway/domain/cost.ts';
import { comboName, requestId, runnerId } from '../gateway/domain/ids.ts';
import { PHASES, type PhaseRecord } from '../gateway/domain/phases.ts';
import type { RequestRecord } from '../gateway/domain/requestRecord.ts';
import type { StageDetail, StartDetail } from '../gateway/domain/startDetail.ts';
import type { requests } from './schema.ts';

/** A row of the ledger as drizzle gives and takes it. */
export type RequestRow = typeof requests.$inferSelect;
type DetailColumn =
  | 'startTier'
  | 'stagedBytes'
  | 'stagedMs'
  | 'downloadMs'
  | 'stageThreads'
  | 'readMs'
  | 'decryptMs'
  | 'verifyMs'
  | 'uploadBytes'
  | 'uploadMs';

/** The record as a row: `base` is the column base_id, each phase and each figure of the start a column of its own. */
export function rowFromRecord(record: RequestRecord): RequestRow {
  const { base, phasesMs, startDetail, startShare, cost, ...same } = record;
  const { totalMicroUsd, ...parts } = cost;
  return {
    ...same,
    baseId: base,
    startId: startShare?.startId ?? null,
    startOf: startShare?.of ?? null,
    startIndex: startShare?.index ?? null,
    costMicroUsd: totalMicroUsd,
    ...parts,
    queueMs: phasesMs.queue ?? null,
    spawnMs: phasesMs.spawn ?? null,
    stageMs: phasesMs.stage ?? null,
    loadMs: phasesMs.load ?? null,
    attachMs: phasesMs.attach ?? null,
    contextMs: phasesMs.context ?? null,
    prefillMs: phasesMs.prefill ?? null,
    decodeMs: phasesMs.decode ?? null,
    ...columnsOf(startDetail),
  };
}

function columnsOf(detail: StartDetail | null): Pick<RequestRow, DetailColumn> {
  const { staged = null, upload = null } = detail ?? {};
  return {
    startTier: detail?.tier ?? null,
    stagedBytes: staged?.bytes ?? null,
    stagedMs: staged?.wallMs ?? null,
    downloadMs: staged?.downloadMs ?? null,
    stageThreads: staged?.work?.threads ?? null,
    readMs: staged?.work?.readMs ?? null,
    decryptMs: staged?.work?.decryptMs ?? null,
    verifyMs: staged?.work?.verifyMs ?? null,
    uploadBytes: upload?.bytes ?? null,
    uploadMs: upload?.tookMs ?? null,
  };
}

/** The record that was appended, absent phases absent again. */
export function recordFromRow(row: RequestRow): RequestRecord {
  return {
    requestId: requestId(row.requestId),
    endpoint: row.endpoint,
    keyId: row.keyId,
    combo: row.combo === null ? null : comboName(row.combo),
    base: row.baseId,
    comboRevision: row.comboRevision,
    runnerId: row.runnerId === null ? null : runnerId(row.runnerId),
    startKind: row.startKind,
    joined: row.joined,
    startShare: shareFrom(row),
    stream: row.stream,
    arrivedAtEpochMs: row.arrivedAtEpochMs,
    deadlineMs: row.deadlineMs,
    phasesMs: phasesFrom(row),
    startDetail: detailFrom(row),
    ttftMs: row.ttftMs,
    tpotMs: row.tpotMs,
    totalMs: row.totalMs,
    promptTokens: row.promptTokens,
    cachedTokens: row.cachedTokens,
    completionTokens: row.completionTokens,
    responseBytes: row.responseBytes,
    deviceBytes: row.deviceBytes,
    priceVersion: row.priceVersion,
    cost: costFrom(row),
    httpStatus: row.httpStatus,
    errorCode: row.errorCode,
    finishReason: row.finishReason,
  };
}

function shareFrom({
  startId,
  startOf,
  startIndex,
}: Pick<RequestRow, 'startId' | 'startOf' | 'startIndex'>): StartShare | null {
  if (startId === null || startOf === null || startIndex === null) return null;
  return { startId, of: startOf, index: startIndex };
}

function costFrom(row: RequestRow): Cost {
  return {
    inputMicroUsd: row.inputMicroUsd,
    cachedMicroUsd: row.cachedMicroUsd,
    outputMicroUsd: row.outputMicroUsd,
    runnerMicroUsd: row.runnerMicroUsd,
    deviceMicroUsd: row.deviceMicroUsd,
    startMicroUsd: row.startMicroUsd,
    totalMicroUsd: row.costMicroUsd,
  };
}

function phasesFrom(row: RequestRow): PhaseRecord {
  const { queueMs, spawnMs, stageMs, loadMs, attachMs, contextMs, prefillMs, decodeMs } = row;
  const columns = [queueMs, spawnMs, stageMs, loadMs, attachMs, contextMs, prefillMs, decodeMs];
  const phasesMs: PhaseRecord = {};
  for (const [index, phase] of PHASES.entries()) {
    const durationMs = columns[index];
    if (typeof durationMs === 'number') phasesMs[phase] = durationMs;
  }
  return phasesMs;
}

/** null for a row of before there were such columns, too. */
function detailFrom(row: Pick<RequestRow, DetailColumn>): StartDetail | null {
  const { startTier: tier, uploadBytes, uploadMs } = row;
  const staged = stagedFrom(row);
  const upload = uploadBytes === null ? null : { bytes: uploadBytes, tookMs: uploadMs ?? 0 };
  return tier === null && staged === null && upload === null ? null : { tier, staged, upload };
}

function stagedFrom(row: Pick<RequestRow, DetailColumn>): StageDetail | null {
  const { stagedBytes, stagedMs, downloadMs, stageThreads, readMs, decryptMs, verifyMs } = row;
  if (stagedBytes === null) return null;
  const work =
    stageThreads === null
      ? null
      : { threads: stageThreads, readMs: readMs ?? 0, decryptMs, verifyMs: verifyMs ?? 0 };
  return { bytes: stagedBytes, wallMs: stagedMs ?? 0, downloadMs, work };
}
