import type { ComboName } from '../domain/ids.ts';
import type { PhaseRecord, StartKind } from '../domain/phases.ts';
import type { RequestRecord } from '../domain/requestRecord.ts';
import type { StartDetail } from '../domain/startDetail.ts';

/** A start that ended well: what it took, by phase. */
export interface StartRecord {
  readonly combo: ComboName;
  readonly kind: StartKind;
  readonly phasesMs: PhaseRecord;
  readonly totalMs: number;
  /** Where its weights came from; absent or null: not known. */
  readonly detail?: StartDetail | null;
}

/** What a runner said of itself when it was probed last, and what it could do. Counts since its process began. */
export interface RunnerOccupancy {
  readonly runner: string;
  readonly base: string;
  /** Requests that may run on it at the same time, over the combos that are ready there. */
  readonly possibleSequences: number;
  readonly activeSequences: number;
  /** Submitted to it, and without a sequence yet. */
  readonly waitingRequests: number;
  readonly decodeCalls: number;
  readonly decodedTokens: number;
  readonly promptTokens: number;
  /** Over all decode calls: tokens in them, and what their contexts would have taken. A runner of an earlier version: 0, like all below. */
  readonly batchTokens: number;
  readonly possibleBatchTokens: number;
  /** Over all decode calls: sequences that had a token in them, and those of their contexts. */
  readonly batchSequences: number;
  readonly possibleBatchSequences: number;
  /** Over all decode calls: `usedKvCells` and `kvCells` after them. */
  readonly kvCellSteps: number;
  readonly possibleKvCellSteps: number;
  /** Places of tokens in its KV caches, and those with a token of a running request. */
  readonly kvCells: number;
  readonly usedKvCells: number;
  readonly kvBytes: number;
  readonly residentBytes: number;
}

/** `client`: /v1; `admin`: the admin API and the dashboard's login. */
export type Door = 'client' | 'admin';

/** What operators have named, as it is now; canonical names. */
export interface NamedCombos {
  /** Bases, and what pins, aliases, objectives and the configuration name. */
  named(): ReadonlySet<string>;
  /** Each adapter of the catalogue alone on its base. */
  alone(): ReadonlySet<string>;
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
