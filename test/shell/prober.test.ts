import { describe, expect, test } from 'vitest';
import { type RunnerId, runnerId } from '../../gateway/domain/ids.ts';
import type { Vitals } from '../../gateway/shell/probes/heartbeat.ts';
import { Prober } from '../../gateway/shell/probes/prober.ts';

const SETTINGS = { probeEveryMs: 1000, probeTimeoutMs: 3000, stallTimeoutMs: 60_000 };
const idle: Vitals = { activeSequences: 0, waitingRequests: 0, embeddings: 0, progress: 0 };

/** Runners that answer when the test says so. */
class Ward {
  readonly ids = new Set<RunnerId>();
  readonly told: string[] = [];
  pings = 0;
  answer: () => Promise<Vitals> = async () => idle;

  up(): Iterable<RunnerId> {
    return this.ids;
  }
  ping(): Promise<Vitals> {
    this.pings += 1;
    return this.answer();
  }
  hangs(id: RunnerId, { cause, forMs }: { cause: string; forMs: number }): void {
    this.told.push(`${id} ${cause} ${forMs}`);
  }
}

const silence = (): Promise<Vitals> => new Promise(() => {});
/** Answers that have come are read before the next round. */
const read = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function rounds(prober: Prober, times: readonly number[]): Promise<void> {
  for (const ms of times) {
    prober.round(ms);
    await read();
  }
}

function wardOf(...ids: string[]): { ward: Ward; prober: Prober } {
  const ward = new Ward();
  for (const id of ids) ward.ids.add(runnerId(id));
  return { ward, prober: new Prober(SETTINGS, ward) };
}

describe('Prober', () => {
  test('Prober asks each runner once a round while it answers', async () => {
    const { ward, prober } = wardOf('r1', 'r2');
    await rounds(prober, [1000, 2000, 3000]);
    expect(ward.pings).toBe(6);
    expect(ward.told).toEqual([]);
  });

  test('Prober does not ask again while a probe is on its way, and tells of the silence once', async () => {
    const { ward, prober } = wardOf('r1');
    ward.answer = silence;
    await rounds(prober, [1000, 2000, 3000]);
    expect(ward.told).toEqual([]);
    await rounds(prober, [4000, 5000, 6000]);
    expect(ward.pings).toBe(1);
    expect(ward.told).toEqual(['r1 silent 3000']);
  });

  test('Prober counts of a round that comes late only what is usual', async () => {
    const { ward, prober } = wardOf('r1');
    ward.answer = silence;
    // An hour between two rounds was this process's own: one round and a half.
    await rounds(prober, [1000, 3_601_000]);
    expect(ward.told).toEqual([]);
    await rounds(prober, [3_602_000, 3_602_499]);
    expect(ward.told).toEqual([]);
    await rounds(prober, [3_602_500]);
    expect(ward.told).toEqual(['r1 silent 3000']);
  });

  test('Prober does not take a probe that was refused for an answer', async () => {
    const { ward, prober } = wardOf('r1');
    ward.answer = () => Promise.reject(new Error('Cannot reach runner: control pipe closed'));
    await rounds(prober, [1000, 2000, 3000, 4000]);
    expect(ward.told).toEqual(['r1 silent 3000']);
  });

  test('Prober forgets runners that have gone: the same id begins anew', async () => {
    const { ward, prober } = wardOf('r1');
    ward.answer = silence;
    await rounds(prober, [1000, 2000, 3000, 4000]);
    ward.ids.clear();
    await rounds(prober, [5000]);
    ward.ids.add(runnerId('r1'));
    await rounds(prober, [6000, 7000, 8000]);
    expect(ward.told).toHaveLength(1);
    await rounds(prober, [9000]);
    expect(ward.told).toHaveLength(2);
  });
});
