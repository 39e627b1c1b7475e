import { expect } from 'vitest';
import type { Catalogue } from '../../gateway/domain/catalogue.ts';
import type { Combo } from '../../gateway/domain/combo.ts';
import {
  type ComboKey,
  comboKey,
  runnerId as makeRunnerId,
  type RequestId,
  type RunnerId,
  requestId,
} from '../../gateway/domain/ids.ts';
import { isCurrentCombo, isCurrentModel } from '../../gateway/pool/current.ts';
import { nextDeadlineMs } from '../../gateway/pool/deadlines.ts';
import { decide } from '../../gateway/pool/decide.ts';
import type { PoolEffect } from '../../gateway/pool/effects.ts';
import type { PoolEvent } from '../../gateway/pool/events.ts';
import { isHeld } from '../../gateway/pool/holders.ts';
import { quarantineKey } from '../../gateway/pool/quarantine.ts';
import { promisedStart } from '../../gateway/pool/queries.ts';
import { maxRunnersOf } from '../../gateway/pool/scaling.ts';
import type { PoolSettings } from '../../gateway/pool/settings.ts';
import { baseKey, emptyPool, type PoolState } from '../../gateway/pool/state.ts';
import type { WaitTerms } from '../../gateway/pool/terms.ts';
import { judgeOffer } from './adopting.ts';
import { Agenda, randomOf, waker } from './agenda.ts';
import { checkBooks } from './books.ts';
import { wrongBudget } from './budgets.ts';
import { watchForecast } from './forecastWatch.ts';
import { foundDevices } from './foundDevices.ts';
import { checkKept, checkSpread, heldCounts, keptRunners } from './keeping.ts';
import { losersOf, wrongLoss } from './lossBooks.ts';
import { type Faults, SimulatedProcess } from './processes.ts';
import { checkRefusal, checkStart } from './quarantineChecks.ts';
import { openOf, runsOn, type SimulatedRequest, waitingOf } from './requests.ts';
import { resized } from './resizes.ts';
import { beginOn } from './sharedFiles.ts';
import { awake, wrongClaim, wrongSpawn } from './spawning.ts';
import { StartBooks } from './startBooks.ts';
import { wrongLettingGo } from './stopBooks.ts';
import { StoreSide } from './storeSide.ts';
import { noteStartForNext, overdue, tellsNoTime, wrongGrant } from './waitBooks.ts';

const TICK_MS = 200;

/**
 * Everything around the pool: processes that start, fail, hang and die after random times, clients that come and go, a
 * clock. Performs the pool's effects, tells it what became of them, and checks after every event that no promise broke.
 */
export class World {
  readonly state: PoolState;
  readonly agenda = new Agenda();
  readonly #alarm = waker(this.agenda, () => this.tell({ type: 'deadlineDue' }));
  readonly random: () => number;
  readonly store: StoreSide;
  readonly faults: Faults;
  readonly requests: SimulatedRequest[] = [];
  readonly processes = new Map<RunnerId, SimulatedProcess>();
  readonly orders = new Map<string, { readonly combo: Combo | null; answered: boolean }>();
  readonly rejections: string[] = [];
  events = 0;
  pinned = 0;
  #mayHang = false;
  /** Combos that were on several processes at one time. */
  readonly #spread = new Set<ComboKey>();
  readonly #starts = new StartBooks();
  #shutDownAtMs = Number.POSITIVE_INFINITY;
  now: PoolEvent = { type: 'tick' };

  constructor(settings: PoolSettings, catalogue: Catalogue, seed: number, faults: Faults) {
    this.faults = faults;
    this.#mayHang = faults.hang > 0;
    this.random = randomOf(seed);
    this.store = new StoreSide((event) => this.tell(event), this.agenda, this.random, this.processes);
    this.state = emptyPool(settings, catalogue, 'sim');
    this.tell({ type: 'devicesFound', devices: foundDevices(settings, seed) });
    const tick = (): void => {
      this.tell({ type: 'tick' });
      this.agenda.in(TICK_MS, tick);
    };
    this.agenda.in(TICK_MS, tick);
  }

  arrive(combo: Combo, keepAliveMs: number | undefined, durationMs: number, terms: WaitTerms): void {
    const id = requestId(`q${this.requests.length}`);
    const asked = { id, combo, durationMs, terms, arrivedAtEvent: this.events + 1 };
    this.requests.push({ ...asked, state: 'waiting', runnerId: null, promised: null });
    this.tell({ type: 'requestArrived', requestId: id, combo, keepAliveMs, terms });
  }

  order(type: 'warmAsked' | 'evictAsked' | 'liftAsked', combo: Combo): void {
    this.tell({ type, orderId: this.newOrder(combo), combo });
  }

  newOrder(combo: Combo | null): string {
    const orderId = `o${this.orders.size}`;
    this.orders.set(orderId, { combo, answered: false });
    return orderId;
  }

  pin(combo: Combo, count: number, forMs: number): void {
    this.pinned += 1;
    const level = count === 0 ? 'staged' : 'ready';
    const asked = { orderId: this.newOrder(combo), combo, level, count: Math.max(1, count) } as const;
    this.tell({ type: 'pinAsked', ...asked, untilMs: this.agenda.nowMs + forMs });
  }

  /** An operator drains a runner, puts it to sleep or wakes it; maybe one that has gone. */
  orderOn(type: 'drainAsked' | 'sleepAsked' | 'wakeAsked', pick: number): void {
    const ids = [...this.state.runners.keys(), makeRunnerId('r_gone')];
    this.tell({ type, orderId: this.newOrder(null), runnerId: ids[pick % ids.length] as RunnerId });
  }

  expectDemand(combos: readonly Combo[], budgetBytes: number): void {
    const likely = combos.map((combo) => ({ combo, chance: this.random() }));
    this.tell({ type: 'demandExpected', likely, budgetBytes, horizonMs: 1000 });
  }

  /** The client of a request that waits or runs leaves. */
  leave(pick: number): void {
    const open = this.requests.filter(({ state }) => state === 'waiting' || state === 'running');
    const request = open[pick % Math.max(1, open.length)];
    if (request?.state === 'running') this.#end(request);
    else if (request) {
      request.state = 'left';
      this.tell({ type: 'clientGone', requestId: request.id });
    }
  }

  /** The client of a request that waits is told who will serve it, when the pool promises that. */
  promise(pick: number): void {
    const waiting = this.requests.filter(({ state }) => state === 'waiting');
    const request = waiting[pick % Math.max(1, waiting.length)];
    if (!request) return;
    this.tell({ type: 'promiseAsked', requestId: request.id });
    request.promised ??= promisedStart(this.state, request.id);
  }

  kill(pick: number): void {
    const alive = [...this.processes.values()];
    alive[pick % Math.max(1, alive.length)]?.exit('killed');
  }

  /** A process stops without a word; what is not up yet has no probes and is left alone. */
  freeze(pick: number): void {
    const alive = [...this.processes.values()].filter(({ state }) => state !== 'spawned');
    this.#mayHang = true;
    alive[pick % Math.max(1, alive.length)]?.freeze();
  }

  /** A runner of an earlier gateway shows up with these combos; it is adopted when the pool can use it. */
  adopt(combos: readonly Combo[]): void {
    const { process, event } = judgeOffer(this, makeRunnerId(`r_before_${this.events}`), combos) ?? {};
    if (!process || !event) return;
    for (const [key, { combo }] of process.combos) if (isHeld(this.state, combo)) this.#spread.add(key);
    this.processes.set(process.id, process);
    this.tell(event);
  }

  shutDown(): void {
    this.#shutDownAtMs = Math.min(this.#shutDownAtMs, this.agenda.nowMs);
    this.tell({ type: 'shutdownAsked' });
  }

  /** Lets time go on until nobody waits and nothing runs. */
  settle(limitMs: number): void {
    const untilMs = this.agenda.nowMs + limitMs;
    while (openOf(this.requests, this.orders).length > 0 && this.agenda.nowMs < untilMs)
      this.agenda.advance(TICK_MS);
    expect(openOf(this.requests, this.orders)).toEqual([]);
  }

  /** Half of its requests end before the pool hears of the exit, half after. */
  died({ id }: SimulatedProcess): void {
    for (const request of runsOn(this.requests, id)) {
      if (this.random() < 0.5) this.#end(request);
      else this.agenda.in(0, () => this.#end(request));
    }
  }

  tell(event: PoolEvent): void {
    this.events += 1;
    this.now = event;
    if (event.type === 'runnerExited') this.processes.delete(event.runnerId);
    const process = event.type === 'comboReady' ? this.processes.get(event.runnerId) : undefined;
    const held = event.type === 'comboReady' ? process?.combos.get(event.comboKey) : undefined;
    if (held) held.readyAtEvent = this.events;
    const kept = keptRunners(this.state);
    const spread = heldCounts(this.state);
    for (const [key, count] of spread) if (count > 1) this.#spread.add(key);
    const losers = losersOf(this.state, event);
    const { effects } = decide(this.state, event, this.agenda.nowMs);
    this.#mustNot(wrongLoss(losers, effects));
    if (event.type === 'requestArrived') noteStartForNext(this.state, this.orders, event.combo, effects);
    if (event.type === 'demandExpected') watchForecast(this.state, this.orders, event, effects);
    for (const effect of effects) this.#perform(effect);
    if (event.type !== 'tick' || !this.#mayHang) checkKept(this.state, event, kept);
    if (event.type !== 'runnerAdopted') checkSpread(this.state, event, spread);
    checkBooks(this.state, this.agenda.nowMs, event.type === 'tick');
    this.#mustNot(wrongBudget(this.state, this.processes) ?? overdue(this.requests, this.agenda.nowMs));
    this.#alarm(nextDeadlineMs(this.state));
    const waiting = waitingOf(this.requests, this.orders);
    this.#must(waiting === this.state.waiting, 'the pool has forgotten somebody who waits');
  }

  #perform(effect: PoolEffect): void {
    switch (effect.type) {
      case 'spawn':
        return this.#spawn(effect);
      case 'claim':
        return this.#claim(effect);
      case 'load':
        return this.#load(effect);
      case 'sleep':
        return this.#sleep(effect.runnerId);
      case 'wake':
        return this.#wake(effect);
      case 'attach':
        return this.#attach(effect);
      case 'detach': {
        const process = this.#process(effect.runnerId, 'loaded');
        this.#must(process.combos.get(effect.comboKey)?.state === 'ready', 'detaches what is not ready');
        this.#must(this.#running(process.id, effect.comboKey) === 0, 'detaches what is busy');
        return process.detach(effect.comboKey);
      }
      case 'resize':
        return resized(this.#process(effect.runnerId, 'loaded'), effect, this);
      case 'grant':
        return this.#grant(effect);
      case 'reject': {
        const request = this.#waiter(effect.requestId);
        this.#must(!tellsNoTime(effect.failure), `refuses with ${effect.failure.code} and tells no time`);
        request.state = 'rejected';
        checkRefusal(this.state, request.combo, effect.failure, this.agenda.nowMs);
        this.rejections.push(effect.failure.code);
        return;
      }
      case 'setThreads':
        this.#process(effect.runnerId, 'loaded').threads = effect.threads;
        return;
      case 'stop':
        return this.#stop(effect);
      case 'answer':
        return this.#answer(effect);
      case 'stageSegment':
      case 'dropSegment':
        return this.#mustNot(this.store.perform(effect, this.state));
      case 'note':
      case 'stage':
      case 'pinEnded':
        return;
      default:
        throw new Error(`unknown effect ${(effect satisfies never as { type: string }).type}`);
    }
  }

  #spawn(effect: Extract<PoolEffect, { type: 'spawn' }>): void {
    this.#mustNot(wrongSpawn(this.state, this.processes, effect, this.now));
    const { runnerId, model, device } = effect;
    if (model) checkStart(this.state, quarantineKey(model), this.agenda.nowMs);
    const process = new SimulatedProcess(runnerId, model && baseKey(model), device, this);
    if (model) beginOn(this.processes, process, model, this.store);
    this.processes.set(runnerId, process);
  }

  #claim(effect: Extract<PoolEffect, { type: 'claim' }>): void {
    this.#mustNot(wrongClaim(this.state, this.processes, effect));
    const { runnerId, model } = effect;
    checkStart(this.state, quarantineKey(model), this.agenda.nowMs);
    beginOn(this.processes, this.processes.get(runnerId), model, this.store);
  }

  #load({ runnerId, model, threads, atSource = false }: Extract<PoolEffect, { type: 'load' }>): void {
    const process = this.#process(runnerId, 'up');
    this.#must(process.isBegunFor(model, atSource), 'loads another base than spawned for, or from elsewhere');
    this.#must(isCurrentModel(model, this.state.catalogue), 'loads what is not current');
    process.threads = threads;
    process.load(model);
  }

  #sleep(runnerId: RunnerId): void {
    const process = this.#process(runnerId, 'loaded');
    this.#must(this.#running(runnerId) === 0, 'puts a busy one to sleep');
    this.#mustNot(wrongLettingGo(this.state, process, 'evicted'));
    process.sleep();
  }

  #wake({ runnerId, model, threads }: Extract<PoolEffect, { type: 'wake' }>): void {
    const process = this.#process(runnerId, 'asleep');
    this.#must(awake(this.processes) < this.state.settings.maxRunners, 'wakes more runners than allowed');
    this.#must(isCurrentModel(model, this.state.catalogue), 'wakes what is not current');
    process.threads = threads;
    process.wake();
  }

  #attach({ runnerId, combo, kind }: Extract<PoolEffect, { type: 'attach' }>): void {
    const process = this.#process(runnerId, 'loaded');
    this.#must(baseKey(combo.model) === process.baseKey, 'attaches to another base');
    this.#must(isCurrentCombo(combo, this.state.catalogue), 'attaches what is not current');
    this.#must(process.combos.size < this.state.settings.maxCombosPerRunner, 'attaches more than allowed');
    this.#must(!process.combos.has(combo.key), 'attaches twice');
    // What comes free by the event that loads the base is taken by an attach to the loaded base.
    const isLoaded = this.now.type === 'runnerLoaded' && this.now.runnerId === runnerId;
    const { baseKind } = process;
    this.#must(kind === 'attach' || (kind === baseKind && isLoaded), `attaches as ${kind}`);
    // What was wanted had begun before.
    if (kind === 'attach') checkStart(this.state, combo.key, this.agenda.nowMs);
    process.attach(combo, kind === 'attach' ? kind : baseKind);
    const isKept = this.state.keeps.has(combo.key) || maxRunnersOf(this.state, combo) > 1;
    if (kind !== 'attach' || isKept) return;
    const [first, ...others] = this.state.queues.get(combo.key)?.waiters ?? [];
    this.#must(first?.start?.joined === false, 'a start that nobody began');
    this.#must(
      others.every(({ start }) => start?.joined),
      'a start that several began',
    );
  }

  #grant(effect: Extract<PoolEffect, { type: 'grant' }>): void {
    const request = this.#waiter(effect.requestId);
    const process = this.#process(effect.runnerId, 'loaded');
    const held = process.combos.get(request.combo.key);
    this.#starts.granted(effect, request.promised);
    this.#mustNot(wrongGrant(this.state, request, effect.runnerId, this.agenda.nowMs));
    if (held?.state !== 'ready') throw new Error(`grants "${request.combo.key}" where it is not ready`);
    const isWarm = request.arrivedAtEvent > held.readyAtEvent;
    // One that waited on a start may be overtaken by another runner, and keeps the kind that it waited for.
    if (!this.#spread.has(request.combo.key))
      this.#must(effect.kind === (isWarm ? 'warm' : held.kind), `grants as ${effect.kind}`);
    if (effect.kind !== 'warm' && !effect.joined) held.begun += 1;
    this.#must(held.begun <= 1, 'several began one start');
    request.state = 'running';
    request.runnerId = effect.runnerId;
    const running = this.#running(effect.runnerId, request.combo.key);
    this.#must(running <= held.sequences, 'grants more than the sequences');
    this.agenda.in(process.state === 'dead' ? 0 : request.durationMs, () => {
      if (!process.isFrozen || process.state === 'dead') this.#end(request);
    });
  }

  #stop({ runnerId, graceMs, reason }: Extract<PoolEffect, { type: 'stop' }>): void {
    const process = this.processes.get(runnerId);
    if (!process || (process.isStopping && reason !== 'hung'))
      return this.#must(false, 'stops what is not there');
    if (reason === 'hung') this.#cut(runnerId);
    else if (reason !== 'failed' && reason !== 'shutdown' && reason !== 'drained')
      this.#must(this.#running(runnerId) === 0, `stops (${reason}) a busy runner`);
    const { drainTimeoutMs } = this.state.settings;
    if (reason === 'shutdown' && this.agenda.nowMs < this.#shutDownAtMs + drainTimeoutMs)
      this.#must(this.#running(runnerId) === 0, 'stops a busy runner before its time');
    this.#mustNot(wrongLettingGo(this.state, process, reason));
    process.stop(graceMs);
  }

  /** What runs on a runner that hangs ends with its connections, not within this event. */
  #cut(id: RunnerId): void {
    for (const request of runsOn(this.requests, id)) this.agenda.in(0, () => this.#end(request));
  }

  #answer({ orderId, answer }: Extract<PoolEffect, { type: 'answer' }>): void {
    const order = this.orders.get(orderId);
    if (!order || order.answered) return this.#must(false, `answers order "${orderId}" twice`);
    order.answered = true;
    if (!answer.ok || answer.value.order !== 'warm') return;
    const held = this.processes.get(answer.value.runnerId)?.combos.get(order.combo?.key ?? comboKey(''));
    this.#must(held?.state === 'ready', 'says that a combo is warm that is not ready');
  }

  #end(request: SimulatedRequest): void {
    if (request.state !== 'running') return;
    request.state = 'ended';
    const usage = { promptTokens: request.durationMs, completionTokens: Math.round(this.random() * 100) };
    this.tell({ type: 'requestEnded', requestId: request.id, ...(this.random() < 0.8 && { usage }) });
  }

  #waiter(id: RequestId): SimulatedRequest {
    const request = this.requests.find((one) => one.id === id);
    if (request?.state !== 'waiting') throw new Error(`answers "${id}", which is ${request?.state}`);
    return request;
  }

  #process(id: RunnerId, state: SimulatedProcess['state']): SimulatedProcess {
    const process = this.processes.get(id);
    // One that died may be given orders until the pool hears of it.
    if (!process || process.isStopping || (process.state !== state && process.state !== 'dead'))
      throw new Error(`orders "${id}", which is ${process?.state}, expected ${state}`);
    return process;
  }

  #running(id: RunnerId, key?: string): number {
    return runsOn(this.requests, id, key).length;
  }

  #mustNot(wrong: string | null): void {
    if (wrong !== null) this.#must(false, wrong);
  }

  #must(condition: boolean, what: string): void {
    if (!condition) expect.fail(`${what}, at event ${this.events} (${this.now.type})`);
  }
}
