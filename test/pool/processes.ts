import type { CatalogueModel } from '../../gateway/domain/catalogue.ts';
import type { Combo } from '../../gateway/domain/combo.ts';
import type { Failure } from '../../gateway/domain/errors.ts';
import type { ComboKey, DeviceName, RunnerId, SegmentKey } from '../../gateway/domain/ids.ts';
import type { StartKind } from '../../gateway/domain/phases.ts';
import { type Part, partOf } from '../../gateway/pool/bytes.ts';
import { deviceContextBytes, deviceShare } from '../../gateway/pool/devices.ts';
import type { PoolEvent } from '../../gateway/pool/events.ts';
import { baseKey, type PoolState } from '../../gateway/pool/state.ts';
import type { Agenda } from './agenda.ts';
import type { StoreSide } from './storeSide.ts';

/** A little less than builders.ts predicts. */
const WEIGHT_BYTES = 1000;
const KV_BYTES = 10;
const COMPUTE_BYTES = 5;

const ON_DEVICE = { contextBytes: KV_BYTES + COMPUTE_BYTES, weightBytes: WEIGHT_BYTES };

/** How long a hang lasts at most until a probe has found it. */
const MOST_PROBED_MS = 1_500;

/** How often each thing goes wrong, 0 to 1. */
export interface Faults {
  readonly start: number;
  readonly attach: number;
  readonly hang: number;
}

export interface ProcessCombo {
  readonly combo: Combo;
  /** Of the context that takes new requests. */
  sequences: number;
  /** Of contexts that are being made. */
  newBytes: number;
  /** Of those that were replaced and have not gone. */
  oldBytes: number;
  state: 'attaching' | 'ready' | 'detaching';
  readonly kind: StartKind;
  /** Number of the event that told the pool that it is ready. */
  readyAtEvent: number;
  /** Grants that began this start. */
  begun: number;
}

/** Of a context of so many sequences: as much for each as the first one has. */
export function kvBytesOf({ model }: Combo, sequences: number): number {
  return Math.ceil((KV_BYTES * sequences) / model.sequences);
}

/** What a process needs of the world around it. */
export interface ProcessWorld {
  readonly agenda: Agenda;
  readonly random: () => number;
  readonly faults: Faults;
  readonly store: StoreSide;
  tell(event: PoolEvent): void;
  /** It is dead, which the pool does not know yet. */
  died(process: SimulatedProcess): void;
}

/** A runner process as the outside world has it, and what it tells the pool. */
export class SimulatedProcess {
  readonly id: RunnerId;
  /** null: it was spawned as a standby and not claimed yet. */
  baseKey: string | null;
  state: 'spawned' | 'up' | 'loading' | 'loaded' | 'dozing' | 'asleep' | 'dead' = 'spawned';
  isStopping = false;
  /** It lives and does nothing, not even end when it is asked to: only a probe finds that. */
  isFrozen = false;
  threads = 0;
  readonly combos = new Map<ComboKey, ProcessCombo>();

  readonly device: DeviceName | null;
  /** Of what it holds on the device. */
  share = 0;
  /** sharedFiles.ts. */
  file: SegmentKey | null = null;
  origin: 'store' | 'source' = 'source';
  /** Since then it has the file where it found it, also while it sleeps. */
  hasLoaded = false;
  /** How its base came to be there. */
  baseKind: 'cold' | 'staged' | 'wake' = 'cold';
  #keptBytes = 0;
  readonly #world: ProcessWorld;

  /** One that an earlier gateway has started and loaded. */
  static adopted(
    id: RunnerId,
    base: string | null,
    device: DeviceName | null,
    world: ProcessWorld,
  ): SimulatedProcess {
    const process = new SimulatedProcess(id, base, device, world, true);
    process.state = base === null ? 'up' : 'loaded';
    process.hasLoaded = base !== null;
    process.threads = 1;
    return process;
  }

  constructor(
    id: RunnerId,
    base: string | null,
    device: DeviceName | null,
    world: ProcessWorld,
    isOld = false,
  ) {
    this.id = id;
    this.device = device;
    this.baseKey = base;
    this.#world = world;
    if (isOld) return;
    this.#after(40, () => {
      if (this.#goesWrong('Cannot spawn')) return;
      this.state = 'up';
      world.tell({ type: 'runnerUp', runnerId: id });
    });
  }

  /** Weights from the order to load them, contexts from the order to attach, all until it sleeps or exits. */
  bytes(state: PoolState, part: Part): number {
    let bytes = part === 'host' ? this.#keptBytes : deviceContextBytes(state, this);
    if (this.#holds && this.file === null) bytes += partOf(WEIGHT_BYTES, this.share, part);
    for (const { combo, sequences, newBytes, oldBytes } of this.combos.values())
      bytes += partOf(kvBytesOf(combo, sequences) + COMPUTE_BYTES + newBytes + oldBytes, this.share, part);
    return bytes;
  }

  get #holds(): boolean {
    return this.state === 'loading' || this.state === 'loaded' || this.state === 'dozing';
  }

  /** Of pages that others may have mapped, too; before its file is staged it maps nothing. */
  mappedBytes(): number {
    const isComing = this.file !== null && this.origin === 'store' && this.#world.store.isComing(this.file);
    return this.#holds && this.file !== null && !isComing ? WEIGHT_BYTES : 0;
  }

  /** It loads the base that it was begun for, from where it has to. */
  isBegunFor(model: CatalogueModel, atSource: boolean): boolean {
    if (this.baseKey !== baseKey(model)) return false;
    return this.file === null || this.state === 'dead' || atSource === (this.origin === 'source');
  }

  get isAsleep(): boolean {
    return this.state === 'asleep';
  }

  load(model: CatalogueModel): void {
    if (this.state === 'dead') return;
    this.share = deviceShare(model, this.device);
    this.#loadBase();
  }

  #loadBase(): void {
    this.state = 'loading';
    const load = (): void => {
      if (this.file !== null && this.origin === 'store' && this.#world.store.isComing(this.file))
        return this.#after(300, load);
      if (this.#goesWrong('Cannot load')) return;
      this.state = 'loaded';
      this.#keptBytes = 0;
      this.hasLoaded = true;
      const atSource = this.origin === 'source';
      const told = this.baseKind === 'wake' ? {} : { atSource };
      this.#world.tell({ type: 'runnerLoaded', runnerId: this.id, weightBytes: WEIGHT_BYTES, ...told });
    };
    this.#after(300, load);
  }

  sleep(): void {
    if (this.state === 'dead') return;
    this.state = 'dozing';
    this.#after(100, () => {
      if (this.#goesWrong('Cannot sleep')) return;
      this.fallAsleep();
      this.#world.tell({ type: 'runnerAsleep', runnerId: this.id, keptBytes: this.#keptBytes });
    });
  }

  /** What was on the device is kept in host memory. */
  fallAsleep(): number {
    this.state = 'asleep';
    this.combos.clear();
    this.#keptBytes = partOf(WEIGHT_BYTES, this.share, 'device');
    return this.#keptBytes;
  }

  wake(): void {
    if (this.state === 'dead') return;
    this.baseKind = 'wake';
    this.#loadBase();
  }

  attach(combo: Combo, kind: StartKind): void {
    if (this.state === 'dead') return;
    const { sequences } = combo.model;
    const started = { kind, readyAtEvent: Infinity, begun: 0 };
    const held: ProcessCombo = { ...started, combo, sequences, newBytes: 0, oldBytes: 0, state: 'attaching' };
    this.combos.set(combo.key, held);
    this.#after(60, () => {
      const luck = this.#world.random();
      if (luck < this.#world.faults.hang) return;
      if (luck < this.#world.faults.hang + this.#world.faults.attach) {
        this.combos.delete(combo.key);
        const failure = { code: 'start_failed', message: 'Cannot attach' } as const;
        this.#world.tell({ type: 'comboFailed', runnerId: this.id, comboKey: combo.key, failure });
        return;
      }
      held.state = 'ready';
      this.#world.tell({
        type: 'comboReady',
        runnerId: this.id,
        comboKey: combo.key,
        kvBytes: KV_BYTES,
        computeBytes: COMPUTE_BYTES,
        ...(this.share === 1 && { onDevice: ON_DEVICE }),
      });
    });
  }

  /** Both contexts are there until the requests of the one before have ended. */
  resize(key: ComboKey, sequences: number): void {
    const held = this.combos.get(key);
    if (this.state === 'dead' || !held) return;
    const combo = { runnerId: this.id, comboKey: key };
    const kvBytes = kvBytesOf(held.combo, sequences);
    const bytes = kvBytes + COMPUTE_BYTES;
    held.newBytes += bytes;
    this.#after(60, () => {
      const luck = this.#world.random();
      if (luck < this.#world.faults.hang || this.combos.get(key) !== held) return;
      held.newBytes -= bytes;
      if (luck < this.#world.faults.hang + this.#world.faults.attach) {
        const failure = { code: 'runner_failed', message: 'Cannot resize' } as const;
        return this.#world.tell({ type: 'comboResizeFailed', ...combo, failure });
      }
      const before = kvBytesOf(held.combo, held.sequences) + COMPUTE_BYTES;
      held.oldBytes += before;
      held.sequences = sequences;
      this.#world.tell({ type: 'comboResized', ...combo, sequences, kvBytes, computeBytes: COMPUTE_BYTES });
      this.#after(900, () => {
        if (this.combos.get(key) !== held) return;
        held.oldBytes -= before;
        if (held.oldBytes === 0)
          this.#world.tell({ type: 'contextsRetired', ...combo, sequences: held.sequences });
      });
    });
  }

  detach(key: ComboKey): void {
    const held = this.combos.get(key);
    if (held) held.state = 'detaching';
    this.#after(20, () => {
      if (this.#world.random() < this.#world.faults.hang) return;
      this.combos.delete(key);
      this.#world.tell({ type: 'comboDetached', runnerId: this.id, comboKey: key });
    });
  }

  /** Exits some time after it was asked to, however much runs; one that is frozen by SIGKILL, after all of its grace. */
  stop(graceMs: number): void {
    this.isStopping = true;
    const mostMs = (this.isFrozen ? graceMs : Math.min(graceMs, 100)) + 50;
    this.#world.agenda.in(this.#world.random() * mostMs, () => this.exit('stopped'));
  }

  exit(how: 'stopped' | 'died' | 'killed'): void {
    if (this.state === 'dead') return;
    this.state = 'dead';
    this.#world.died(this);
    const failure: Failure = { code: 'start_failed', message: `Cannot start: runner ${how}` };
    const byOthers = how === 'killed' ? ({ byOthers: true } as const) : {};
    this.#world.tell({ type: 'runnerExited', runnerId: this.id, failure, ...byOthers });
  }

  /** A probe finds it some time later. Before it is up it is not probed. */
  freeze(): void {
    this.isFrozen = true;
    const probedAfterMs = this.#world.random() * MOST_PROBED_MS;
    this.#world.agenda.in(probedAfterMs, () => {
      if (this.state === 'dead') return;
      this.#world.tell({ type: 'runnerHung', runnerId: this.id, cause: 'silent', forMs: probedAfterMs });
    });
  }

  /** It hangs without a word, it says that it failed, or it dies. */
  #goesWrong(message: string): boolean {
    const { random, faults } = this.#world;
    const luck = random();
    if (luck >= faults.hang + faults.start) return false;
    const failure: Failure = { code: 'start_failed', message };
    if (luck >= faults.hang + faults.start / 2) this.exit('died');
    else if (luck >= faults.hang) this.#world.tell({ type: 'runnerFailed', runnerId: this.id, failure });
    return true;
  }

  #after(maxMs: number, what: () => void): void {
    this.#world.agenda.in(this.#world.random() * maxMs, () => {
      if (this.state !== 'dead' && !this.isFrozen) what();
    });
  }
}
