import { join } from 'node:path';
import type { GenerateRequest } from '../../native/addonTypes.ts';
import { loadAddon } from '../../native/load.ts';
import { LlamaEngine } from '../../runner/engine/llamaEngine.ts';
import { ROOT } from './gatewayProcess.ts';

const COMBO = 'base';

/** The engine in this process, without HTTP or a gateway, the demo model loaded, one thread. */
export class EngineAlone {
  readonly #engine: LlamaEngine;

  private constructor(engine: LlamaEngine) {
    this.#engine = engine;
  }

  static async load(sequences: number, contextTokens: number): Promise<EngineAlone> {
    const { addon, libraryDir } = loadAddon();
    const engine = new LlamaEngine(
      addon,
      addon.initialise({ libraryDir, eventLoopCores: [], onLog: () => {} }),
    );
    await engine.load(
      {
        id: COMBO,
        revision: 'r',
        path: join(ROOT, 'demo/models/tiny-chat-q8_0.gguf'),
        contextTokens,
        sequences,
        threads: 1,
        deviceLayers: 0,
        device: null,
        useMmap: true,
        repack: false,
        kvBudgetBytes: null,
      },
      () => {},
    );
    await engine.attach(COMBO, []);
    return new EngineAlone(engine);
  }

  /** From the order to the first token of an answer to a user's message, which goes on to its end. Milliseconds. */
  firstToken(content: string, maxTokens: number): Promise<number> {
    const request: GenerateRequest = {
      combo: COMBO,
      prompt: { kind: 'chat', messagesJson: JSON.stringify([{ role: 'user', content }]) },
      maxTokens,
      sampling: {
        temperature: 0,
        topP: 1,
        topK: 0,
        minP: 0,
        seed: null,
        presencePenalty: 0,
        frequencyPenalty: 0,
        repeatPenalty: 1,
        logitBias: [],
      },
      stop: [],
      topLogprobs: null,
    };
    return new Promise((resolve, reject) => {
      const startedMs = performance.now();
      let firstMs: number | null = null;
      this.#engine.generate(request, {
        accepted() {},
        rejected: ({ message }) => reject(new Error(message)),
        delta() {
          firstMs ??= performance.now() - startedMs;
        },
        done: () => (firstMs === null ? reject(new Error('no token came')) : resolve(firstMs)),
        batchEnd() {},
      });
    });
  }

  close(): Promise<void> {
    return this.#engine.close();
  }
}
