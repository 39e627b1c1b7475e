import { readCounters } from '../engine/counters.ts';
import { type Engine, EngineError } from '../engine/engine.ts';
import { toEngineError } from '../engine/failure.ts';
import type { FromRunner, RunnerModel, ToRunner } from '../protocol/control.ts';
import { Holdings } from './holdings.ts';
import { SegmentLocks } from './segmentLocks.ts';

/** The messages that ask the engine for something and get one answer each. */
export type Order = Extract<ToRunner, { seq: number }>;

/** Where what becomes of an order is told: to the gateway that gave it, and to no other. */
type Answer = (message: FromRunner) => void;

/** Progress is told in steps of this size, so that a load does not flood the pipe. */
const PROGRESS_STEP = 0.01;

/**
 * Carries out orders. Those that change what the engine holds run one after the other, in the order they came; the others
 * do not wait for them, nor they for those.
 */
export class Orders {
  readonly holdings = new Holdings();
  readonly #engine: Engine;
  readonly #locks = new SegmentLocks();
  #last: Promise<void> = Promise.resolve();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  take(order: Order, answer: Answer): void {
    if (order.type === 'ping' || order.type === 'threads' || order.type === 'retire') {
      void this.#carryOut(order, answer);
      return;
    }
    this.#last = this.#last.then(() => this.#carryOut(order, answer));
  }

  /** Resolves when the orders that were taken until now are carried out. */
  settled(): Promise<void> {
    return this.#last;
  }

  async #carryOut(order: Order, answer: Answer): Promise<void> {
    try {
      answer(await this.#perform(order, answer));
    } catch (error) {
      const { failure } = toEngineError(error);
      answer({ type: 'failed', seq: order.seq, failure });
    }
  }

  async #perform(order: Order, answer: Answer): Promise<FromRunner> {
    const { seq } = order;
    switch (order.type) {
      case 'load':
        return this.#load(seq, order.model, answer);
      case 'wake': {
        const model = this.#engine.sleeping;
        if (model === null) throw notAsleep();
        return this.#load(seq, { ...model, threads: order.threads }, answer);
      }
      case 'sleep': {
        const { sleepMs, keptBytes } = await this.#engine.sleep();
        this.holdings.asleep(keptBytes);
        return { type: 'slept', seq, sleepMs, keptBytes };
      }
      case 'attach': {
        const attached = await this.#locks.during(order.adapters, () =>
          this.#engine.attach(order.combo, order.adapters),
        );
        const { attachMs, contextMs, ownContext, kvBytes, computeBytes, onDevice } = attached;
        this.holdings.attached({ combo: order.combo, kvBytes, computeBytes, onDevice });
        return {
          type: 'attached',
          seq,
          combo: order.combo,
          attachMs,
          contextMs,
          ownContext,
          kvBytes,
          computeBytes,
          onDevice,
        };
      }
      case 'detach':
        await this.#engine.detach(order.combo);
        this.holdings.detached(order.combo);
        return { type: 'done', seq };
      case 'resize': {
        const resized = await this.#engine.resize(order.combo, order.sequences);
        const { resizeMs, sequences, kvBytes, computeBytes } = resized;
        this.holdings.resized({ combo: order.combo, sequences, kvBytes, computeBytes });
        return { type: 'resized', seq, combo: order.combo, resizeMs, sequences, kvBytes, computeBytes };
      }
      case 'retire':
        await this.#engine.retired(order.combo);
        return { type: 'done', seq };
      case 'threads':
        this.#engine.setThreads(order.threads);
        this.holdings.threadsSet(order.threads);
        return { type: 'done', seq };
      case 'ping':
        return { type: 'pong', seq, counters: readCounters(this.#engine) };
    }
  }

  async #load(seq: number, model: RunnerModel, answer: Answer): Promise<FromRunner> {
    this.#locks.keep(model);
    this.holdings.isLoading = true;
    const loaded = await this.#engine.load(model, progressOf(seq, answer)).finally(() => {
      this.holdings.isLoading = false;
    });
    this.holdings.loaded(model, loaded.weightBytes);
    const { loadMs, weightBytes, contextTokens, trainedContextTokens, architecture, supportsTools } = loaded;
    const size = { weightBytes, contextTokens, trainedContextTokens };
    const upload = loaded.upload === undefined ? {} : { upload: loaded.upload };
    return { type: 'loaded', seq, loadMs, ...size, architecture, supportsTools, ...upload };
  }
}

function notAsleep(): EngineError {
  const message = 'Cannot wake: the runner does not sleep';
  return new EngineError({ code: 'not_asleep', message, permanent: false });
}

function progressOf(seq: number, answer: Answer): (fraction: number) => void {
  let told = 0;
  return (fraction) => {
    const bounded = Math.min(1, Math.max(0, fraction));
    if (bounded < told + PROGRESS_STEP) return;
    told = bounded;
    answer({ type: 'progress', seq, fraction: bounded });
  };
}
