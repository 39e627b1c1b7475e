import type { ComboName } from '../domain/ids.ts';
import type { PhaseRecord, StartKind } from '../domain/phases.ts';
import type { RequestRecord } from '../domain/requestRecord.ts';

/** A start that ended well: what it took, by phase. */
export interface StartRecord {
  readonly combo: ComboName;
  readonly kind: StartKind;
  readonly phasesMs: PhaseRecord;
  readonly totalMs: number;
}

/** Where measurements go. Labels come from the catalogue only, never from request text. */
export interface Telemetry {
  requestEnded(record: RequestRecord): void;
  startEnded(record: StartRecord): void;
  startFailed(combo: ComboName, code: string): void;
  /** A start of that base takes much longer than predicted. */
  startSlow(base: ComboName): void;
  /** A runner of that base hung, and is replaced. */
  runnerHung(base: ComboName, cause: 'silent' | 'stalled'): void;
}
