import { describe, expect, it } from 'vitest';
import { START_KINDS } from '../../gateway/domain/phases.ts';
import { type Outcome, Tally } from '../../gateway/reports/replay/tally.ts';
import { type Arrivals, toArrivals } from '../../gateway/reports/replay/trace.ts';

const arrivalsAt = (...times: readonly number[]): Arrivals =>
  toArrivals(times.map((atMs) => ({ atMs, combo: 0, durationMs: 1 })));

/** Requests that arrive a second apart and wait for so long; null: refused. */
function outcomeOf(waits: readonly (number | null)[]): Omit<Outcome, 'byteMs'> {
  const arrivals = arrivalsAt(...waits.map((_, request) => request * 1000));
  const tally = new Tally(waits.length);
  for (const [request, waitMs] of waits.entries())
    if (waitMs !== null) tally.grant(request, 'cold', false, request * 1000 + waitMs);
  return tally.outcome('lru', arrivals);
}

describe('Tally', () => {
  it('names the policy and counts all requests, the refused ones too', () => {
    expect(outcomeOf([10, null, 30])).toMatchObject({ policy: 'lru', requests: 3 });
  });

  it('takes the mean of the waits from arrival to grant', () => {
    expect(outcomeOf([0, 10, 50]).meanWaitMs).toBe(20);
  });

  it('leaves out of the waits whoever was refused, and keeps whoever waited for nothing', () => {
    const outcome = outcomeOf([null, 0, null, 30]);
    expect(outcome).toMatchObject({ meanWaitMs: 15, p50WaitMs: 0, p99WaitMs: 0 });
    expect([...outcome.grantedMs]).toEqual([Number.NaN, 1000, Number.NaN, 3030]);
  });

  it('has nobody wait when all were refused, or nobody came', () => {
    for (const waits of [[], [null, null]])
      expect(outcomeOf(waits)).toMatchObject({ meanWaitMs: 0, p50WaitMs: 0, p99WaitMs: 0 });
  });

  it('takes the percentile at floor(p x (count - 1)) of the waits in order of their length', () => {
    // 100 down to 0: place 50 of 0 to 100, and place 99.
    const waits = Array.from({ length: 101 }, (_, at) => 100 - at);
    expect(outcomeOf(waits)).toMatchObject({ p50WaitMs: 50, p99WaitMs: 99 });
    // Of four: place 1.5 and place 2.97. 9 is less than 10, which as text it is not.
    expect(outcomeOf([200, 9, 100, 10])).toMatchObject({ p50WaitMs: 10, p99WaitMs: 100 });
  });

  it('counts a start once, for who began it; the others joined', () => {
    const tally = new Tally(4);
    tally.grant(0, 'cold', false, 1);
    tally.grant(1, 'cold', true, 1);
    tally.grant(2, 'cold', true, 1);
    tally.grant(3, 'warm', false, 2);
    const { begun, joined, kinds, joins } = tally.outcome('gdsf', arrivalsAt(0, 0, 0, 2));
    expect(begun).toEqual({ warm: 1, attach: 0, wake: 0, staged: 0, cold: 1 });
    expect(joined).toBe(2);
    expect([...kinds].map((kind) => START_KINDS[kind])).toEqual(['cold', 'cold', 'cold', 'warm']);
    expect([...joins]).toEqual([0, 1, 1, 0]);
  });

  it('takes the mean of the bytes over the time from 0 on, and the most at one time', () => {
    const tally = new Tally(0);
    tally.hold(100, 10);
    tally.hold(50, 20);
    tally.hold(-120, 30);
    tally.hold(0, 50);
    // 100 x 10 + 150 x 10 + 30 x 20 = 3100 byte-milliseconds in 50 ms.
    expect(tally.outcome('gdsf', arrivalsAt())).toMatchObject({ meanBytes: 62, peakBytes: 150 });
  });

  it('holds no bytes on average when no time has passed', () => {
    const tally = new Tally(0);
    tally.hold(100, 0);
    expect(tally.outcome('gdsf', arrivalsAt())).toMatchObject({ meanBytes: 0, peakBytes: 100 });
  });

  it('begins with nothing counted', () => {
    expect(new Tally(0).outcome('gdsf', arrivalsAt())).toMatchObject({
      ...{ requests: 0, joined: 0, reloadMs: 0, loads: 0, attaches: 0, evictedBases: 0 },
      ...{ detachedCombos: 0, refusals: 0, decides: 0, meanBytes: 0, peakBytes: 0 },
    });
  });
});
