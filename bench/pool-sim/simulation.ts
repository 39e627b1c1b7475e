import type { Combo } from '../../gateway/domain/combo.ts';
import { type RunnerId, requestId } from '../../gateway/domain/ids.ts';
import { decide } from '../../gateway/pool/decide.ts';
import type { PoolEffect } from '../../gateway/pool/effects.ts';
import type { PoolEvent } from '../../gateway/pool/events.ts';
import { emptyPool, type PoolState } from '../../gateway/pool/state.ts';
import { SETTINGS } from '../../test/pool/builders.ts';
import { Agenda } from './agenda.ts';
import { Clairvoyant } from './clairvoyant.ts';
import { catalogueOfFleet } from './fleet.ts';
import { Forecaster } from './forecaster.ts';
import type { SimMachine, SimPolicy } from './policies.ts';
import { type Outcome, Tally } from './tally.ts';
import { nextTickMs } from './ticks.ts';
import type { Trace } from './trace.ts';

/** A runner process: what it holds, so that it is given back when the process has gone. */
interface SimProcess {
  heldBytes: number;
}

/** Replays a trace through the pool's own `decide`, with a clock that jumps to what happens next. */
export class Simulation {
  readonly state: PoolState;
  readonly #trace: Trace;
  readonly #machine: SimMachine;
  readonly #policy: SimPolicy;
  readonly #combos: readonly Combo[];
  readonly #baseOf = new Map<string, number>();
  readonly #comboOf = new Map<string, number>();
  readonly #processes = new Map<RunnerId, SimProcess>();
  readonly #agenda = new Agenda<PoolEvent>();
  readonly #tally: Tally;
  readonly #clairvoyant: Clairvoyant | null;
  readonly #forecaster: Forecaster | null;
  #nowMs = 0;

  constructor(trace: Trace, machine: SimMachine, policy: SimPolicy) {
    const { fleet, arrivals } = trace;
    const { catalogue, combos } = catalogueOfFleet(fleet, policy.idleTtlMs);
    const { memoryBytes, maxRunners, maxCombosPerRunner, standbys, swapAfterMs, minResidencyMs } = machine;
    const settings = {
      ...SETTINGS,
      ...{ memoryBytes, maxRunners, maxCombosPerRunner, standbys, swapAfterMs, minResidencyMs },
      eviction: policy.eviction === 'clairvoyant' ? 'gdsf' : policy.eviction,
      startTimeoutMs: 900_000,
      spawnTimeoutMs: 900_000,
    } as const;
    const state = emptyPool(settings, catalogue, 'sim');
    this.#clairvoyant = policy.eviction === 'clairvoyant' ? new Clairvoyant(trace) : null;
    this.state = this.#clairvoyant ? { ...state, eviction: this.#clairvoyant.policy } : state;
    this.#trace = trace;
    this.#machine = machine;
    this.#policy = policy;
    this.#combos = combos;
    for (const [index, { id }] of fleet.bases.entries()) this.#baseOf.set(id, index);
    for (const [index, { key }] of combos.entries()) this.#comboOf.set(key, index);
    this.#forecaster = policy.forecast ? new Forecaster(policy.forecast, combos) : null;
    this.#tally = new Tally(arrivals.atMs.length);
  }

  /** To the last request's answer. */
  run(): Outcome {
    const { atMs } = this.#trace.arrivals;
    const startedAtMs = performance.now();
    const needed = this.#policy.idleTtlMs === null ? 'no ttl' : 'ttl';
    const ticks = this.#machine.ticks === 'all' ? 'all' : needed;
    let next = 0;
    let tickMs = 0;
    while (next < atMs.length || this.#agenda.nextMs < Number.POSITIVE_INFINITY || this.state.waiting > 0) {
      const arrivalMs = atMs[next] ?? Number.POSITIVE_INFINITY;
      const soonestMs = Math.min(arrivalMs, this.#agenda.nextMs);
      tickMs = nextTickMs(this.state, ticks, this.#nowMs, tickMs);
      const lookMs = this.#forecaster?.nextMs ?? Number.POSITIVE_INFINITY;
      if (lookMs < Math.min(tickMs, soonestMs) && next < atMs.length) this.#lookAhead(lookMs);
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
    return this.#tally.outcome(this.#policy.name, this.#trace.arrivals, performance.now() - startedAtMs);
  }

  #arrive(request: number): void {
    const combo = this.#combos[this.#trace.arrivals.combo[request] ?? 0];
    if (!combo) throw new Error(`Cannot replay request ${request}: expected a combo of the fleet`);
    this.#forecaster?.arrived(combo, this.#nowMs);
    const id = requestId(String(request));
    this.#tell({ type: 'requestArrived', requestId: id, combo, keepAliveMs: undefined });
  }

  #lookAhead(nowMs: number): void {
    const { forecast } = this.#policy;
    if (!this.#forecaster || !forecast) return;
    this.#nowMs = nowMs;
    const likely = this.#forecaster.look(nowMs);
    this.#tell({ type: 'demandExpected', likely, ...forecast });
  }

  /** Something that takes time is over. */
  #happen(event: PoolEvent): void {
    if (event.type === 'comboDetached') {
      const combo = this.#comboAt(event.comboKey);
      this.#hold(event.runnerId, -(this.#trace.fleet.bases[combo.base]?.contextBytes ?? 0));
    }
    if (event.type === 'runnerExited') {
      this.#hold(event.runnerId, -(this.#processes.get(event.runnerId)?.heldBytes ?? 0));
      this.#processes.delete(event.runnerId);
    }
    this.#tell(event);
    if (this.#clairvoyant) this.#introduce(this.#clairvoyant, event);
  }

  /** Tells the clairvoyant whose worth the pool has just booked. */
  #introduce(clairvoyant: Clairvoyant, event: PoolEvent): void {
    if (event.type !== 'runnerLoaded' && event.type !== 'comboReady') return;
    const runner = this.state.runners.get(event.runnerId);
    if (runner?.state !== 'ready') return;
    if (event.type === 'runnerLoaded')
      return clairvoyant.isBase(runner.worth, this.#baseOf.get(runner.model.id) ?? 0);
    const slot = runner.combos.get(event.comboKey);
    if (slot?.state === 'ready') clairvoyant.isCombo(slot.worth, this.#comboOf.get(event.comboKey) ?? 0);
  }

  #tell(event: PoolEvent): void {
    this.#tally.decides += 1;
    if (this.#clairvoyant) this.#clairvoyant.nowMs = this.#nowMs;
    for (const effect of decide(this.state, event, this.#nowMs).effects) this.#perform(effect);
  }

  #perform(effect: PoolEffect): void {
    switch (effect.type) {
      case 'spawn':
        this.#processes.set(effect.runnerId, { heldBytes: 0 });
        return this.#later(this.#machine.spawnMs, { type: 'runnerUp', runnerId: effect.runnerId });
      case 'load':
        return this.#load(effect);
      case 'attach':
        return this.#attach(effect);
      case 'detach':
        this.#tally.detachedCombos += 1;
        return this.#later(this.#machine.detachMs, { ...effect, type: 'comboDetached' });
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
    const base = this.#trace.fleet.bases[this.#baseOf.get(model.id) ?? -1];
    if (!base) throw new Error(`Cannot load "${model.id}": expected a base of the fleet`);
    const { weightBytes, loadMs } = base;
    this.#tally.loads += 1;
    this.#tally.reloadMs += loadMs;
    this.#hold(runnerId, weightBytes);
    this.#later(loadMs, { type: 'runnerLoaded', runnerId, weightBytes });
  }

  #attach({ runnerId, combo }: Extract<PoolEffect, { type: 'attach' }>): void {
    const { attachMs, base } = this.#comboAt(combo.key);
    const contextBytes = this.#trace.fleet.bases[base]?.contextBytes ?? 0;
    this.#tally.attaches += 1;
    this.#tally.reloadMs += attachMs;
    this.#hold(runnerId, contextBytes);
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
    this.#later(this.#machine.stopMs, { type: 'runnerExited', runnerId, failure });
  }

  #hold(id: RunnerId, bytes: number): void {
    const process = this.#processes.get(id);
    if (!process) return;
    process.heldBytes += bytes;
    this.#tally.hold(bytes, this.#nowMs);
  }

  #comboAt(key: string): Trace['fleet']['combos'][number] {
    const combo = this.#trace.fleet.combos[this.#comboOf.get(key) ?? -1];
    if (!combo) throw new Error(`Cannot find combo "${key}": expected one of the fleet`);
    return combo;
  }

  #later(delayMs: number, event: PoolEvent): void {
    this.#agenda.put(this.#nowMs + delayMs, event);
  }
}
