import type { Combo } from '../../gateway/domain/combo.ts';
import { type RequestId, requestId } from '../../gateway/domain/ids.ts';
import { decide } from '../../gateway/pool/decide.ts';
import type { PoolEffect } from '../../gateway/pool/effects.ts';
import type { PoolEvent } from '../../gateway/pool/events.ts';
import { strike } from '../../gateway/pool/quarantine.ts';
import { emptyPool, type PoolState } from '../../gateway/pool/state.ts';
import type { WaitTerms } from '../../gateway/pool/terms.ts';
import { catalogueOf, SETTINGS } from '../../test/pool/builders.ts';

/** Bytes of each base and of each context: there is memory for one base less than there may be runners. */
const WEIGHT_BYTES = 1000;
const CONTEXT_BYTES = 20;

export interface WorldSize {
  readonly runners: number;
  readonly combosPerRunner: number;
}

/** A pool around which the world is perfect: what it orders is done in no time, by the next event. */
export class PerfectWorld {
  readonly state: PoolState;
  nowMs = 0;
  /** Microseconds of each decision, by event; null: not timed. */
  timed: Map<PoolEvent['type'], number[]> | null = null;
  readonly #backlog: PoolEvent[] = [];
  readonly #running: RequestId[] = [];
  #requests = 0;

  constructor(combos: readonly Combo[], { runners, combosPerRunner }: WorldSize) {
    const models = new Set(combos.map(({ model }) => model));
    const adapters = combos.flatMap((combo) => combo.adapters.map((one) => one.adapter));
    const settings = {
      ...SETTINGS,
      maxRunners: runners,
      maxCombosPerRunner: combosPerRunner,
      memoryBytes: runners * (WEIGHT_BYTES + combosPerRunner * CONTEXT_BYTES) - WEIGHT_BYTES,
      swapAfterMs: 1e12,
      startTimeoutMs: 1e12,
      spawnTimeoutMs: 1e12,
      queueLimit: 1e6,
      queueLimitPerCombo: 1e6,
      queueShare: 1,
      quarantineCapMs: 1e12,
    };
    this.state = emptyPool(settings, catalogueOf([...models], adapters), 'bench');
  }

  arrive(combo: Combo, terms: WaitTerms): void {
    const id = requestId(`q${this.#requests++}`);
    this.tell({ type: 'requestArrived', requestId: id, combo, keepAliveMs: undefined, terms });
  }

  pin(combo: Combo): void {
    const pinned = { level: 'ready', count: 1, untilMs: Number.POSITIVE_INFINITY } as const;
    this.tell({ type: 'pinAsked', orderId: 'pin', combo, ...pinned });
  }

  /** The combo has failed for good: no start of it begins. */
  bar(combo: Combo): void {
    const failure = { code: 'start_failed_permanently', message: '' } as const;
    strike(this.state, { scope: 'combo', combo }, failure, this.nowMs, []);
  }

  /** The request that has run longest ends. */
  endOldest(): void {
    const id = this.#running.shift();
    if (id === undefined) throw new Error('Cannot end a request: expected one that runs, got none');
    this.nowMs += 1;
    this.tell({ type: 'requestEnded', requestId: id });
  }

  /** A combo that somebody waits for. */
  waitedFor(): Combo {
    for (const { combo } of this.state.queues.values()) return combo;
    throw new Error('Cannot find a combo that is waited for: nobody waits');
  }

  /** A combo that is ready and has a sequence free. */
  free(): Combo {
    for (const { combos } of this.state.runners.values())
      for (const slot of combos.values())
        if (slot.state === 'ready' && slot.active < slot.combo.model.sequences) return slot.combo;
    throw new Error('Cannot find a combo with a free sequence: all are taken');
  }

  tell(event: PoolEvent): void {
    this.#backlog.push(event);
    if (this.#backlog.length > 1) return;
    for (const next of this.#backlog) for (const effect of this.#decide(next)) this.#perform(effect);
    this.#backlog.length = 0;
  }

  #decide(event: PoolEvent): readonly PoolEffect[] {
    if (!this.timed) return decide(this.state, event, this.nowMs).effects;
    const startedAtMs = performance.now();
    const { effects } = decide(this.state, event, this.nowMs);
    const us = (performance.now() - startedAtMs) * 1000;
    const times = this.timed.get(event.type);
    if (times) times.push(us);
    else this.timed.set(event.type, [us]);
    return effects;
  }

  #perform(effect: PoolEffect): void {
    switch (effect.type) {
      case 'grant':
        this.#running.push(effect.requestId);
        return;
      case 'detach':
        return this.tell({ ...effect, type: 'comboDetached' });
      case 'stop': {
        const failure = { code: 'internal', message: '' } as const;
        return this.tell({ type: 'runnerExited', runnerId: effect.runnerId, failure });
      }
      case 'spawn':
        return this.tell({ type: 'runnerUp', runnerId: effect.runnerId });
      case 'load':
        return this.tell({ type: 'runnerLoaded', runnerId: effect.runnerId, weightBytes: WEIGHT_BYTES });
      case 'attach': {
        const { runnerId, combo } = effect;
        const held = { kvBytes: CONTEXT_BYTES, computeBytes: 0 };
        return this.tell({ type: 'comboReady', runnerId, comboKey: combo.key, ...held });
      }
      default:
    }
  }
}
