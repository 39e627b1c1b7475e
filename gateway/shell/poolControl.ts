import type { Combo } from '../domain/combo.ts';
import type { Result } from '../domain/errors.ts';
import type { StartKind } from '../domain/phases.ts';

/** A living runner process as the admin API shows it. Only living processes are listed. */
export interface RunnerView {
  readonly id: string;
  readonly pid: number | null;
  readonly state: 'starting' | 'standby' | 'loading' | 'ready' | 'busy' | 'asleep' | 'draining' | 'stopping';
  /** null for a standby. */
  readonly base: string | null;
  /** Canonical names of the combos that are ready. */
  readonly combos: readonly string[];
  readonly device: string;
  readonly memory: {
    readonly weight_bytes: number;
    readonly kv_bytes: number;
    readonly compute_bytes: number;
    readonly resident_bytes: number | null;
  };
  readonly counters: Readonly<Record<string, number>>;
  readonly threads: number;
  readonly active_requests: number;
  readonly started_at: string;
}

/** A model's state as `/v1/models` tells it in `status.value`. */
export type LoadStatus = 'unloaded' | 'loading' | 'loaded' | 'sleeping';

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
  /** No new work; it ends when what runs has ended, or its time is over. Idempotent; `not_found` for an unknown id. */
  drain(id: string): Promise<Result<{ readonly state: 'draining' | 'stopping' }>>;
  waitingRequests(): number;
  /** Why requests cannot be served now; null when they can. */
  notReadyReason(): string | null;
}
