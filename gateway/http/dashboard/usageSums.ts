import type { Counter, ReportGroup } from '../../domain/reportFigures.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Reads for one page at most. */
const MOST_READS = 24;
/** Groups that are added up at most: they are in the gateway's memory. */
const MOST_SUMS = 50_000;

/** null: more groups than a report may have. `toEpochMs` null: until now. */
type Read = (fromEpochMs: number, toEpochMs: number | null) => Promise<readonly ReportGroup[] | null>;

/**
 * Sums of a time by what `read` tells apart, also where that is more than one report may have: then the two halves of the time
 * are read, and so on, and added up. Counters alone, since percentiles do not add up. null: too many even so.
 */
export async function usageSums(
  read: Read,
  fromEpochMs: number,
  toEpochMs: number | null,
  nowEpochMs: number,
): Promise<readonly ReportGroup[] | null> {
  const sums = new Map<string, { by: ReportGroup['by']; counters: Partial<Record<Counter, number>> }>();
  let reads = 0;
  const add = async (from: number, to: number | null): Promise<boolean> => {
    reads += 1;
    if (reads > MOST_READS || sums.size > MOST_SUMS) return false;
    const groups = await read(from, to);
    if (groups === null) {
      const middle = middleOf(from, to ?? nowEpochMs);
      return middle !== null && (await add(from, middle)) && (await add(middle, to));
    }
    for (const { by, counters } of groups) {
      const key = JSON.stringify(Object.values(by));
      const sum = sums.get(key) ?? { by, counters: {} };
      sums.set(key, sum);
      for (const [name, amount] of Object.entries(counters) as [Counter, number][])
        sum.counters[name] = (sum.counters[name] ?? 0) + amount;
    }
    return true;
  };
  if (!(await add(fromEpochMs, toEpochMs))) return null;
  return [...sums.values()].map((sum) => ({ ...sum, measures: {} }));
}

/** A whole day, or hour, in UTC: what is rolled up needs no rows there. null: the time is too short to have one inside. */
function middleOf(fromEpochMs: number, toEpochMs: number): number | null {
  for (const unit of [DAY_MS, HOUR_MS]) {
    const middle = Math.round((fromEpochMs + toEpochMs) / 2 / unit) * unit;
    if (fromEpochMs < middle && middle < toEpochMs) return middle;
  }
  return null;
}
