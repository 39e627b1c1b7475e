import type { ComboName } from '../domain/ids.ts';
import type { PhaseInterval, PhaseRecord, StartKind } from '../domain/phases.ts';
import type { StartDetail } from '../domain/startDetail.ts';
import type { StartRecord } from '../ports/telemetry.ts';

/** A start of a base began with its process, the claim of a standby or the order to wake, an attach with its order. */
export function startRecord(
  combo: ComboName,
  kind: StartKind,
  orderedMonoMs: number,
  intervals: readonly PhaseInterval[],
  detail: StartDetail | null = null,
): StartRecord {
  const own =
    kind !== 'attach' ? intervals : intervals.filter((interval) => interval.startMonoMs >= orderedMonoMs);
  const phasesMs: PhaseRecord = {};
  let totalMs = 0;
  for (const { phase, startMonoMs, endMonoMs } of own) {
    phasesMs[phase] = (phasesMs[phase] ?? 0) + endMonoMs - startMonoMs;
    totalMs += endMonoMs - startMonoMs;
  }
  return { combo, kind, phasesMs, totalMs, detail };
}
