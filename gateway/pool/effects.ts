import type { CatalogueModel } from '../domain/catalogue.ts';
import type { Combo } from '../domain/combo.ts';
import type { StartShare } from '../domain/cost.ts';
import type { Failure, Result } from '../domain/errors.ts';
import type { ComboKey, ComboName, DeviceName, RequestId, RunnerId, SegmentKey } from '../domain/ids.ts';
import type { StartKind } from '../domain/phases.ts';
import type { SegmentBook, Stageable } from './segments.ts';

/** What an order is answered with. */
export type OrderAnswer = Result<
  | { readonly order: 'warm'; readonly runnerId: RunnerId; readonly kind: StartKind }
  | { readonly order: 'evict'; readonly evicted: boolean }
  | { readonly order: 'lift'; readonly lifted: boolean }
  | { readonly order: 'drain'; readonly state: 'draining' | 'stopping' }
  | { readonly order: 'rest'; readonly state: RestState }
  | { readonly order: 'pin' }
  | { readonly order: 'unpin'; readonly existed: boolean }
>;

/** What an order to sleep or to wake finds, or makes of the runner. */
export type RestState = 'dozing' | 'asleep' | 'loading' | 'ready';

/** How a request that waits would find its combo as things are. */
export interface FixedStart {
  readonly runnerId: RunnerId;
  readonly kind: StartKind;
  readonly joined: boolean;
  /** Of those who share the start, once it is ready; null: it is not, or there is none. */
  readonly share: StartShare | null;
  /** Device memory that the runner's base and the combo are booked with; 0 without a device. */
  readonly deviceBytes: number;
}

/** Orders of the pool to the shell. They are performed in their order. */
export type PoolEffect =
  /** Without a model: a standby. `device`: the only one that the process is to see; null: none. */
  | {
      readonly type: 'spawn';
      readonly runnerId: RunnerId;
      readonly model: CatalogueModel | null;
      readonly device: DeviceName | null;
    }
  /** A process that was started as a standby is from now on a runner of this base. */
  | { readonly type: 'claim'; readonly runnerId: RunnerId; readonly model: CatalogueModel }
  | {
      readonly type: 'load';
      readonly runnerId: RunnerId;
      readonly model: CatalogueModel;
      readonly threads: number;
      /** Others have mapped the source: it maps the same, whatever the weight store has. */
      readonly atSource?: boolean;
    }
  /** It gives back its base and all contexts, and stays. */
  | { readonly type: 'sleep'; readonly runnerId: RunnerId }
  /** It loads the base again that it had. */
  | {
      readonly type: 'wake';
      readonly runnerId: RunnerId;
      readonly model: CatalogueModel;
      readonly threads: number;
    }
  | {
      readonly type: 'attach';
      readonly runnerId: RunnerId;
      readonly combo: Combo;
      /** Of the start that this is the last step of. */
      readonly kind: StartKind;
    }
  /** The combo is to have a context of so many sequences; what runs goes on in the one that it has. */
  | {
      readonly type: 'resize';
      readonly runnerId: RunnerId;
      readonly comboKey: ComboKey;
      readonly sequences: number;
    }
  | { readonly type: 'detach'; readonly runnerId: RunnerId; readonly comboKey: ComboKey }
  | ({ readonly type: 'grant'; readonly requestId: RequestId } & FixedStart)
  | {
      readonly type: 'reject';
      readonly requestId: RequestId;
      readonly failure: Failure;
      /** What was waited for; null: nobody had begun a start. */
      readonly start: FixedStart | null;
    }
  | { readonly type: 'setThreads'; readonly runnerId: RunnerId; readonly threads: number }
  | {
      readonly type: 'stop';
      readonly runnerId: RunnerId;
      readonly graceMs: number;
      readonly reason: StopReason;
    }
  | { readonly type: 'answer'; readonly orderId: string; readonly answer: OrderAnswer }
  /**
   * Its file is to be in the weight store. Idempotent, but for the priority, which only rises. `device`: of the runner that is to
   * read it; null: none, or it is not known yet.
   */
  | {
      readonly type: 'stageSegment';
      readonly entry: Stageable;
      readonly priority: 'demand' | 'prefetch';
      readonly device: DeviceName | null;
    }
  /** It leaves the weight store, unless somebody on this host uses it. */
  | { readonly type: 'dropSegment'; readonly key: SegmentKey; readonly book: SegmentBook }
  /** Its files are to be where a start reads them fastest. */
  | { readonly type: 'stage'; readonly combo: ComboName }
  /** Its time is over. */
  | { readonly type: 'pinEnded'; readonly combo: ComboName }
  /** For the event log: what was decided. */
  | {
      readonly type: 'note';
      readonly note: NoteType;
      readonly runnerId?: RunnerId;
      readonly combo?: string;
      readonly detail?: Readonly<Record<string, string | number | boolean | null>>;
    };

export type StopReason =
  | 'idle'
  | 'evicted'
  | 'replaced'
  | 'surplus'
  | 'drained'
  | 'stale'
  | 'abandoned'
  | 'failed'
  | 'hung'
  | 'unreachable'
  | 'shutdown';

export type NoteType =
  | 'runner_spawned'
  | 'runner_adopted'
  | 'standby_adopted'
  | 'standby_spawned'
  | 'standby_ready'
  | 'standby_claimed'
  | 'standby_lost'
  | 'runner_ready'
  | 'runner_loading'
  | 'runner_falling_asleep'
  | 'runner_asleep'
  | 'runner_waking'
  | 'sleeper_adopted'
  | 'runner_failed'
  | 'runner_hung'
  | 'runner_exited'
  | 'runner_draining'
  | 'runner_stopping'
  | 'segment_staged'
  | 'segment_lost'
  | 'segment_dropped'
  | 'warmed_ahead'
  | 'combo_attaching'
  | 'combo_ready'
  | 'combo_failed'
  | 'combo_detached'
  | 'combo_evicted'
  | 'base_evicted'
  | 'combo_widened'
  | 'combo_narrowed'
  | 'combo_resize_failed'
  | 'combo_quarantined'
  | 'quarantine_lifted'
  | 'start_slow'
  | 'request_rejected'
  | 'replica_wanted'
  | 'pinned'
  | 'unpinned'
  | 'pin_ended'
  | 'scaled_up'
  | 'scaled_down';
