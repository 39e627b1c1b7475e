import type { Combo } from '../domain/combo.ts';
import type { Result } from '../domain/errors.ts';
import type { StartKind } from '../domain/phases.ts';
import type { BudgetView } from './budgetViews.ts';
import type { OccupancyView } from './occupancyView.ts';
import type { ShownState } from './shownState.ts';
import type { UploadView } from './uploadView.ts';
import type { SegmentView } from './weights/segmentViews.ts';

/** A living runner process as the admin API shows it. Only living processes are listed. */
export interface RunnerView {
  readonly id: string;
  readonly pid: number | null;
  readonly state: ShownState;
  /** null for a standby. */
  readonly base: string | null;
  /** Canonical names of the combos that are ready. */
  readonly combos: readonly string[];
  /** Of these combos: requests that may run at the same time. */
  readonly sequences: Readonly<Record<string, number>>;
  /** The device's name; `cpu` without one. */
  readonly device: string;
  readonly memory: {
    readonly weight_bytes: number;
    readonly kv_bytes: number;
    readonly compute_bytes: number;
    /** Of all that it takes, its process's own context too, what is on the device. */
    readonly device_bytes: number;
    readonly resident_bytes: number | null;
  };
  /** How its last load brought weights to a device; null: it brought none, or that is not known. */
  readonly upload: UploadView | null;
  readonly counters: Readonly<Record<string, number>>;
  /** null: it has not said its counters. */
  readonly occupancy: OccupancyView | null;
  readonly threads: number;
  readonly active_requests: number;
  readonly started_at: string;
}

/** A model's state as `/v1/models` tells it in `status.value`. */
export type LoadStatus = 'unloaded' | 'loading' | 'loaded' | 'sleeping';

/** Why a combo is not started now, and until when. */
export interface QuarantineView {
  /** `base`: of the base and all its combos; `combo`: of this one. */
  readonly scope: 'base' | 'combo';
  /** In a row. */
  readonly failures: number;
  /** ISO 8601. */
  readonly until: string;
  readonly last_error: { readonly code: string; readonly message: string };
}

/** A combo as the admin API shows it. */
export interface ComboView {
  readonly object: 'combo';
  readonly combo: string;
  readonly base: string;
  readonly status: LoadStatus;
  /** On which it is ready. */
  readonly runners: readonly string[];
  /** Requests and orders that wait for it. */
  readonly waiting: number;
  readonly quarantine: QuarantineView | null;
}

/** What an operator can ask of the pool. */
export interface PoolControl {
  /** Those with a base first. Asks each runner for its counters; a runner that does not answer within a second is listed without. */
  runners(): Promise<readonly RunnerView[]>;
  /** Of the base, over all its runners. */
  baseStatus(modelId: string): LoadStatus;
  comboStatus(combo: Combo): LoadStatus;
  /** Resolves when the combo is ready; joins a start under way. */
  warm(combo: Combo): Promise<Result<{ readonly runnerId: string; readonly kind: StartKind }>>;
  /** Idempotent. `conflict` while a request uses the combo. */
  evict(combo: Combo): Promise<Result<{ readonly evicted: boolean }>>;
  /** Those of the catalogue and those that runners hold, requests wait for or failed to start. */
  combos(): readonly ComboView[];
  /** Memory that may be used, and is. */
  budgets(): readonly BudgetView[];
  /** Of the weight store; empty without one. */
  segments(): readonly SegmentView[];
  /** Lets the combo, and its base, be started again at once. Idempotent. */
  liftQuarantine(combo: Combo): Promise<Result<{ readonly lifted: boolean }>>;
  /** No new work; it ends when what runs has ended, or its time is over. Idempotent; `not_found` for an unknown id. */
  drain(id: string): Promise<Result<{ readonly state: 'draining' | 'stopping' }>>;
  /** Gives back its base and stays. Idempotent; `conflict` while it is busy, pinned or waited for, `not_found` for an unknown id. */
  sleep(id: string): Promise<Result<{ readonly state: 'asleep' }>>;
  /** Loads its base again. Idempotent; `conflict` where it has no room. */
  wake(id: string): Promise<Result<{ readonly state: 'loading' | 'ready' }>>;
  waitingRequests(): number;
  /** Why requests cannot be served now; null when they can. */
  notReadyReason(): string | null;
}
