import { describe, expect, it } from 'vitest';
import { deviceName } from '../../gateway/domain/ids.ts';
import { adapter, catalogueOf, model } from './builders.ts';
import { PoolDriver } from './driver.ts';

/** A base on CUDA0 or CUDA1, with these combos ready. */
type Held = readonly [device: string, names: readonly string[]];

/** Runners of an earlier gateway. Ten bytes for each combo beside a base of 100, of 20 for c; b is for CUDA0 alone. */
function holding(
  runners: Readonly<Record<string, Held>>,
  deviceBytes: Readonly<Record<string, number>>,
  idleTtlMs: number | null = null,
): PoolDriver {
  const size = { weightBytes: 100, computeBytes: 10, sleeps: false, deviceLayers: -1 };
  const models = [
    model('a', { ...size, idleTtlMs }),
    model('b', { ...size, device: deviceName('CUDA0') }),
    model('c', { ...size, weightBytes: 20 }),
  ];
  const catalogue = catalogueOf(models, [adapter('x', 'a'), adapter('y', 'a')]);
  const settings = { maxRunners: 9, maxCombosPerRunner: 2, swapAfterMs: 300, deviceBytes };
  const pool = new PoolDriver(settings, catalogue);
  for (const [runner, [device, names]] of Object.entries(runners)) {
    const combos = names.map((name) => {
      const sizes = { kvBytes: 0, computeBytes: 10, sequences: 2, deviceShare: 1 };
      return { combo: pool.combo(name), ...sizes };
    });
    const held = combos[0]?.combo.model ?? pool.combo('a').model;
    const weights = { host: 0, device: held.weightBytes };
    const adopted = { model: held, device: deviceName(device), weights, threads: 1, combos };
    pool.tell({ type: 'runnerAdopted', runnerId: pool.runnerId(runner), ...adopted });
  }
  return pool;
}

const PINS = ['a', 'a+x', 'a+y'];

function pin(pool: PoolDriver, names: readonly string[] = PINS): PoolDriver {
  for (const name of names) pool.pin(`pin ${name}`, name);
  return pool;
}

/** a+x and a+y on CUDA0, a on CUDA1, all pinned: b, which needs 110 bytes, lacks one. */
function uneven(most: number, idleTtlMs: number | null = null): PoolDriver {
  const runners = { r8: ['CUDA0', ['a+x', 'a+y']], r9: ['CUDA1', ['a']] } as const;
  return pin(holding(runners, { CUDA0: 229, CUDA1: most }, idleTtlMs));
}

describe('what is kept on a device for whose memory somebody waits', () => {
  it('is started on another one when that one has waited for its turn', () => {
    const pool = uneven(125);
    pool.nowMs = 1000;
    pool.arrive('q1', 'b');
    expect(pool.tick(299)).toEqual([]);
    expect(pool.tick(1)).toEqual(['attach r9 a+x']);
  });

  it('stays while enough room is on its way', () => {
    const runners = {
      r7: ['CUDA0', ['c']],
      r8: ['CUDA0', ['a+x', 'a+y']],
      r9: ['CUDA1', ['a']],
    } as const;
    const pool = pin(holding(runners, { CUDA0: 245, CUDA1: 125 }));
    expect(pool.arrive('q1', 'b')).toEqual(['stop r7 evicted 10000']);
    expect(pool.tick(400)).toEqual([]);
  });

  it('is started beside what else is pinned there, and on no runner of another base', () => {
    const runners = {
      r6: ['CUDA1', ['c']],
      r7: ['CUDA0', ['c']],
      r8: ['CUDA0', ['a+x', 'a+y']],
      r9: ['CUDA1', ['a']],
    } as const;
    const pool = pin(holding(runners, { CUDA0: 259, CUDA1: 200 }));
    pool.pin('pin c', 'c', { count: 2 });
    pool.arrive('q1', 'b');
    pool.tick(200);
    expect(pool.tick(100)).toContain('attach r9 a+x');
    expect(pool.ready('r9', 'a+x')).toEqual(['detach r8 a+x']);
  });

  it('is started on one runner alone of two that have a place', () => {
    const runners = {
      r7: ['CUDA1', ['a']],
      r8: ['CUDA0', ['a+x', 'a+y']],
      r9: ['CUDA1', ['a+x@2']],
    } as const;
    const pool = pin(holding(runners, { CUDA0: 229, CUDA1: 300 }));
    pool.arrive('busy', 'a+x@2');
    pool.arrive('q1', 'b');
    expect(pool.tick(400)).toEqual(['attach r7 a+x']);
    expect(pool.tick(200)).toEqual([]);
  });

  it('has who waits refused when the other device has neither a place nor memory for a runner more', () => {
    const runners = { r8: ['CUDA0', ['a+x', 'a+y']], r9: ['CUDA1', ['a', 'a+x@2']] } as const;
    const pool = pin(holding(runners, { CUDA0: 229, CUDA1: 200 }));
    pool.arrive('busy', 'a+x@2');
    pool.arrive('q1', 'b');
    expect(pool.tick(400)).toEqual(['reject q1 no_capacity']);
  });
});
