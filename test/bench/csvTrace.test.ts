import { describe, expect, it } from 'vitest';
import { readArrivals, readFleet } from '../../bench/pool-sim/csvTrace.ts';
import { measurePolicy } from '../../bench/pool-sim/measure.ts';
import { MACHINE, type SimPolicy } from '../../bench/pool-sim/policies.ts';

const FLEET = `id,start_ms,bytes,context_bytes,sequences
a,10000,8e9,1e9,2
b,20000,8e9,1e9,2
a+x@0.5,300,,,
`;
const ARRIVALS = `combo,at_ms,duration_ms
a,0,1000
b,60000,1000

a+x@0.5,30000,1000
a,120000,1000
`;
const LRU: SimPolicy = { name: 'lru', eviction: 'lru', idleTtlMs: null };

describe('a trace from CSV', () => {
  it('is replayed with its sizes and start costs', () => {
    const fleet = readFleet(FLEET, 'fleet.csv');
    const arrivals = readArrivals(ARRIVALS, 'arrivals.csv', fleet);
    expect([...arrivals.atMs]).toEqual([0, 30000, 60000, 120000]);
    expect([...arrivals.combo].map((combo) => fleet.combos[combo]?.name)).toEqual(['a', 'a+x@0.5', 'b', 'a']);
    const machine = { ...MACHINE, memoryBytes: 11e9, standbys: 0 };
    const outcome = measurePolicy({ name: 'csv', fleet, arrivals }, machine, LRU);
    // Room for one base with two contexts: a, its adapter, then b in its place, then a again.
    expect(outcome.loads).toBe(3);
    expect(outcome.reloadMs).toBe(10_000 + 12 + 300 + 20_000 + 12 + 10_000 + 12);
    // No plan keeps a through b.
    expect(outcome.boundMs).toBeLessThanOrEqual(outcome.reloadMs);
    expect(outcome.boundMs).toBeGreaterThan(10_000 + 12 + 300 + 20_000 + 12);
    expect(outcome.peakBytes).toBe(10e9);
    expect(outcome.meanWaitMs).toBe((10_312 + 300 + (20_012 + 300 + 150) + (10_012 + 300 + 150)) / 4);
  });

  it.each([
    ['id,start_ms\n', 'line 1: expected columns id, start_ms, bytes, context_bytes, sequences, got no bytes'],
    [`${FLEET}a,1,1,1,1\n`, 'line 5: base "a" is there twice'],
    [`${FLEET}c+x,1,,,\n`, 'line 5: base "c" has no line before this one'],
    [`${FLEET}c,slow,1,1,1\n`, 'line 5: start_ms "slow": expected a number of at least 0'],
    [`${FLEET}c,1,1,1,0\n`, 'line 5: sequences "0": expected a whole number of at least 1'],
    [`${FLEET}c,1,1,1\n`, 'line 5: expected a value of "sequences", got none'],
    [`${FLEET}"c",1,1,1,1\n`, 'line 5: expected values without quotes'],
    [`${FLEET}c,1,1,1,1,1\n`, 'line 5: expected at most 5 values, got 6'],
  ])('names the line of what it cannot read in a fleet', (text, message) => {
    expect(() => readFleet(text, 'fleet.csv')).toThrow(`Cannot read "fleet.csv" ${message}`);
  });

  it('names the line of an arrival for an unknown combo', () => {
    const fleet = readFleet(FLEET, 'fleet.csv');
    expect(() => readArrivals(`${ARRIVALS}zz,1,1\n`, 'arrivals.csv', fleet)).toThrow(
      'Cannot read "arrivals.csv" line 7: combo "zz" is not in the fleet',
    );
    expect(() => readArrivals(`${ARRIVALS}a,-1,1\n`, 'arrivals.csv', fleet)).toThrow(
      'line 7: at_ms "-1": expected a number of at least 0',
    );
  });
});
