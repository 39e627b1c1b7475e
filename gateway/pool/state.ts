import type { Catalogue, CatalogueModel } from '../domain/catalogue.ts';
import type { Combo } from '../domain/combo.ts';
import type { StartShare } from '../domain/cost.ts';
import type {
  ComboKey,
  ComboName,
  DeviceName,
  ModelId,
  RequestId,
  RunnerId,
  SegmentKey,
} from '../domain/ids.ts';
import { runnerId } from '../domain/ids.ts';
import type { StartKind } from '../domain/phases.ts';
import type { Bytes } from './bytes.ts';
import type { DeadlineQueue } from './deadlines.ts';
import { configuredDevices, type Device } from './devices.ts';
import { type DurationBook, noDurations } from './durations.ts';
import type { StopReason } from './effects.ts';
import { type Book, EVICTION_POLICIES, type EvictionPolicy, type Worth } from './eviction.ts';
import { type Account, type Fairness, noFairness } from './fairness.ts';
import { type Dice, diceOf } from './jitter.ts';
import type { Keep } from './keeps.ts';
import { emptyLine } from './line.ts';
import type { SharedPages } from './pages.ts';
import type { Pin } from './pins.ts';
import type { Culprit, Quarantine } from './quarantine.ts';
import type { Load } from './scaling.ts';
import { emptyStore, type StoreBooks } from './segments.ts';
import type { PoolSettings } from './settings.ts';
import type { Slots } from './slots.ts';
import type { Tenants } from './tenants.ts';
import type { Tier } from './terms.ts';
import type { InteractiveUse } from './tiers.ts';
import type { PlaceCounts, UsableRunners } from './usable.ts';
import type { Unplaced } from './wants.ts';
import type { WarmedAhead } from './warmAhead.ts';

/** How the base of a runner comes to be there. */
export type BaseStartKind = Extract<StartKind, 'cold' | 'staged' | 'wake'>;

interface RunnerProcess {
  readonly id: RunnerId;
  /** The one that the process sees; null: none, all that it holds is in host memory. For its life. */
  readonly device: DeviceName | null;
  /** Empty while the process has no base. */
  readonly combos: Slots;
}

interface RunnerBase extends RunnerProcess {
  readonly model: CatalogueModel;
}

/**
 * Arms hold only what exists in their state; `busy` is `ready` with active requests. A process without a base
 * (`model` is null) is a standby, or on its way to be one or to its end; a start that claims it gives it its base.
 */
export type Runner =
  | (RunnerProcess & {
      readonly state: 'starting';
      model: CatalogueModel | null;
      readonly sinceMs: number;
      /** Of the start that it has its model for. */
      readonly kind?: BaseStartKind;
    })
  | (RunnerProcess & { readonly state: 'standby'; readonly model: null; readonly sinceMs: number })
  | (RunnerBase & {
      readonly state: 'loading';
      readonly sinceMs: number;
      /** It was a standby until then; null: it was spawned for this start. */
      readonly claimedMs: number | null;
      /** How it began. */
      readonly kind: BaseStartKind;
      /** Of the file that it kept while it was asleep, until the base is loaded. */
      readonly keptBytes: number;
      threads: number;
    })
  | (RunnerBase & {
      readonly state: 'ready';
      weights: Bytes;
      readonly worth: Worth;
      readonly interactive: InteractiveUse;
      threads: number;
      active: number;
      lastUsedMs: number;
      /** It is settled who shares the start of the base. */
      startShared: boolean;
    })
  | (RunnerBase & {
      readonly state: 'draining';
      readonly weights: Bytes;
      /** Of combos that were on their way in or out when it began to drain: held until its process has gone. */
      readonly leavingBytes: Bytes;
      reason: StopReason;
      /** Since when it drains for this reason. */
      sinceMs: number;
      threads: number;
      active: number;
    })
  /** It was ordered to give its base and all contexts back, and has not said that it has. */
  | (RunnerBase & Rest & { readonly state: 'dozing'; readonly heldBytes: Bytes })
  | (RunnerBase & Rest & { readonly state: 'asleep'; readonly keptBytes: number })
  | (RunnerProcess & {
      readonly state: 'stopping';
      readonly model: CatalogueModel | null;
      /** Until its process has gone; what it shares is beside that (pages.ts). */
      readonly heldBytes: Bytes;
      /** It takes no place among those with a base. */
      readonly wasAsleep: boolean;
      readonly sinceMs: number;
    });

interface Rest {
  readonly worth: Worth;
  readonly sinceMs: number;
  readonly lastUsedMs: number;
}

/** Can take on combos of its base, now or when it has started. */
export type UsableRunner = Extract<Runner, { state: 'starting' | 'loading' | 'ready' }> & RunnerBase;
export type ReadyRunner = Extract<Runner, { state: 'ready' }>;
export type AsleepRunner = Extract<Runner, { state: 'asleep' }>;
export type RestingRunner = Extract<Runner, { state: 'dozing' | 'asleep' }>;

/** The start that a waiting request waits on. */
export interface WaitingStart {
  readonly runnerId: RunnerId;
  readonly kind: StartKind;
  readonly joined: boolean;
  /** Once it is ready (startShares.ts). */
  readonly share?: StartShare | undefined;
}

/** One that waits for a combo: a request, or an operator's order to warm. */
export interface Waiter {
  readonly type: 'request' | 'order';
  readonly id: string;
  readonly arrivedMs: number;
  readonly tier: Tier;
  /** Its place in line (tiers.ts). */
  readonly lineMs: number;
  /** Whose it is; null: an order's, which takes no sequence. */
  readonly account: Account | null;
  /** When it must have been granted; Infinity: whenever. */
  readonly deadlineAtMs: number;
  readonly keepAliveMs: number | undefined;
  /** Since when it waits for room or a free sequence: its arrival, or the end of the start that it waited on. */
  waitsSinceMs: number;
  /** null: nobody has begun a start for it, or its combo is ready and it waits for a free sequence. */
  start: WaitingStart | null;
  /** Starts that it waited on and that went with their runners. */
  lostStarts: number;
  /** Its client was told this runner and the kind: nobody takes either from it, and it is answered when the runner goes. */
  promised: RunnerId | null;
}

/** Never empty, in line: interactive waiters first, the oldest first. */
export interface WaitQueue {
  readonly type: 'queue';
  readonly combo: Combo;
  readonly waiters: Waiter[];
  readonly tenants: Tenants;
}

/** Where a waiter waits. */
export interface WaitingIn {
  readonly key: ComboKey;
  readonly waiter: Waiter;
}

/** A pinned combo lacks a runner; nobody need wait for it. */
export interface ReplicaWant {
  readonly type: 'replica';
  readonly combo: Combo;
  readonly sinceMs: number;
}

/** What wants a place on a runner. */
export type Want = WaitQueue | ReplicaWant;

/** A request that runs. */
export interface GrantedRequest {
  readonly runnerId: RunnerId;
  readonly comboKey: ComboKey;
  readonly tier: Tier;
  readonly account: Account | null;
  /** What its account was charged for it (fairness.ts). */
  readonly charged: number;
  readonly grantedMs: number;
}

/** What the last runner of a base measured; null: not yet. */
export interface Measured {
  readonly revision: string;
  /** It was on a device: what it took of it says nothing of a runner that has none. */
  readonly onDevice: boolean;
  readonly weights: Bytes;
  /** KV cache and compute buffers of a combo with a context of its own. */
  readonly context: Bytes | null;
}

/** Standbys that died or never came up, one after the other; the next one is not started before `retryAtMs`. */
export interface StandbyLosses {
  readonly inARow: number;
  readonly retryAtMs: number;
}

/** Owned by the loop and updated in place: at 10,000 combos a copy per event would be the cost of the pool. */
export interface PoolState {
  readonly settings: PoolSettings;
  /** The settings' own; the simulator brings one that knows the future. */
  readonly eviction: EvictionPolicy;
  readonly runners: Map<RunnerId, Runner>;
  /** By name; none: everything is in host memory. */
  readonly devices: Map<DeviceName, Device>;
  /** Made from `runners`; null: to be made anew (usable.ts). */
  usable: UsableRunners | null;
  /** The same for those that sleep or are falling asleep. */
  resting: ReadonlyMap<string, readonly RestingRunner[]> | null;
  places: PlaceCounts | null;
  /** Another runner decodes than when threads were shared, or one less (threads.ts). */
  decodersChanged: boolean;
  /** Only combos that somebody waits for. */
  readonly queues: Map<ComboKey, WaitQueue>;
  /** For `queues` an index, so that an event costs nothing for those whose start is under way. */
  readonly unplaced: Unplaced;
  /** Replicas that are missing and wait in `unplaced`. */
  readonly replicas: Map<ComboKey, ReplicaWant>;
  /** By canonical name. */
  readonly pins: Map<ComboName, Pin>;
  /** Combos that are to be kept ready, by pins and by the catalogue's `minRunners`: made from both (keeps.ts). */
  keeps: ReadonlyMap<ComboKey, Keep>;
  waiting: number;
  /** Starts that somebody shared. */
  sharedStarts: number;
  /** Of the last one that came to wait (tiers.ts). */
  lastPlaceMs: number;
  /** Of `waiting` those that are flex work. */
  flexWaiting: number;
  /** All that wait, by id. */
  readonly waitingIn: Map<string, WaitingIn>;
  /** Where a granted request runs. */
  readonly granted: Map<RequestId, GrantedRequest>;
  readonly fairness: Fairness;
  readonly deadlines: DeadlineQueue;
  /** How long starts took (startTimes.ts). */
  readonly startTimes: DurationBook;
  /** Starts under way that were told to be slow. */
  readonly slowStarts: Set<string>;
  /** How long requests ran, by combo. */
  readonly serviceTimes: DurationBook;
  /** What is current; runners and combos of other revisions go when nobody uses them. */
  catalogue: Catalogue;
  /** Since the catalogue changed something may be there that is not of it. */
  mayHaveStale: boolean;
  shuttingDown: boolean;
  standbyLosses: StandbyLosses;
  /** null: there is no weight store, every start reads the source. */
  readonly store: StoreBooks | null;
  /** Weights that several runners may have mapped; no entry is empty. */
  readonly pages: Map<SegmentKey, SharedPages>;
  readonly clocks: Record<Book, number>;
  readonly measured: Map<ModelId, Measured>;
  /** What failed to start and has not started since, by quarantineKey or combo key. */
  readonly quarantines: Map<string, Quarantine>;
  /** Of runners whose connection broke: what is to blame if their exit, which follows, was their own doing. */
  readonly culprits: Map<RunnerId, readonly Culprit[]>;
  readonly dice: Dice;
  /** Started because a forecast expected them, until that forecast is over. */
  readonly warmedAhead: Map<ComboKey, WarmedAhead>;
  /** Of combos that may be spread over several runners. */
  readonly loads: Map<ComboKey, Load>;
  readonly runnerPrefix: string;
  spawned: number;
}

/** `runnerPrefix` keeps the ids of different lives of the gateway apart; chance comes from it, too. */
export function emptyPool(settings: PoolSettings, catalogue: Catalogue, runnerPrefix: string): PoolState {
  return {
    settings,
    eviction: EVICTION_POLICIES[settings.eviction],
    runners: new Map(),
    devices: configuredDevices(settings),
    usable: null,
    resting: null,
    places: null,
    decodersChanged: false,
    queues: new Map(),
    unplaced: { bases: new Map(), line: emptyLine() },
    replicas: new Map(),
    pins: new Map(),
    keeps: new Map(),
    waiting: 0,
    sharedStarts: 0,
    lastPlaceMs: Number.NEGATIVE_INFINITY,
    flexWaiting: 0,
    waitingIn: new Map(),
    granted: new Map(),
    fairness: noFairness(),
    deadlines: [],
    startTimes: noDurations(),
    slowStarts: new Set(),
    serviceTimes: noDurations(),
    catalogue,
    mayHaveStale: false,
    shuttingDown: false,
    store: settings.store && emptyStore(settings.store),
    pages: new Map(),
    clocks: { combos: 0, bases: 0, segments: 0, adapterSegments: 0 },
    measured: new Map(),
    warmedAhead: new Map(),
    loads: new Map(),
    standbyLosses: { inARow: 0, retryAtMs: 0 },
    quarantines: new Map(),
    culprits: new Map(),
    dice: diceOf(runnerPrefix),
    runnerPrefix,
    spawned: 0,
  };
}

export function nextRunnerId(state: PoolState): RunnerId {
  state.spawned += 1;
  return runnerId(`r_${state.runnerPrefix}_${state.spawned}`);
}

/** One base at one revision. */
export function baseKey(model: CatalogueModel): string {
  const known = BASE_KEYS.get(model);
  if (known !== undefined) return known;
  const key = `${model.id}#${model.revision}`;
  BASE_KEYS.set(model, key);
  return key;
}

/** Each event asks for several of them, and a text that is made anew has to be hashed anew. */
const BASE_KEYS = new WeakMap<CatalogueModel, string>();

export function isUsable(runner: Runner): runner is UsableRunner {
  const { state, model } = runner;
  return model !== null && (state === 'starting' || state === 'loading' || state === 'ready');
}

/** Ready, nothing granted, nothing being attached: it can go without anybody noticing. */
export function isIdle(runner: Runner): boolean {
  return runner.state === 'ready' && runner.active === 0 && runner.combos.sums.starting === 0;
}
