import type { Catalogue } from '../../gateway/domain/catalogue.ts';
import type { Combo } from '../../gateway/domain/combo.ts';
import type { Failure } from '../../gateway/domain/errors.ts';
import { requestId, runnerId } from '../../gateway/domain/ids.ts';
import { type AdoptionOffer, type AdoptionVerdict, judgeAdoption } from '../../gateway/pool/adoption.ts';
import { decide } from '../../gateway/pool/decide.ts';
import type { OrderAnswer, PoolEffect } from '../../gateway/pool/effects.ts';
import type { PoolEvent } from '../../gateway/pool/events.ts';
import type { Pin } from '../../gateway/pool/pins.ts';
import type { PoolSettings } from '../../gateway/pool/settings.ts';
import { emptyPool, type PoolState } from '../../gateway/pool/state.ts';
import { PLAIN_TERMS, type WaitTerms } from '../../gateway/pool/terms.ts';
import { checkBooks } from './books.ts';
import { adapter, catalogueOf, comboOf, model, SETTINGS } from './builders.ts';

export const CATALOGUE = catalogueOf(
  [model('a'), model('b'), model('c')],
  [adapter('x', 'a'), adapter('y', 'a'), adapter('z', 'b')],
);
export const BROKEN: Failure = { code: 'start_failed', message: 'Cannot start: broken' };

/** A runner of an earlier gateway that neither loads nor sleeps, and sees no device. */
export const NEITHER = { isLoading: false, isAsleep: false, keptBytes: 0, device: null } as const;

type Note = Extract<PoolEffect, { type: 'note' }>;

/** Tells the pool one fact after another and reads its orders as short lines. Runners are r1, r2, … */
export class PoolDriver {
  readonly state: PoolState;
  nowMs = 0;
  /** Of all grants, the oldest first. */
  readonly grants: Extract<PoolEffect, { type: 'grant' }>[] = [];
  #lastNotes: Note[] = [];
  #lastRejections: Failure[] = [];
  #lastAnswers: OrderAnswer[] = [];

  constructor(settings: Partial<PoolSettings> = {}, catalogue: Catalogue = CATALOGUE) {
    this.state = emptyPool({ ...SETTINGS, ...settings }, catalogue, 't');
  }

  tell(event: PoolEvent): string[] {
    const { effects } = decide(this.state, event, this.nowMs);
    checkBooks(this.state, this.nowMs, event.type === 'tick');
    this.#lastRejections = effects.flatMap((effect) => (effect.type === 'reject' ? [effect.failure] : []));
    this.#lastAnswers = effects.flatMap((effect) => (effect.type === 'answer' ? [effect.answer] : []));
    this.grants.push(...effects.filter((effect) => effect.type === 'grant'));
    this.#lastNotes = effects.filter((effect) => effect.type === 'note');
    return effects.filter(({ type }) => type !== 'note').map(brief);
  }

  /** What the last event that `act` tells leaves in the event log. */
  notes(act: () => unknown): Note[] {
    act();
    return this.#lastNotes;
  }

  /** Why the last event that `act` tells has requests refused. */
  rejections(act: () => unknown): Failure[] {
    act();
    return this.#lastRejections;
  }

  /** What the orders of the last event that `act` tells are answered. */
  answers(act: () => unknown): OrderAnswer[] {
    act();
    return this.#lastAnswers;
  }

  runnerId = (runner: string): ReturnType<typeof runnerId> => full(runner);

  combo(name: string): Combo {
    return comboOf(name, this.state.catalogue);
  }

  arrive(id: string, combo: string | Combo, keepAliveMs?: number, terms: Partial<WaitTerms> = {}): string[] {
    const parsed = typeof combo === 'string' ? this.combo(combo) : combo;
    return this.tell({
      type: 'requestArrived',
      requestId: requestId(id),
      combo: parsed,
      keepAliveMs,
      terms: { ...PLAIN_TERMS, ...terms },
    });
  }

  /** The same on terms of its own. */
  ask(id: string, combo: string, terms: Partial<WaitTerms>): string[] {
    return this.arrive(id, combo, undefined, terms);
  }

  /** A request ends that took so many tokens in all. */
  used(id: string, promptTokens: number, completionTokens: number): string[] {
    const usage = { promptTokens, completionTokens };
    return this.tell({ type: 'requestEnded', requestId: requestId(id), usage });
  }

  gone = (id: string): string[] => this.tell({ type: 'clientGone', requestId: requestId(id) });
  end = (id: string): string[] => this.tell({ type: 'requestEnded', requestId: requestId(id) });
  up = (runner: string): string[] => this.tell({ type: 'runnerUp', runnerId: full(runner) });
  loaded = (runner: string): string[] =>
    this.tell({ type: 'runnerLoaded', runnerId: full(runner), weightBytes: 7 });
  ready = (runner: string, name: string): string[] =>
    this.tell({
      type: 'comboReady',
      runnerId: full(runner),
      comboKey: this.keyOf(name),
      kvBytes: 2,
      computeBytes: 1,
    });
  attachFailed = (runner: string, name: string, failure = BROKEN): string[] =>
    this.tell({ type: 'comboFailed', runnerId: full(runner), comboKey: this.keyOf(name), failure });
  resized = (runner: string, name: string, sequences: number, kvBytes = 2 * sequences): string[] =>
    this.tell({
      type: 'comboResized',
      runnerId: full(runner),
      comboKey: this.keyOf(name),
      sequences,
      kvBytes,
      computeBytes: 1,
    });
  resizeFailed = (runner: string, name: string, failure = BROKEN): string[] =>
    this.tell({ type: 'comboResizeFailed', runnerId: full(runner), comboKey: this.keyOf(name), failure });
  retired = (runner: string, name: string, sequences: number): string[] =>
    this.tell({ type: 'contextsRetired', runnerId: full(runner), comboKey: this.keyOf(name), sequences });
  detached = (runner: string, name: string): string[] =>
    this.tell({ type: 'comboDetached', runnerId: full(runner), comboKey: this.keyOf(name) });
  failed = (runner: string, failure = BROKEN): string[] =>
    this.tell({ type: 'runnerFailed', runnerId: full(runner), failure });
  exited = (runner: string): string[] =>
    this.tell({ type: 'runnerExited', runnerId: full(runner), failure: BROKEN });
  /** Somebody else has ended it. */
  killed = (runner: string): string[] =>
    this.tell({ type: 'runnerExited', runnerId: full(runner), failure: BROKEN, byOthers: true });
  hung = (runner: string, cause: 'silent' | 'stalled' = 'silent', forMs = 6000): string[] =>
    this.tell({ type: 'runnerHung', runnerId: full(runner), cause, forMs });
  lift = (id: string, name: string): string[] =>
    this.tell({ type: 'liftAsked', orderId: id, combo: this.combo(name) });
  warm = (id: string, name: string): string[] =>
    this.tell({ type: 'warmAsked', orderId: id, combo: this.combo(name) });
  evict = (id: string, name: string): string[] =>
    this.tell({ type: 'evictAsked', orderId: id, combo: this.combo(name) });
  drain = (id: string, runner: string): string[] =>
    this.tell({ type: 'drainAsked', orderId: id, runnerId: full(runner) });
  sleep = (id: string, runner: string): string[] =>
    this.tell({ type: 'sleepAsked', orderId: id, runnerId: full(runner) });
  wake = (id: string, runner: string): string[] =>
    this.tell({ type: 'wakeAsked', orderId: id, runnerId: full(runner) });
  asleep = (runner: string, keptBytes = 0): string[] =>
    this.tell({ type: 'runnerAsleep', runnerId: full(runner), keptBytes });
  pin = (id: string, name: string, asked: Partial<Omit<Pin, 'name'>> = {}): string[] =>
    this.tell({
      type: 'pinAsked',
      orderId: id,
      combo: this.combo(name),
      level: 'ready',
      count: 1,
      untilMs: Number.POSITIVE_INFINITY,
      ...asked,
    });
  unpin = (id: string, name: string): string[] =>
    this.tell({ type: 'unpinAsked', orderId: id, combo: this.combo(name).name });
  change = (catalogue: Catalogue): string[] => this.tell({ type: 'catalogueChanged', catalogue });
  shutDown = (): string[] => this.tell({ type: 'shutdownAsked' });

  /** What the pool thinks of a runner of an earlier gateway that holds combos of these keys. */
  judge(
    runner: string,
    base: string,
    keys: readonly string[],
    { widened, ...held }: { revision?: string; sequences?: number; widened?: number } = {},
  ): AdoptionVerdict {
    return judgeAdoption(this.state, {
      ...NEITHER,
      runnerId: full(runner),
      model: { id: base, revision: 'r1', sequences: 2, ...held },
      combos: keys.map((combo) => ({
        combo,
        sequences: widened ?? held.sequences ?? 2,
        kvBytes: 2,
        computeBytes: 1,
      })),
    });
  }

  /** The same for what r9 says in so many words. */
  judgeOffer = (offer: Omit<AdoptionOffer, 'runnerId'>): AdoptionVerdict =>
    judgeAdoption(this.state, { ...offer, runnerId: full('r9') });

  /** Adopts it with what the pool keeps of it. */
  adopt(runner: string, ...judged: Parameters<PoolDriver['judge']> extends [string, ...infer R] ? R : never) {
    const verdict = this.judge(runner, ...judged);
    if (!verdict.ok || verdict.as !== 'runner')
      throw new Error(`it is no runner: ${JSON.stringify(verdict)}`);
    const { model, device, combos } = verdict;
    const weights = device === null ? { host: 7, device: 0 } : { host: 0, device: 7 };
    const held = { model, device, weights, threads: 1, combos };
    return this.tell({ type: 'runnerAdopted', runnerId: full(runner), ...held });
  }

  /** Lets time pass, and the pool notice it. */
  tick(ms: number): string[] {
    this.nowMs += ms;
    return this.tell({ type: 'tick' });
  }

  /** Brings a combo to ready on that runner, which must be the next one or already there; idle again. */
  bring(runner: string, name: string): void {
    const isNew = !this.state.runners.has(full(runner));
    this.arrive(`bring ${name}`, name);
    if (isNew) {
      this.up(runner);
      this.loaded(runner);
    }
    this.ready(runner, name);
    this.end(`bring ${name}`);
  }

  stateOf(runner: string): string | undefined {
    return this.state.runners.get(full(runner))?.state;
  }

  private keyOf(name: string): Combo['key'] {
    for (const { combos } of this.state.runners.values())
      for (const { combo } of combos.values()) if (combo.name === name) return combo.key;
    return this.combo(name).key;
  }
}

const full = (short: string): ReturnType<typeof runnerId> => runnerId(`r_t_${short.slice(1)}`);
const short = (id: string): string => id.replace('r_t_', 'r');

const onDevice = ({ device }: { readonly device: string | null }): string => (device ? ` on ${device}` : '');

function brief(effect: PoolEffect): string {
  switch (effect.type) {
    case 'spawn':
      return `spawn ${short(effect.runnerId)} ${effect.model?.id ?? 'standby'}${onDevice(effect)}`;
    case 'claim':
      return `claim ${short(effect.runnerId)} ${effect.model.id}`;
    case 'load':
      return `load ${short(effect.runnerId)} ${effect.threads}`;
    case 'sleep':
      return `sleep ${short(effect.runnerId)}`;
    case 'wake':
      return `wake ${short(effect.runnerId)} ${effect.threads}`;
    case 'attach':
      return `attach ${short(effect.runnerId)} ${effect.combo.name}`;
    case 'detach':
      return `detach ${short(effect.runnerId)} ${effect.comboKey.split('#')[0]}`;
    case 'resize':
      return `resize ${short(effect.runnerId)} ${effect.comboKey.split('#')[0]} ${effect.sequences}`;
    case 'grant':
      return `grant ${effect.requestId} ${short(effect.runnerId)} ${effect.kind}${effect.joined ? ' joined' : ''}`;
    case 'reject':
      return `reject ${effect.requestId} ${effect.failure.code}`;
    case 'setThreads':
      return `threads ${short(effect.runnerId)} ${effect.threads}`;
    case 'stop':
      return `stop ${short(effect.runnerId)} ${effect.reason} ${effect.graceMs}`;
    case 'answer': {
      const { orderId, answer } = effect;
      if (!answer.ok) return `answer ${orderId} ${answer.error.code}`;
      const { value } = answer;
      switch (value.order) {
        case 'evict':
          return `answer ${orderId} evicted ${value.evicted}`;
        case 'lift':
          return `answer ${orderId} lifted ${value.lifted}`;
        case 'drain':
        case 'rest':
          return `answer ${orderId} ${value.state}`;
        case 'pin':
          return `answer ${orderId} pinned`;
        case 'unpin':
          return `answer ${orderId} unpinned ${value.existed}`;
        default:
          return `answer ${orderId} ${short(value.runnerId)} ${value.kind}`;
      }
    }
    case 'stageSegment':
      return `stage ${effect.entry.id} ${effect.priority}${onDevice(effect)}`;
    case 'dropSegment':
      return `drop ${effect.key}`;
    case 'stage':
    case 'pinEnded':
      return `${effect.type} ${effect.combo}`;
    case 'note':
      return `note ${effect.note}`;
  }
}
