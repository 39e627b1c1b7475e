import type { Combo } from '../domain/combo.ts';
import type { Failure } from '../domain/errors.ts';
import { type ComboName, type RequestId, type RunnerId, requestId, type SegmentKey } from '../domain/ids.ts';
import { nextDeadlineMs } from '../pool/deadlines.ts';
import { decide } from '../pool/decide.ts';
import type { FixedStart, NoteType, OrderAnswer, PoolEffect } from '../pool/effects.ts';
import type { PoolEvent } from '../pool/events.ts';
import { fixedStart, promisedStart } from '../pool/queries.ts';
import { retryAfterMs } from '../pool/retryAfter.ts';
import type { PoolState } from '../pool/state.ts';
import type { TokenUsage, WaitTerms } from '../pool/terms.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventLog } from '../ports/eventLog.ts';
import { Alarm } from './alarm.ts';
import type { RunnerFleet } from './runnerFleet.ts';
import { stagedFigures } from './weights/stagedFigures.ts';
import type { StagedFiles } from './weights/stagedFiles.ts';

/** A runner for a request. The pool counts it as busy until `release`. */
export interface Grant extends FixedStart {
  readonly grantedMonoMs: number;
}

export type GrantOutcome =
  | { readonly ok: true; readonly grant: Grant }
  /** `start`: what was waited for; null when nobody had begun one. */
  | { readonly ok: false; readonly failure: Failure; readonly start: FixedStart | null };

type WithoutId<T> = T extends unknown ? Omit<T, 'orderId'> : never;
/** What an operator asks of the pool. */
export type Order = WithoutId<Extract<PoolEvent, { readonly orderId: string }>>;

/** Who looks after what pins need beside runners. */
export interface PinKeeper {
  stage(combo: ComboName): void;
  ended(combo: ComboName): void;
}

const TICK_MS = 200;

/**
 * The single writer around `decide`: one event at a time is decided, its notes are handed to the event log, its
 * effects performed. Slow work comes back as another event. Events that come up while one is decided wait their turn.
 * Time is told by ticks, and by an alarm at the next deadline, so that nobody hears of it a tick late.
 */
export class PoolLoop {
  readonly #state: PoolState;
  readonly #clock: Clock;
  readonly #events: EventLog;
  readonly #backlog: PoolEvent[] = [];
  readonly #waiting = new Map<RequestId, (outcome: GrantOutcome) => void>();
  readonly #orders = new Map<string, (answer: OrderAnswer) => void>();
  #fleet: RunnerFleet | null = null;
  #pins: PinKeeper | null = null;
  #staged: StagedFiles | null = null;
  #running = false;
  #nextOrder = 1;
  #ticker: NodeJS.Timeout | null = null;
  readonly #deadline: Alarm;

  constructor(state: PoolState, clock: Clock, events: EventLog) {
    this.#state = state;
    this.#clock = clock;
    this.#events = events;
    this.#deadline = new Alarm(
      () => clock.monoMs(),
      () => this.dispatch({ type: 'deadlineDue' }),
    );
  }

  /** From here on effects reach processes. */
  start(fleet: RunnerFleet, pins: PinKeeper, staged: StagedFiles): void {
    this.#fleet = fleet;
    this.#staged = staged;
    this.#pins = pins;
  }

  /** From here on time passes, and with it standbys come. */
  run(): void {
    this.dispatch({ type: 'tick' });
    this.#ticker = setInterval(() => this.dispatch({ type: 'tick' }), TICK_MS);
  }

  stop(): void {
    if (this.#ticker) clearInterval(this.#ticker);
    this.#deadline.stop();
  }

  /** Read-only view for the admin API; never changed outside of `decide`. */
  get state(): PoolState {
    return this.#state;
  }

  dispatch(event: PoolEvent): void {
    this.#backlog.push(event);
    if (this.#running) return;
    this.#running = true;
    try {
      for (let next = this.#backlog.shift(); next; next = this.#backlog.shift()) {
        const { effects } = decide(this.#state, next, this.#clock.monoMs());
        for (const effect of effects) this.#perform(effect);
      }
    } finally {
      this.#running = false;
      this.#deadline.set(nextDeadlineMs(this.#state));
    }
  }

  /** Asks for a runner. Exactly one outcome, unless `leave` comes first. */
  acquire(
    id: RequestId,
    combo: Combo,
    keepAliveMs: number | undefined,
    terms: WaitTerms,
  ): Promise<GrantOutcome> {
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.dispatch({ type: 'requestArrived', requestId: id, combo, keepAliveMs, terms });
    });
  }

  /** The client of a waiting request has gone; its promise may stay open. One granted just now is released. */
  leave(id: RequestId): void {
    this.#waiting.delete(id);
    this.dispatch({ type: 'clientGone', requestId: id });
    this.dispatch({ type: 'requestEnded', requestId: id });
  }

  /** A granted request has ended. undefined: nobody knows what it took. */
  release(id: RequestId, usage: TokenUsage | undefined): void {
    this.dispatch({ type: 'requestEnded', requestId: id, ...(usage && { usage }) });
  }

  /** When it is worth to ask for the combo again, in milliseconds. */
  retryAfterMs(combo: Combo): number {
    return retryAfterMs(this.#state, combo, this.#clock.monoMs());
  }

  /** What the client of a waiting request can be told and will be true; null: nothing yet. */
  promisedStart(id: RequestId): FixedStart | null {
    this.dispatch({ type: 'promiseAsked', requestId: id });
    return promisedStart(this.#state, id);
  }

  /** How a waiting request would be served as things are; null when no runner is chosen. */
  fixedStart(id: RequestId): FixedStart | null {
    return fixedStart(this.#state, id);
  }

  order(asked: Order): Promise<OrderAnswer> {
    const orderId = `order_${this.#nextOrder++}`;
    return new Promise((resolve) => {
      this.#orders.set(orderId, resolve);
      this.dispatch({ ...asked, orderId });
    });
  }

  #perform(effect: PoolEffect): void {
    const fleet = this.#fleet;
    switch (effect.type) {
      case 'spawn':
        return fleet?.spawn(effect.runnerId, effect.model, effect.device);
      case 'claim':
        return fleet?.claim(effect.runnerId, effect.model);
      case 'load':
        return fleet?.load(effect.runnerId, effect.model, effect.threads, effect.atSource);
      case 'sleep':
        return fleet?.sleep(effect.runnerId);
      case 'wake':
        return fleet?.wake(effect.runnerId, effect.model, effect.threads);
      case 'attach':
        return fleet?.attach(effect.runnerId, effect.combo, effect.kind);
      case 'detach':
        return fleet?.detach(effect.runnerId, effect.comboKey);
      case 'resize':
        return fleet?.resize(effect.runnerId, effect.comboKey, effect.sequences);
      case 'setThreads':
        return fleet?.setThreads(effect.runnerId, effect.threads);
      case 'stop':
        if (effect.reason === 'hung') return fleet?.endHung(effect.runnerId);
        return fleet?.stop(effect.runnerId, effect.graceMs);
      case 'grant':
        return this.#granted(effect);
      case 'reject':
        return this.#settle(effect.requestId, { ok: false, failure: effect.failure, start: effect.start });
      case 'answer':
        return this.#answer(effect.orderId, effect.answer);
      case 'stageSegment':
        return this.#staged?.stage(effect.entry, effect.priority, effect.device);
      case 'dropSegment':
        return this.#staged?.drop(effect.key, effect.book);
      case 'stage':
        return this.#pins?.stage(effect.combo);
      case 'pinEnded':
        return this.#pins?.ended(effect.combo);
      case 'note':
        return this.#note(effect);
      default:
        throw new Error(`Cannot perform effect "${(effect satisfies never as { type: string }).type}"`);
    }
  }

  #granted({ type: _grant, requestId: id, ...start }: Extract<PoolEffect, { type: 'grant' }>): void {
    if (!this.#waiting.has(id)) {
      // Its client left between the decision and now.
      this.#backlog.push({ type: 'requestEnded', requestId: requestId(id) });
      return;
    }
    this.#settle(id, { ok: true, grant: { ...start, grantedMonoMs: this.#clock.monoMs() } });
  }

  #settle(id: RequestId, outcome: GrantOutcome): void {
    const resolve = this.#waiting.get(id);
    this.#waiting.delete(id);
    resolve?.(outcome);
  }

  #answer(orderId: string, answer: OrderAnswer): void {
    const resolve = this.#orders.get(orderId);
    this.#orders.delete(orderId);
    resolve?.(answer);
  }

  #note({ note, runnerId, combo, detail }: Extract<PoolEffect, { type: 'note' }>): void {
    this.#events.append({
      atEpochMs: this.#clock.epochMs(),
      type: note,
      ...(runnerId === undefined ? {} : { runnerId }),
      ...(combo === undefined ? {} : { combo }),
      ...(detail === undefined ? {} : { detail: { ...detail, ...this.#wordsOn(note, runnerId, detail) } }),
    });
  }

  /** What only the processes can say of it. */
  #wordsOn(
    note: NoteType,
    id: RunnerId | undefined,
    { key }: Readonly<Record<string, unknown>>,
  ): Readonly<Record<string, unknown>> {
    if (note === 'segment_staged') return stagedFigures(this.#staged?.originOf(key as SegmentKey) ?? null);
    if (note !== 'start_slow' || id === undefined || !this.#fleet) return {};
    return { lastLine: this.#fleet.slowStart(id) };
  }
}
