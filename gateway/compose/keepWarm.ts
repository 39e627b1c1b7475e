import { Worker } from 'node:worker_threads';
import type { Database } from '../../db/openDatabase.ts';
import { fail, ok, type Result } from '../domain/errors.ts';
import type { KeepWarmUseCase } from '../http/deps.ts';
import type { PoolState } from '../pool/state.ts';
import type { TtlPoint, TtlReplay } from '../reports/replay/ttlCurve.ts';

/** Longest that one replay may take; a shorter time to look at helps. */
const LIMIT_MS = 30_000;
const HEAP_MIB = 512;

/** The keep-warm report's reads and its replays, one at a time, each on a thread of its own. `script`: dist/replayWorker.mjs. */
export function openKeepWarm(
  { keepWarm }: Pick<Database, 'keepWarm'>,
  pool: PoolState,
  script: string,
  limitMs = LIMIT_MS,
): KeepWarmUseCase {
  let last: Promise<unknown> = Promise.resolve();
  return {
    recordedTrace: (asked) => keepWarm.recordedTrace(asked),
    replay(trace, ttlsMs) {
      const done = last.then(() => replayNow({ trace, ttlsMs, settings: oneBudget(pool) }, script, limitMs));
      last = done.catch(() => {});
      return done;
    },
  };
}

/** The simulator has one machine: memory of the host and of devices is one budget in it. */
function oneBudget({ settings, devices }: PoolState): TtlReplay['settings'] {
  const onDevices = [...devices.values()].reduce((sum, { budgetBytes }) => sum + budgetBytes, 0);
  return { ...settings, memoryBytes: settings.memoryBytes + onDevices };
}

function replayNow(replay: TtlReplay, script: string, limitMs: number): Promise<Result<readonly TtlPoint[]>> {
  const { length } = replay.trace.arrivals.atMs;
  if (length === 0) return Promise.resolve(ok([]));
  const worker = new Worker(script, {
    name: 'hearth-replay',
    workerData: replay,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB },
  });
  return new Promise<Result<readonly TtlPoint[]>>((resolve, reject) => {
    const limit = setTimeout(() => {
      const message = `Cannot replay ${length} requests: it takes longer than ${limitMs} ms; ask for a shorter time`;
      resolve(fail('invalid_request', message, 'from'));
      void worker.terminate();
    }, limitMs);
    worker.on('message', (points: readonly TtlPoint[]) => resolve(ok(points)));
    worker.on('error', (cause) => reject(new Error('Cannot replay: its thread failed', { cause })));
    worker.on('exit', (code) => {
      clearTimeout(limit);
      reject(new Error(`Cannot replay: its thread ended with exit code ${code}`));
    });
  });
}
