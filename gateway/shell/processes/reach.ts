import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunnerRow } from '../../ports/runnerStore.ts';
import { AdoptionRefused, callForAdoption } from './adoptionCall.ts';
import { ControlChannel, type Greeting } from './controlChannel.ts';
import { isAlive } from './leftProcess.ts';
import { runnerKey } from './runnerKey.ts';

/** A runner of an earlier gateway that has let this one in. */
export interface ReachedRunner {
  readonly channel: ControlChannel;
  readonly report: Extract<Greeting, { type: 'adopted' }>;
}

export interface ReachSettings {
  /** Of the data directory. */
  readonly secret: string;
  readonly leaseMs: number;
}

const ASK_AGAIN_MS = 20;

/** Takes over the control pipe of a runner within `limitMs`. Rejects with why not; the runner may live then. */
export async function reachRunner(
  row: RunnerRow,
  { secret, leaseMs }: ReachSettings,
  limitMs: number,
): Promise<ReachedRunner> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), limitMs);
  let channel: ControlChannel | null = null;
  const gaveUp = new Promise<never>((_, reject) => {
    late.signal.addEventListener('abort', () => {
      reject(new Error(`it did not let us in within ${limitMs} ms`));
    });
  });
  gaveUp.catch(() => {});
  try {
    const key = runnerKey(secret, row.runnerId);
    const call = { socketPath: row.socketPath, runnerId: row.runnerId, key, leaseMs, signal: late.signal };
    const stream = await Promise.race([callUntilHeard(row, () => callForAdoption(call)), gaveUp]);
    channel = new ControlChannel(stream);
    const report = await Promise.race([channel.greeting, gaveUp]);
    if (report.type !== 'adopted') throw new Error('it greets as if it were new');
    if (report.pid !== row.pid) throw new Error(`it says that its pid is ${report.pid}`);
    return { channel, report };
  } catch (error) {
    channel?.close();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** One that has not noticed yet that its gateway died is asked again. */
async function callUntilHeard(row: RunnerRow, call: () => Promise<Duplex>): Promise<Duplex> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const mayChange = error instanceof AdoptionRefused && !error.isFinal;
      if (!mayChange || !isAlive(row)) throw error;
    }
    await delay(ASK_AGAIN_MS);
  }
}
