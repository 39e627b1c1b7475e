import type { PhaseRecord } from '../../gateway/domain/phases.ts';
import type { RequestRecord } from '../../gateway/domain/requestRecord.ts';
import type { DurationHistory, PastDuration } from '../../gateway/ports/durationHistory.ts';

const OF_START = ['spawn', 'stage', 'load', 'attach', 'context'] as const;
const OF_SERVICE = ['prefill', 'decode'] as const;

/** Durations of the ledger's records, without a disk. */
export class MemoryDurationHistory implements DurationHistory {
  readonly records: RequestRecord[] = [];
  /** null: it can be read. */
  failure: Error | null = null;

  async last(perCombo: number): Promise<readonly PastDuration[]> {
    if (this.failure) throw this.failure;
    const all = this.records.flatMap((record) => [...startOf(record), ...serviceOf(record)]);
    const counts = new Map<string, number>();
    const last = all.toReversed().filter(({ combo, comboRevision, kind }) => {
      const key = `${kind} ${combo} ${comboRevision}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
      return (counts.get(key) ?? 0) <= perCombo;
    });
    return last.toReversed();
  }
}

function startOf({
  combo,
  comboRevision,
  startKind,
  joined,
  errorCode,
  phasesMs,
}: RequestRecord): PastDuration[] {
  if (combo === null || comboRevision === null || joined || errorCode !== null) return [];
  if (startKind === null || startKind === 'warm') return [];
  return [{ combo, comboRevision, kind: startKind, tookMs: sum(phasesMs, OF_START) }];
}

function serviceOf({ combo, comboRevision, errorCode, phasesMs }: RequestRecord): PastDuration[] {
  if (combo === null || comboRevision === null || errorCode !== null) return [];
  return [{ combo, comboRevision, kind: null, tookMs: sum(phasesMs, OF_SERVICE) }];
}

function sum(phasesMs: PhaseRecord, phases: readonly (keyof PhaseRecord)[]): number {
  return phases.reduce((total, phase) => total + (phasesMs[phase] ?? 0), 0);
}
