import { describe, expect, test } from 'vitest';
import { ProgressMeter } from '../../sources/download/progressMeter.ts';
import { Throttle } from '../../sources/download/throttle.ts';
import type { DownloadProgress } from '../../sources/download/types.ts';
import { SourceError } from '../../sources/errors.ts';
import { retryDelayMs, retrying } from '../../sources/pace.ts';
import { QuickPace } from './quickPace.ts';

describe('Throttle', () => {
  test('lets each wait until what came before it is paid for, whoever took it', async () => {
    const pace = new QuickPace();
    const throttle = new Throttle(1000, pace, () => 50);
    await Promise.all([100, 200, 300].map((bytes) => throttle.take(bytes, undefined)));
    expect(pace.sleptMs).toEqual([100, 300]);
  });

  test('has nobody wait who comes late, and saves up nothing', async () => {
    const pace = new QuickPace();
    let nowMs = 0;
    const throttle = new Throttle(1000, pace, () => nowMs);
    await throttle.take(100, undefined);
    nowMs = 1000;
    await throttle.take(500, undefined);
    expect(pace.sleptMs).toEqual([]);
    await throttle.take(1, undefined);
    expect(pace.sleptMs).toEqual([500]);
  });

  test('is left by who is cancelled', async () => {
    const throttle = new Throttle(1, new QuickPace(), () => 0);
    await throttle.take(100, undefined);
    await expect(throttle.take(1, AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' });
  });
});

describe('ProgressMeter', () => {
  function meter(resumedBytes = 0) {
    const reports: DownloadProgress[] = [];
    const clock = { nowMs: 0 };
    const progress = new ProgressMeter(
      1000,
      resumedBytes,
      (now) => reports.push(now),
      () => clock.nowMs,
    );
    return { progress, clock, reports };
  }

  test('tells bytes, rate and time left, at most five times a second', () => {
    const { progress, clock, reports } = meter(200);
    for (const nowMs of [100, 150, 200, 300, 400]) {
      clock.nowMs = nowMs;
      progress.add(40);
    }
    expect(reports).toEqual([
      { bytes: 320, totalBytes: 1000, bytesPerSecond: 600, secondsLeft: 680 / 600 },
      { bytes: 400, totalBytes: 1000, bytesPerSecond: 500, secondsLeft: 600 / 500 },
    ]);
  });

  test('has a rate of the last seconds, and none that is negative when bytes come again', () => {
    const { progress, clock, reports } = meter();
    clock.nowMs = 1000;
    progress.add(900);
    for (const nowMs of [6000, 12_000]) {
      clock.nowMs = nowMs;
      progress.add(0);
    }
    expect(reports.at(-1)).toMatchObject({ bytesPerSecond: 0, secondsLeft: null });
    clock.nowMs = 13_000;
    progress.add(-900);
    expect(reports.at(-1)).toMatchObject({ bytes: 0, bytesPerSecond: 0, secondsLeft: null });
  });
});

describe('retryDelayMs()', () => {
  const down = (retryAfterMs?: number) => new SourceError('network', 'down', { retryAfterMs });
  const most = { sleep: async () => {}, random: () => 1 };

  test('doubles its bound up to half a minute, by chance below it, above what the server asked for', () => {
    expect([1, 2, 3, 7, 20].map((failures) => retryDelayMs(failures, down(), most))).toEqual([
      500, 1000, 2000, 30_000, 30_000,
    ]);
    expect(retryDelayMs(3, down(7000), most)).toBe(9000);
    expect(retryDelayMs(3, down(7000), new QuickPace())).toBe(7000);
  });

  test('does not wait for who asks for minutes', () => {
    expect(retryDelayMs(1, down(120_001), most)).toBeNull();
  });

  test('retrying() throws what is not transient at once, and the last failure after so many', async () => {
    const pace = new QuickPace();
    let calls = 0;
    const failing = (code: 'forbidden' | 'network') =>
      retrying(
        async () => {
          calls += 1;
          throw new SourceError(code, `call ${calls}`);
        },
        { attempts: 4, pace },
      );
    await expect(failing('forbidden')).rejects.toThrow('call 1');
    await expect(failing('network')).rejects.toThrow('call 5');
    expect(pace.sleptMs).toHaveLength(3);
  });
});
