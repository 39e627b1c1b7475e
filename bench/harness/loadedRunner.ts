import { Pool } from 'undici';
import { type RunnerProcess, startRunner } from './runnerProcess.ts';
import type { Target } from './streamClient.ts';

/** How a runner gets its weights: by mapping the file or by reading it, as they are or repacked for its CPU. */
export interface LoadManner {
  readonly useMmap: boolean;
  readonly repack: boolean;
}

/** What is loaded: a file where it lies, or one of a segment with the lease that keeps it. */
export interface WeightFile {
  readonly path: string;
  readonly leasePath?: string;
}

/** A runner that holds a base, and what is asked of it. */
export interface LoadedRunner {
  readonly process: RunnerProcess;
  readonly target: Target;
  /** From the order to load to its answer. */
  readonly loadMs: number;
  /** The same until its base can be asked. */
  readonly attachedMs: number;
  end(): Promise<void>;
}

/** Starts a runner on the CPU and gives it the orders that a gateway gives for a first request. */
export async function loadRunner(
  file: WeightFile,
  manner: LoadManner,
  { threads, contextTokens }: { readonly threads: number; readonly contextTokens: number },
): Promise<LoadedRunner> {
  const runner = await startRunner({});
  const model = {
    id: 'm',
    revision: 'r',
    ...file,
    contextTokens,
    sequences: 1,
    threads,
    deviceLayers: 0,
    device: null,
    ...manner,
    kvBudgetBytes: null,
  };
  const startedMs = performance.now();
  await runner.order({ type: 'load', model }, 'loaded');
  const loadMs = performance.now() - startedMs;
  await runner.order({ type: 'attach', combo: 'm', adapters: [] }, 'attached');
  const attachedMs = performance.now() - startedMs;
  const pool = new Pool('http://runner', {
    socketPath: runner.socketPath,
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  // Random weights may say the end-of-text tokens (0 and 2 of the demo's vocabulary) at any time.
  const body = { model: 'm', logit_bias: { 0: -100, 2: -100 } };
  return {
    process: runner,
    target: { name: `runner ${runner.pid}`, pool, headers: {}, body },
    loadMs,
    attachedMs,
    async end() {
      await pool.destroy();
      await runner.end();
    },
  };
}
