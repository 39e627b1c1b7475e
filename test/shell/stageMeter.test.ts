import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { StageProgress } from '../../gateway/ports/weightStore.ts';
import { waitingText } from '../../gateway/shell/waitingStream.ts';
import { StageMeter } from '../../gateway/shell/weights/stageMeter.ts';
import { stagingText } from '../../gateway/shell/weights/stagingText.ts';

const GB = 1e9;
const at = (bytes: number, totalBytes = 4 * GB, step: StageProgress['step'] = 'stage'): StageProgress => ({
  step,
  bytes,
  totalBytes,
  fraction: totalBytes === 0 ? 0 : bytes / totalBytes,
});

/** A meter that was told `bytesPerSecond` for so long, ten times a second. */
function steady(bytesPerSecond: number, seconds: number): StageMeter {
  const meter = new StageMeter();
  for (let tick = 0; tick <= seconds * 10; tick += 1)
    meter.observe(at((bytesPerSecond * tick) / 10), tick * 100);
  return meter;
}

describe('StageMeter.read()', () => {
  test('read() knows no rate and no time before it has looked for half a second', () => {
    const meter = new StageMeter();
    expect(meter.read(0)).toMatchObject({ bytes: 0, bytesPerSecond: null, secondsLeft: null });
    meter.observe(at(0), 0);
    meter.observe(at(64e6), 1);
    expect(meter.read(1)).toMatchObject({ bytes: 64e6, bytesPerSecond: null, secondsLeft: null });
    expect(meter.read(499).bytesPerSecond).toBeNull();
    expect(meter.read(500).bytesPerSecond).toBe(128e6);
  });

  test('read() gives the rate and what is left at it', () => {
    const reading = steady(1 * GB, 2).read(2000);
    expect(reading).toMatchObject({ bytes: 2 * GB, bytesPerSecond: 1 * GB, secondsLeft: 2 });
  });

  test('read() looks at the last seconds alone', () => {
    const meter = steady(0.1 * GB, 10);
    for (let tick = 1; tick <= 60; tick += 1) meter.observe(at(1 * GB + tick * 5e6), 10_000 + tick * 100);
    expect(meter.read(16_000).bytesPerSecond).toBe(50e6);
  });

  test('read() of what stands still falls to nothing, and then no time is left to tell', () => {
    const meter = steady(1 * GB, 2);
    expect(meter.read(4000)).toMatchObject({ bytesPerSecond: 0.5 * GB, secondsLeft: 4 });
    expect(meter.read(60_000)).toMatchObject({ bytesPerSecond: 0, secondsLeft: null });
  });

  test('read() begins anew with another step, and when a staging begins again', () => {
    const meter = new StageMeter();
    for (let tick = 0; tick <= 20; tick += 1) meter.observe(at(tick * 1e8, 4 * GB, 'download'), tick * 100);
    meter.observe(at(0), 2100);
    expect(meter.read(2200)).toMatchObject({ step: 'stage', bytes: 0, bytesPerSecond: null });
    meter.observe(at(1 * GB), 3100);
    expect(meter.read(3100).bytesPerSecond).toBe(1 * GB);
    meter.observe(at(0.1 * GB), 3200);
    expect(meter.read(3600).bytesPerSecond).toBeNull();
  });

  test('read() estimates nothing of a size that is not known', () => {
    const meter = new StageMeter();
    meter.observe(at(0, 0), 0);
    meter.observe(at(1e6, 0), 1000);
    expect(meter.read(1000).secondsLeft).toBeNull();
  });

  test('read() never gives what is no number, whatever it was told and when', () => {
    const told = fc.record({
      bytes: fc.nat(1e12),
      totalBytes: fc.nat(1e12),
      afterMs: fc.integer({ min: 0, max: 10_000 }),
    });
    fc.assert(
      fc.property(fc.array(told, { maxLength: 40 }), (all) => {
        const meter = new StageMeter();
        let nowMs = 0;
        for (const { bytes, totalBytes, afterMs } of all) {
          nowMs += afterMs;
          meter.observe(at(bytes, totalBytes), nowMs);
          const { bytesPerSecond, secondsLeft } = meter.read(nowMs);
          for (const value of [bytesPerSecond, secondsLeft])
            if (value !== null && !(Number.isFinite(value) && value >= 0)) return false;
        }
        return true;
      }),
    );
  });
});

describe('stagingText()', () => {
  test('stagingText() tells bytes, rate and time left', () => {
    expect(stagingText(steady(1.1 * GB, 2).read(2000))).toBe('staging 2.2 GB of 4.0 GB, 1.1 GB/s, 2 s left');
  });

  test('stagingText() leaves out what is not known', () => {
    const reading = { ...at(0, 4 * GB, 'download'), bytesPerSecond: null, secondsLeft: null };
    expect(stagingText(reading)).toBe('downloading 0 B of 4.0 GB');
    expect(stagingText({ ...reading, bytesPerSecond: 0 })).toBe('downloading 0 B of 4.0 GB, 0 B/s');
    expect(stagingText({ ...reading, bytesPerSecond: 900, secondsLeft: 4.4e6 })).toBe(
      'downloading 0 B of 4.0 GB, 900 B/s',
    );
    expect(stagingText({ ...reading, totalBytes: 0 })).toBeNull();
  });
});

test('waitingText() is a comment of a percentage, and of the staging while there is one', () => {
  expect(waitingText('warm', null)).toBe('hearth warm');
  expect(waitingText('staged', { fraction: 0.404, staging: null })).toBe('hearth staged 40%');
  const staging = steady(1 * GB, 2).read(2000);
  expect(waitingText('cold', { fraction: 0.45, staging })).toBe(
    'hearth cold 45% staging 2.0 GB of 4.0 GB, 1.0 GB/s, 2 s left',
  );
});
