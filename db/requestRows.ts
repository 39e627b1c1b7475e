import { comboName, requestId, runnerId } from '../gateway/domain/ids.ts';
import { PHASES, type PhaseRecord } from '../gateway/domain/phases.ts';
import type { RequestRecord } from '../gateway/domain/requestRecord.ts';
import type { requests } from './schema.ts';

/** A row of the ledger as drizzle gives and takes it. */
export type RequestRow = typeof requests.$inferSelect;

/** The record as a row: `base` is the column base_id, each phase a column of its own. */
export function rowFromRecord(record: RequestRecord): RequestRow {
  const { base, phasesMs, ...same } = record;
  return {
    ...same,
    baseId: base,
    queueMs: phasesMs.queue ?? null,
    spawnMs: phasesMs.spawn ?? null,
    stageMs: phasesMs.stage ?? null,
    loadMs: phasesMs.load ?? null,
    attachMs: phasesMs.attach ?? null,
    contextMs: phasesMs.context ?? null,
    prefillMs: phasesMs.prefill ?? null,
    decodeMs: phasesMs.decode ?? null,
  };
}

/** The record that was appended, absent phases absent again. */
export function recordFromRow(row: RequestRow): RequestRecord {
  const { baseId, queueMs, spawnMs, stageMs, loadMs, attachMs, contextMs, prefillMs, decodeMs, ...same } =
    row;
  const columns = [queueMs, spawnMs, stageMs, loadMs, attachMs, contextMs, prefillMs, decodeMs];
  const phasesMs: PhaseRecord = {};
  for (const [index, phase] of PHASES.entries()) {
    const durationMs = columns[index];
    if (typeof durationMs === 'number') phasesMs[phase] = durationMs;
  }
  return {
    ...same,
    requestId: requestId(row.requestId),
    combo: row.combo === null ? null : comboName(row.combo),
    base: baseId,
    runnerId: row.runnerId === null ? null : runnerId(row.runnerId),
    phasesMs,
  };
}
