import { periodStart } from '../../access/budgets.ts';
import type { ReportRange } from '../../domain/reportFigures.ts';
import type { CostReads, KeySpend } from '../../ports/costReads.ts';
import type { ReportReads } from '../../ports/reportReads.ts';

/**
 * What each key has spent in the running month, by its days before today and today (UTC): from the roll-ups, so that a
 * gateway with a month of ten million requests starts as soon as another. From the rows where there are too many keys for that.
 */
export async function pastSpend(
  reports: Pick<ReportReads, 'groups' | 'corrections'>,
  rows: Pick<CostReads, 'spentSince'>,
  nowEpochMs: number,
): Promise<readonly KeySpend[]> {
  const month = periodStart('month', nowEpochMs);
  const today = periodStart('day', nowEpochMs);
  const parts = await Promise.all([
    spentIn(reports, { fromEpochMs: month, toEpochMs: today }),
    spentIn(reports, { fromEpochMs: today, toEpochMs: null }),
  ]);
  const spends: KeySpend[] = [];
  for (const part of parts) {
    if (part === null) return rows.spentSince(month);
    spends.push(...part);
  }
  return spends;
}

/** null: too many keys. */
async function spentIn(
  reports: Pick<ReportReads, 'groups' | 'corrections'>,
  range: ReportRange,
): Promise<KeySpend[] | null> {
  const { fromEpochMs: dayEpochMs, toEpochMs } = range;
  if (toEpochMs !== null && toEpochMs <= dayEpochMs) return [];
  const groups = await reports.groups({ ...range, cube: 'usage', combo: null, groupBy: ['key'] });
  if (groups === null) return null;
  const spends: KeySpend[] = [];
  for (const { by, counters } of groups)
    if (typeof by.key === 'string')
      spends.push({ keyId: by.key, dayEpochMs, microUsd: counters.costMicroUsd ?? 0 });
  for (const { key, costMicroUsd: microUsd } of await reports.corrections(range))
    if (key !== null) spends.push({ keyId: key, dayEpochMs, microUsd });
  return spends;
}
