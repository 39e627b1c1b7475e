import type {
  AttachedCombo,
  EngineCounters,
  GenerateRequest,
  ResizedCombo,
} from '../../native/addonTypes.ts';
import type { Engine, GenerationSink, LoadedBase, SleptBase } from '../engine/engine.ts';

export const REHEARSED_BASE: LoadedBase = {
  modelId: 'rehearsal',
  loadMs: 0,
  weightBytes: 0,
  contextTokens: 8,
  trainedContextTokens: 8,
  architecture: 'none',
  supportsTools: false,
  vocabularySize: 1,
  embeddingLength: 1,
};

/** Takes every order and says one word to everything. */
export class RehearsalEngine implements Engine {
  readonly name = 'rehearsal';
  readonly devices = [];
  readonly base = REHEARSED_BASE;
  readonly combos = new Set([REHEARSED_BASE.modelId]);
  readonly sleeping = null;

  generate(_request: GenerateRequest, sink: GenerationSink): number {
    setImmediate(() => {
      const counts = {
        promptTokens: 1,
        completionTokens: 1,
        cachedTokens: 0,
        queueMs: 0,
        prefillMs: 0,
        decodeMs: 0,
      };
      sink.accepted(1);
      sink.delta({ type: 'delta', id: 1, text: 'x' });
      sink.batchEnd();
      sink.done({ type: 'done', id: 1, finishReason: 'stop', ...counts });
      sink.batchEnd();
    });
    return 1;
  }

  async load(_model: unknown, onProgress: (fraction: number) => void): Promise<LoadedBase> {
    onProgress(1);
    return REHEARSED_BASE;
  }

  async attach(): Promise<AttachedCombo> {
    return { attachMs: 0, contextMs: 0, ownContext: true, kvBytes: 0, computeBytes: 0, onDevice: null };
  }

  async sleep(): Promise<SleptBase> {
    return { sleepMs: 0, keptBytes: 0 };
  }

  async resize(): Promise<ResizedCombo> {
    return { resizeMs: 0, sequences: 1, kvBytes: 0, computeBytes: 0 };
  }

  async retired(): Promise<void> {}
  async detach(): Promise<void> {}
  async close(): Promise<void> {}
  setThreads(): void {}
  cancel(): void {}

  async embed(): Promise<never> {
    throw new Error('Cannot embed in a rehearsal');
  }

  counters(): EngineCounters {
    throw new Error('Cannot count a rehearsal');
  }
}
