import { describe, expect, it } from 'vitest';
import { measurePolicy } from '../../bench/pool-sim/measure.ts';
import { readOptions } from '../../bench/pool-sim/options.ts';
import { POLICIES } from '../../bench/pool-sim/policies.ts';
import type { Measured } from '../../bench/pool-sim/report.ts';
import { tableOf } from '../../bench/pool-sim/report.ts';

const SMALL = [
  ...['--requests', '2000', '--per-second', '0.1', '--bases', '20', '--combos', '200'],
  ...['--memory-gb', '96'],
];

function measure(args: readonly string[]): Measured[] {
  const { trace, machine, policies } = readOptions([...SMALL, ...args]);
  return policies.map((policy) => measurePolicy(trace, machine, policy));
}

const byName = (outcomes: readonly Measured[]): Record<string, Measured> =>
  Object.fromEntries(outcomes.map((outcome) => [outcome.policy, outcome]));

/** All but how long the run took. */
const facts = ({ wallMs: _, ...rest }: Measured): Omit<Measured, 'wallMs'> => rest;

describe('the pool simulator', () => {
  it.each(['zipf', 'bursty', 'diurnal'])('answers every request of a %s trace within the budget', (trace) => {
    for (const outcome of measure(['--trace', trace])) {
      const { begun, joined, refusals, requests, peakBytes, meanBytes } = outcome;
      const granted = begun.warm + begun.attach + begun.cold + joined;
      expect(requests).toBeGreaterThan(150);
      expect(granted + refusals).toBe(requests);
      expect(peakBytes).toBeLessThanOrEqual(96e9);
      expect(meanBytes).toBeGreaterThan(0);
    }
  });

  it.each(['zipf', 'bursty', 'diurnal'])('bounds every policy of a %s trace from below', (trace) => {
    for (const { reloadMs, boundMs } of measure(['--trace', trace])) {
      expect(boundMs).toBeGreaterThan(0);
      expect(boundMs).toBeLessThanOrEqual(reloadMs);
    }
  });

  it('has the same seed tell the same story, and another one another', () => {
    const [once, again] = [measure(['--policies', 'gdsf']), measure(['--policies', 'gdsf'])];
    expect(once.map(facts)).toEqual(again.map(facts));
    const [other] = measure(['--policies', 'gdsf', '--seed', '2']);
    expect(other?.reloadMs).not.toBe(once[0]?.reloadMs);
  });

  it('comes to the same with every tick as with those that can matter', () => {
    const needed = measure(['--policies', 'gdsf,lru,size']);
    const all = measure(['--policies', 'gdsf,lru,size', '--all-ticks']);
    expect(all.map(({ reloadMs, grantedMs }) => ({ reloadMs, grantedMs }))).toEqual(
      needed.map(({ reloadMs, grantedMs }) => ({ reloadMs, grantedMs })),
    );
  });

  it('has GDSF reload for less time than LRU where sizes and sources differ, and foresight for less than both', () => {
    const { gdsf, lru, clairvoyant } = byName(measure(['--policies', 'gdsf,lru,clairvoyant']));
    expect(gdsf?.reloadMs).toBeLessThan(lru?.reloadMs ?? 0);
    expect(clairvoyant?.reloadMs).toBeLessThan(gdsf?.reloadMs ?? 0);
  });

  it('starts more for each request when nothing is kept', () => {
    const { gdsf, 'per-request': swap } = byName(measure(['--policies', 'gdsf,per-request']));
    expect(gdsf?.loads).toBeLessThan((swap?.loads ?? 0) / 2);
  });

  it('prints a row for each policy under one header', () => {
    const lines = tableOf(measure(['--requests', '200'])).split('\n');
    expect(lines).toHaveLength(2 + POLICIES.length);
    expect(new Set(lines.map((line) => line.length)).size).toBe(1);
    expect(lines.slice(2).map((line) => line.split('|')[1]?.trim())).toEqual(
      POLICIES.map(({ name }) => name),
    );
  });

  it('refuses flags that it cannot follow', () => {
    expect(() => readOptions(['--trace', 'x'])).toThrow(
      'Cannot read --trace "x": expected one of "zipf", "bursty", "diurnal"',
    );
    expect(() => readOptions(['--requests', 'many'])).toThrow(
      'Cannot read --requests "many": expected a number of at least 0',
    );
    expect(() => readOptions(['--policies', 'fifo'])).toThrow('Cannot read --policies "fifo"');
    expect(() => readOptions(['--arrivals', 'a.csv'])).toThrow('expected both --arrivals and --fleet');
  });
});
