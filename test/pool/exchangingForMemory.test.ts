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

describe('tick while somebody waits for memory of a device that is full of pins', () => {
  it.each([null, 0])(
    'starts one of the pins on another device, and lets go of it here (idle ttl %s)',
    (ttl) => {
      const pool = uneven(125, ttl);
      expect(pool.arrive('q1', 'b')).toEqual([]);
      expect(pool.tick(200)).toEqual([]);
      expect(pool.tick(200)).toEqual(['attach r9 a+x']);
      expect(pool.tick(200)).toEqual([]);
      pool.ready('r9', 'a+x');
      expect(pool.tick(200)).toEqual(['detach r8 a+x']);
      expect(pool.detached('r8', 'a+x')).toEqual(['spawn r1 b on CUDA0']);
    },
  );

  it('refuses who would have no room whatever else goes', () => {
    const pool = uneven(119);
    pool.arrive('q1', 'b');
    expect(pool.tick(200)).toEqual([]);
    expect(pool.tick(200)).toEqual(['reject q1 no_capacity']);
  });

  it('refuses nobody for what is not kept', () => {
    const pool = uneven(119);
    for (const name of ['a', 'a+y']) pool.unpin(`unpin ${name}`, name);
    pool.arrive('busy', 'a+y');
    expect(pool.arrive('q1', 'b')).toEqual([]);
    expect(pool.tick(400)).toEqual([]);
    expect(pool.end('busy')).toEqual(['detach r8 a+y']);
  });

  it('does so when that one has waited for its turn', () => {
    const pool = uneven(125);
    pool.nowMs = 1000;
    pool.arrive('q1', 'b');
    expect(pool.tick(299)).toEqual([]);
    expect(pool.tick(1)).toEqual(['attach r9 a+x']);
  });

  it('starts none of them while enough room is on its way', () => {
    const runners = {
      r7: ['CUDA0', ['c']],
      r8: ['CUDA0', ['a+x', 'a+y']],
      r9: ['CUDA1', ['a']],
    } as const;
    const pool = pin(holding(runners, { CUDA0: 245, CUDA1: 125 }));
    expect(pool.arrive('q1', 'b')).toEqual(['stop r7 evicted 10000']);
    expect(pool.tick(400)).toEqual([]);
  });

  it('starts one of them beside what is busy on its device, and on no runner of another base', () => {
    const runners = {
      r6: ['CUDA1', ['c']],
      r7: ['CUDA0', ['c']],
      r8: ['CUDA0', ['a+x', 'a+y']],
      r9: ['CUDA1', ['a']],
    } as const;
    const pool = pin(holding(runners, { CUDA0: 259, CUDA1: 200 }));
    for (const id of ['busy 1', 'busy 2', 'busy 3', 'busy 4']) pool.arrive(id, 'c');
    pool.arrive('q1', 'b');
    pool.tick(200);
    expect(pool.tick(100)).toContain('attach r9 a+x');
    pool.ready('r9', 'a+x');
    expect(pool.tick(1)).toEqual(['detach r8 a+x']);
  });

  it('starts one of them on one runner alone of two that have a place', () => {
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

  it('starts one that is pinned, and not what runs beside it', () => {
    const runners = { r8: ['CUDA0', ['a+y', 'a+x']], r9: ['CUDA1', ['a']] } as const;
    const pool = pin(holding(runners, { CUDA0: 229, CUDA1: 125 }), ['a+x']);
    pool.arrive('busy', 'a+y');
    pool.arrive('q1', 'b');
    expect(pool.tick(400)).toEqual(['attach r9 a+x']);
  });

  it('refuses who would have room if there were a place on the other device', () => {
    const runners = { r8: ['CUDA0', ['a+x', 'a+y']], r9: ['CUDA1', ['a', 'a+x@2']] } as const;
    const pool = pin(holding(runners, { CUDA0: 229, CUDA1: 300 }));
    pool.arrive('busy', 'a+x@2');
    pool.arrive('q1', 'b');
    expect(pool.tick(400)).toEqual(['reject q1 no_capacity']);
  });
});
