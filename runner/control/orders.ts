import { readCounters } from '../engine/counters.ts';
import type { Engine } from '../engine/engine.ts';
import { toEngineError } from '../engine/failure.ts';
import type { FromRunner, ToRunner } from '../protocol/control.ts';

/** The messages that ask the engine for something and get one answer each. */
export type Order = Extract<ToRunner, { seq: number }>;

/** Progress is told in steps of this size, so that a load does not flood the pipe. */
const PROGRESS_STEP = 0.01;

/**
 * Carries out orders. Those that change what the engine holds run one after the other, in the order they came; threads
 * and ping do not wait for them.
 */
export class Orders {
  readonly #engine: Engine;
  readonly #answer: (message: FromRunner) => void;
  #last: Promise<void> = Promise.resolve();

  constructor(engine: Engine, answer: (message: FromRunner) => void) {
    this.#engine = engine;
    this.#answer = answer;
  }

  take(order: Order): void {
    if (order.type === 'ping' || order.type === 'threads') {
      void this.#carryOut(order);
      return;
    }
    this.#last = this.#last.then(() => this.#carryOut(order));
  }

  async #carryOut(order: Order): Promise<void> {
    try {
      this.#answer(await this.#perform(order));
    } catch (error) {
      const { failure } = toEngineError(error);
      this.#answer({ type: 'failed', seq: order.seq, failure });
    }
  }

  async #perform(order: Order): Promise<FromRunner> {
    const { seq } = order;
    switch (order.type) {
      case 'load': {
        const loaded = await this.#engine.load(order.model, this.#progressOf(seq));
        const { loadMs, weightBytes, contextTokens, trainedContextTokens, architecture, supportsTools } =
          loaded;
        return {
          type: 'loaded',
          seq,
          loadMs,
          weightBytes,
          contextTokens,
          trainedContextTokens,
          architecture,
          supportsTools,
        };
      }
      case 'attach': {
        const attached = await this.#engine.attach(order.combo, order.adapters);
        const { attachMs, contextMs, ownContext, kvBytes, computeBytes } = attached;
        return {
          type: 'attached',
          seq,
          combo: order.combo,
          attachMs,
          contextMs,
          ownContext,
          kvBytes,
          computeBytes,
        };
      }
      case 'detach':
        await this.#engine.detach(order.combo);
        return { type: 'done', seq };
      case 'threads':
        this.#engine.setThreads(order.threads);
        return { type: 'done', seq };
      case 'ping':
        return { type: 'pong', seq, counters: readCounters(this.#engine) };
    }
  }

  #progressOf(seq: number): (fraction: number) => void {
    let told = 0;
    return (fraction) => {
      const bounded = Math.min(1, Math.max(0, fraction));
      if (bounded < told + PROGRESS_STEP) return;
      told = bounded;
      this.#answer({ type: 'progress', seq, fraction: bounded });
    };
  }
}
