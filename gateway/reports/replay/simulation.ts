import type { Combo } from '../../domain/combo.ts';
import { type RunnerId, requestId } from '../../domain/ids.ts';
import { decide } from '../../pool/decide.ts';
import type { PoolEffect } from '../../pool/effects.ts';
import type { PoolEvent } from '../../pool/events.ts';
import type { EvictionPolicy, Worth } from '../../pool/eviction.ts';
import type { PoolSettings } from '../../pool/settings.ts';
import { emptyPool, type PoolState } from '../../pool/state.ts';
import type { LikelyCombo } from '../../pool/warmAhead.ts';
import { Agenda } from './agenda.ts';
import { baseOf, catalogueOfFleet, type SimBase, type SimCombo } from './fleet.ts';
import { Residency } from './residency.ts';
import { type Outcome, Tally } from './tally.ts';
import { nextTickMs, type Ticks } from './ticks.ts';
import type { Trace } from './trace.ts';

/** How long processes take, beside loads and attaches, which are the fleet's. */
export interface ProcessTimes {
  readonly spawnMs: number;
  readonly detachMs: number;
  readonly stopMs: number;
}

/** An eviction policy that is told what the pool books, and when it is. */
export interface Foresight {
  readonly policy: EvictionPolicy;
  nowMs: number;
  isBase(worth: Worth, base: number): void;
  isCombo(worth: Worth, combo: number): void;
}

/** Says what is likely to be asked for; times as of the trace. */
export interface Outlook {
  readonly nextMs: number;
  readonly terms: {
    readonly horizonMs: number;
    readonly minChance: number;
    readonly budgetBytes: number;
  };
  arrived(combo: Combo, nowMs: number): void;
  look(nowMs: number): LikelyCombo[];
}

export interface SimulationOptions {
  /** Named in the outcome. */
  readonly name: string;
  readonly settings: PoolSettings;
  readonly times: ProcessTimes;
  /** Of every base and combo; null: kept until room is short. */
  readonly idleTtlMs: number | null;
  readonly ticks: Ticks;
  /** Between ticks for the sake of idle ones; the gateway's own unless given. */
  readonly slowTickMs?: number;
  readonly foresight?: Foresight | null;
  readonly outlook?: Outlook | null;
}

/** Its place in the fleet. */
interface Indexed {
  readonly index: number;
}

/** A runner process: what it holds, so that it is given back when the process has gone. */
interface SimProcess {
  heldBytes: number;
}

/** Replays a trace through the pool's own `decide`, with a clock that jumps to what happens next. */
export class Simulation {
  readonly state: PoolState;
  readonly #trace: Trace;
  readonly #options: SimulationOptions;
  readonly #combos: readonly Combo[];
  readonly #bases: ReadonlyMap<string, SimBase & Indexed>;
  readonly #combosByKey: ReadonlyMap<string, SimCombo & Indexed & { readonly contextBytes: number }>;
  readonly #processes = new Map<RunnerId, SimProcess>();
  readonly #agenda = new Agenda<PoolEvent>();
  readonly #tally: Tally;
  readonly #residency: Residency;
  readonly #foresight: Foresight | null;
  readonly #outlook: Outlook | null;
  #nowMs = 0;

  constructor(trace: Trace, options: SimulationOptions) {
    const { fleet, arrivals } = trace;
    const { catalogue, combos } = catalogueOfFleet(fleet, options.idleTtlMs);
    const state = emptyPool(options.settings, catalogue, 'sim');
    this.#foresight = options.foresight ?? null;
    this.#outlook = options.outlook ?? null;
    this.state = this.#foresight ? { ...state, eviction: this.#foresight.policy } : state;
    this.#trace = trace;
    this.#options = options;
    this.#combos = combos;
    this.#bases = new Map(fleet.bases.map((base, index) => [base.id, { ...base, index }]));
    this.#combosByKey = new Map(
      fleet.combos.map((combo, index) => {
        const { contextBytes } = baseOf(fleet, combo);
        return [combos[index]?.key ?? '', { ...combo, index, contextBytes }];
      }),
    );
    this.#tally = new Tally(arrivals.atMs.length);
    this.#residency = new Residency(fleet.combos.length);
  }

  /** To the last request's answer: what is held longer is not counted, however long it would be kept. */
  run(): Outcome {
    const { atMs } = this.#trace.arrivals;
    const { ticks, slowTickMs } = this.#options;
    let next = 0;
    let tickMs = 0;
    while (next < atMs.length || this.state.granted.size > 0 || this.state.waiting > 0) {
      const arrivalMs = atMs[next] ?? Number.POSITIVE_INFINITY;
      const soonestMs = Math.min(arrivalMs, this.#agenda.nextMs);
      tickMs = nextTickMs(this.state, ticks, this.#nowMs, tickMs, slowTickMs);
      const outlook = next < atMs.length ? this.#outlook : null;
      if (outlook && outlook.nextMs < Math.min(tickMs, soonestMs)) this.#lookAhead(outlook);
      else if (tickMs < soonestMs) {
        this.#nowMs = tickMs;
        this.#tell({ type: 'tick' });
      } else if (arrivalMs <= this.#agenda.nextMs) {
        this.#nowMs = arrivalMs;
        this.#arrive(next);
        next += 1;
      } else {
        this.#nowMs = soonestMs;
        const event = this.#agenda.take();
        if (event) this.#happen(event);
      }
    }
    this.#tally.hold(0, this.#nowMs);
    return {
      ...this.#tally.outcome(this.#options.name, this.#trace.arrivals),
      byteMs: this.#residency.upTo(this.#nowMs),
    };
  }

  #arrive(request: number): void {
    const combo = this.#combos[this.#trace.arrivals.combo[request] ?? 0];
    if (!combo) throw new Error(`Cannot replay request ${request}: expected a combo of the fleet`);
    this.#outlook?.arrived(combo, this.#nowMs);
    const id = requestId(String(request));
    this.#tell({ type: 'requestArrived', requestId: id, combo, keepAliveMs: undefined });
  }

  #lookAhead(outlook: Outlook): void {
    this.#nowMs = outlook.nextMs;
    const likely = outlook.look(this.#nowMs);
    this.#tell({ type: 'demandExpected', likely, ...outlook.terms });
  }

  /** Something that takes time is over. */
  #happen(event: PoolEvent): void {
    if (event.type === 'comboDetached') {
      const { index, contextBytes } = inFleet(this.#combosByKey, event.comboKey);
      this.#hold(event.runnerId, -contextBytes);
      this.#residency.detached(event.runnerId, index, this.#nowMs);
    }
    if (event.type === 'runnerExited') {
      this.#hold(event.runnerId, -(this.#processes.get(event.runnerId)?.heldBytes ?? 0));
      this.#processes.delete(event.runnerId);
      this.#residency.exited(event.runnerId, this.#nowMs);
    }
    this.#tell(event);
    if (this.#foresight) this.#introduce(this.#foresight, event);
  }

  /** Tells the foresight whose worth the pool has just booked. */
  #introduce(foresight: Foresight, event: PoolEvent): void {
    if (event.type !== 'runnerLoaded' && event.type !== 'comboReady') return;
    const runner = this.state.runners.get(event.runnerId);
    if (runner?.state !== 'ready') return;
    if (event.type === 'runnerLoaded')
      return foresight.isBase(runner.worth, inFleet(this.#bases, runner.model.id).index);
    const slot = runner.combos.get(event.comboKey);
    if (slot?.state === 'ready')
      foresight.isCombo(slot.worth, inFleet(this.#combosByKey, event.comboKey).index);
  }

  #tell(event: PoolEvent): void {
    this.#tally.decides += 1;
    if (this.#foresight) this.#foresight.nowMs = this.#nowMs;
    for (const effect of decide(this.state, event, this.#nowMs).effects) this.#perform(effect);
  }

  #perform(effect: PoolEffect): void {
    switch (effect.type) {
      case 'spawn':
        this.#processes.set(effect.runnerId, { heldBytes: 0 });
        return this.#later(this.#options.times.spawnMs, { type: 'runnerUp', runnerId: effect.runnerId });
      case 'load':
        return this.#load(effect);
      case 'attach':
        return this.#attach(effect);
      case 'detach':
        this.#tally.detachedCombos += 1;
        return this.#later(this.#options.times.detachMs, { ...effect, type: 'comboDetached' });
      case 'grant':
        return this.#grant(effect);
      case 'reject':
        this.#tally.refusals += 1;
        return;
      case 'stop':
        return this.#stop(effect);
      default:
    }
  }

  #load({ runnerId, model }: Extract<PoolEffect, { type: 'load' }>): void {
    const { weightBytes, loadMs } = inFleet(this.#bases, model.id);
    this.#tally.loads += 1;
    this.#tally.reloadMs += loadMs;
    this.#hold(runnerId, weightBytes);
    this.#residency.loaded(runnerId, weightBytes, this.#nowMs);
    this.#later(loadMs, { type: 'runnerLoaded', runnerId, weightBytes });
  }

  #attach({ runnerId, combo }: Extract<PoolEffect, { type: 'attach' }>): void {
    const { index, attachMs, contextBytes } = inFleet(this.#combosByKey, combo.key);
    this.#tally.attaches += 1;
    this.#tally.reloadMs += attachMs;
    this.#hold(runnerId, contextBytes);
    this.#residency.attached(runnerId, index, contextBytes, this.#nowMs);
    const { key: comboKey } = combo;
    this.#later(attachMs, { type: 'comboReady', runnerId, comboKey, kvBytes: contextBytes, computeBytes: 0 });
  }

  #grant({ requestId: id, kind, joined }: Extract<PoolEffect, { type: 'grant' }>): void {
    const request = Number(id);
    this.#tally.grant(request, kind, joined, this.#nowMs);
    const durationMs = this.#trace.arrivals.durationMs[request] ?? 0;
    this.#later(durationMs, { type: 'requestEnded', requestId: id });
  }

  #stop({ runnerId, reason }: Extract<PoolEffect, { type: 'stop' }>): void {
    if (reason === 'evicted' || reason === 'replaced') this.#tally.evictedBases += 1;
    const failure = { code: 'runner_died', message: 'Cannot serve: the runner was stopped' } as const;
    this.#later(this.#options.times.stopMs, { type: 'runnerExited', runnerId, failure });
  }

  #hold(id: RunnerId, bytes: number): void {
    const process = this.#processes.get(id);
    if (!process) return;
    process.heldBytes += bytes;
    this.#tally.hold(bytes, this.#nowMs);
  }

  #later(delayMs: number, event: PoolEvent): void {
    this.#agenda.put(this.#nowMs + delayMs, event);
  }
}

function inFleet<T>(known: ReadonlyMap<string, T>, key: string): T {
  const one = known.get(key);
  if (one === undefined) throw new Error(`Cannot replay "${key}": expected one of the fleet`);
  return one;
}
