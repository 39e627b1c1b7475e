import type {
  AttachedCombo,
  DeltaEvent,
  DoneEvent,
  EmbedResult,
  EngineCounters,
  GenerateRequest,
  RejectCode,
  ResizedCombo,
} from '../../native/addonTypes.ts';
import {
  type Engine,
  EngineError,
  type GenerationSink,
  type LoadedBase,
  type SleptBase,
} from '../../runner/engine/engine.ts';
import type { RunnerAdapter, RunnerModel } from '../../runner/protocol/control.ts';

/** A generation that the test plays by hand. Every call ends its batch, as an engine's callback would. */
export class PlayedGeneration {
  readonly request: GenerateRequest;
  readonly id: number;
  readonly #sink: GenerationSink;

  constructor(id: number, request: GenerateRequest, sink: GenerationSink) {
    this.id = id;
    this.request = request;
    this.#sink = sink;
  }

  accept(): void {
    this.#sink.accepted(7);
    this.#sink.batchEnd();
  }

  reject(code: RejectCode, message: string): void {
    this.#sink.rejected({ type: 'rejected', id: this.id, code, message });
    this.#sink.batchEnd();
  }

  delta(text: string, more: Partial<DeltaEvent> = {}): void {
    this.#sink.delta({ type: 'delta', id: this.id, text, ...more });
    this.#sink.batchEnd();
  }

  done(finishReason: DoneEvent['finishReason'], more: Partial<DoneEvent> = {}): void {
    const counts = {
      promptTokens: 7,
      completionTokens: 2,
      cachedTokens: 3,
      queueMs: 1,
      prefillMs: 2,
      decodeMs: 4,
    };
    this.#sink.done({ type: 'done', id: this.id, finishReason, ...counts, ...more });
    this.#sink.batchEnd();
  }
}

export const FAKE_BASE: LoadedBase = {
  modelId: 'm',
  loadMs: 1,
  weightBytes: 10,
  contextTokens: 64,
  trainedContextTokens: 128,
  architecture: 'fake',
  supportsTools: true,
  vocabularySize: 100,
  embeddingLength: 2,
};

/** An Engine in memory. `play` gets every generation; without it generations wait in `generations`. */
export class FakeEngine implements Engine {
  readonly name = 'fake';
  readonly devices = [];
  base: LoadedBase | null = FAKE_BASE;
  combos = new Set(['m', 'm+a']);
  readonly generations: PlayedGeneration[] = [];
  readonly cancelled: number[] = [];
  play: ((generation: PlayedGeneration, choice: number) => void) | null = null;
  onCancel: (id: number) => void = () => {};
  closed = false;

  async load(model: RunnerModel): Promise<LoadedBase> {
    if (model.path === 'bad.gguf') {
      const message = 'Cannot load "bad.gguf": expected a GGUF file';
      throw new EngineError({ code: 'model_load_failed', message, permanent: true });
    }
    this.base = { ...FAKE_BASE, modelId: model.id };
    this.#model = model;
    return this.base;
  }

  #model: RunnerModel | null = null;

  get sleeping(): RunnerModel | null {
    return this.base === null ? this.#model : null;
  }

  async sleep(): Promise<SleptBase> {
    this.base = null;
    this.combos.clear();
    return { sleepMs: 1, keptBytes: 10 };
  }

  async attach(combo: string, _adapters: RunnerAdapter[]): Promise<AttachedCombo> {
    this.combos.add(combo);
    return { attachMs: 1, contextMs: 2, ownContext: true, kvBytes: 3, computeBytes: 4, onDevice: null };
  }

  async detach(combo: string): Promise<void> {
    this.combos.delete(combo);
  }

  async resize(combo: string, sequences: number): Promise<ResizedCombo> {
    if (!this.combos.has(combo)) {
      const message = `Cannot resize "${combo}": it is not attached`;
      throw new EngineError({ code: 'combo_not_attached', message, permanent: false });
    }
    return { resizeMs: 1, sequences, kvBytes: 3 * sequences, computeBytes: 4 };
  }

  /** Resolved by the test: the contexts that were replaced have gone. */
  readonly retirements: (() => void)[] = [];

  retired(): Promise<void> {
    return new Promise((resolve) => {
      this.retirements.push(resolve);
    });
  }

  setThreads(): void {}

  generate(request: GenerateRequest, sink: GenerationSink): number {
    const choice = this.generations.length;
    const generation = new PlayedGeneration(choice + 1, request, sink);
    this.generations.push(generation);
    if (this.play !== null) setImmediate(this.play, generation, choice);
    return generation.id;
  }

  cancel(id: number): void {
    this.cancelled.push(id);
    this.onCancel(id);
  }

  async embed(_combo: string, inputs: (string | number[])[]): Promise<EmbedResult> {
    return { vectors: inputs.map(() => new Float32Array([0.6, -0.8])), tokens: inputs.map(() => 3) };
  }

  counters(): EngineCounters {
    return {
      requests: this.generations.length,
      cancelledRequests: this.cancelled.length,
      promptTokens: 0,
      decodedTokens: 0,
      maxTokensAfterCancel: 0,
      decodeCalls: 0,
      batchTokens: 0,
      possibleBatchTokens: 0,
      batchSequences: 0,
      possibleBatchSequences: 0,
      kvCellSteps: 0,
      possibleKvCellSteps: 0,
      adapterSwitches: 0,
      activeSequences: 0,
      waitingRequests: 0,
      embeddings: 0,
      progress: 0,
      contexts: 1,
      kvBytes: 0,
      kvCells: 0,
      usedKvCells: 0,
      threads: 1,
    };
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}
