import type { Catalogue } from '../domain/catalogue.ts';
import { type Combo, comboOfKey } from '../domain/combo.ts';
import { REMEMBERED } from '../pool/durations.ts';
import type { PoolEvent } from '../pool/events.ts';
import type { PastTime } from '../pool/pastTimes.ts';
import type { DurationHistory, PastDuration } from '../ports/durationHistory.ts';
import type { Log } from '../ports/log.ts';

/** Reads how long starts and requests took in earlier lives of the gateway; nothing when that cannot be read. */
export async function readPastTimes(history: DurationHistory, log: Log): Promise<readonly PastDuration[]> {
  try {
    return await history.last(REMEMBERED);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log.warn({ error: reason }, 'times of earlier starts were not read');
    return [];
  }
}

/** What of that is of combos that the catalogue has, as their files are now: a fact for the pool, before all others. */
export function pastTimesEvent(
  durations: readonly PastDuration[],
  catalogue: Catalogue,
): Extract<PoolEvent, { type: 'timesKnown' }> {
  const combos = new Map<string, Combo | null>();
  const times: PastTime[] = [];
  for (const { combo: name, comboRevision, kind, tookMs } of durations) {
    const key = `${name}#${comboRevision}`;
    if (!combos.has(key)) combos.set(key, comboOfKey(key, catalogue));
    const combo = combos.get(key);
    if (combo) times.push({ combo, kind, tookMs });
  }
  return { type: 'timesKnown', times };
}
