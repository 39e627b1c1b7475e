import { join } from 'node:path';
import { loadAddon } from '../../native/load.ts';
import type { LoadedBase } from '../../runner/engine/engine.ts';
import { LlamaEngine } from '../../runner/engine/llamaEngine.ts';
import { planChat } from '../../runner/server/chatPlan.ts';
import { ROOT } from './gatewayProcess.ts';

const COMBO = 'base';

/** The engine in this process, without HTTP or a gateway, the demo model loaded, one thread. */
export class EngineAlone {
  readonly #engine: LlamaEngine;
  readonly #base: LoadedBase;

  private constructor(engine: LlamaEngine, base: LoadedBase) {
    this.#engine = engine;
    this.#base = base;
  }

  static async load(sequences: number, contextTokens: number): Promise<EngineAlone> {
    const { addon, libraryDir } = loadAddon();
    const engine = new LlamaEngine(
      addon,
      addon.initialise({ libraryDir, eventLoopCores: [], onLog: () => {} }),
    );
    const base = await engine.load(
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
    return new EngineAlone(engine, base);
  }

  /** From the order to the first token of an answer to a user's message, which goes on to its end. Milliseconds. */
  firstToken(content: string, maxTokens: number): Promise<number> {
    const messages = [{ role: 'user' as const, content }];
    const plan = planChat(
      { model: COMBO, messages, temperature: 0, max_tokens: maxTokens },
      COMBO,
      this.#base,
      false,
    );
    const request = plan.ok ? plan.value.requests[0] : undefined;
    if (!request) throw new Error('the request cannot be planned');
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
