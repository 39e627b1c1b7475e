import { describe, expect, it } from 'vitest';
import { freeBytes } from '../../gateway/pool/memory.ts';
import type { PoolSettings } from '../../gateway/pool/settings.ts';
import { adapter, catalogueOf, model } from './builders.ts';
import { PoolDriver } from './driver.ts';
import { bring, CUDA0, CUDA1, poolWith, withContext } from './onDevices.ts';

const ON_0 = { device: CUDA0 };
const ON_1 = { device: CUDA1 };
const ON_HOST = { deviceLayers: 0 };
/** Half of it on its device: 500 of weights and 10 of a context there, as much on the host. */
const HALF = { deviceLayers: 1, layers: 2 };

/** Bases a and b of 7 bytes and c of 12, with 3 of each context. */
function large(settings: Partial<PoolSettings>, sleeps = false): PoolDriver {
  const bases = ['a', 'b'].map((id) => model(id, { sleeps, weightBytes: 7, computeBytes: 3 }));
  const models = [...bases, model('c', { weightBytes: 12, computeBytes: 3 })];
  const adapters = [adapter('x', 'a'), adapter('z', 'b')];
  return new PoolDriver({ maxRunners: 9, ...settings }, catalogueOf(models, adapters));
}

describe('memory of a device', () => {
  it('is not made of an idle base or combo on another one, however long that has been idle', () => {
    const pool = poolWith({ CUDA0: 2000, CUDA1: 1500 }, { a: ON_0, b: ON_1, c: ON_1 });
    bring(pool, 'r1', 'a');
    pool.nowMs = 1;
    bring(pool, 'r2', 'b');
    expect(pool.arrive('q1', 'c')).toEqual(['stop r2 evicted 10000']);
    const combos = poolWith({ CUDA0: 2000, CUDA1: 1030 }, { a: ON_0, b: ON_1 });
    bring(combos, 'r1', 'a');
    bring(combos, 'r1', 'a+x');
    combos.nowMs = 1;
    bring(combos, 'r2', 'b');
    expect(combos.arrive('q1', 'b+z')).toEqual(['detach r2 b']);
  });

  it('is not made of what would give host memory alone, even when there is not a byte of that to spare', () => {
    const pool = poolWith(
      { CUDA0: 2000, CUDA1: 1500 },
      { a: { ...ON_0, ...HALF }, b: ON_1, c: ON_1 },
      { memoryBytes: 510 },
    );
    bring(pool, 'r1', 'a');
    pool.nowMs = 1;
    bring(pool, 'r2', 'b');
    expect(freeBytes(pool.state)).toBe(0);
    expect(pool.arrive('q1', 'c')).toEqual(['stop r2 evicted 10000']);
  });

  it('that is on its way counts, and only what comes on that device', () => {
    const pool = poolWith({ CUDA0: 1500, CUDA1: 9000 }, { a: ON_0, b: ON_1, c: ON_0 });
    bring(pool, 'r1', 'a');
    bring(pool, 'r2', 'b');
    pool.drain('d1', 'r2');
    expect(pool.arrive('q1', 'c')).toEqual(['stop r1 evicted 10000']);
  });
});

describe('memory of the host', () => {
  it('is not made of a base that has none of it', () => {
    const pool = poolWith({ CUDA0: 2000 }, { b: ON_HOST, c: ON_HOST }, { memoryBytes: 1500 });
    bring(pool, 'r1', 'a');
    pool.nowMs = 1;
    bring(pool, 'r2', 'b');
    expect(pool.arrive('q1', 'c')).toEqual(['stop r2 evicted 10000']);
  });

  it('is not made of what would give device memory alone, even when there is not a byte of that to spare', () => {
    const pool = poolWith({ CUDA0: 1530 }, { b: ON_HOST, c: HALF }, { memoryBytes: 1500 });
    bring(pool, 'r1', 'a');
    pool.nowMs = 1;
    bring(pool, 'r2', 'b');
    expect(freeBytes(pool.state, CUDA0)).toBe(510);
    expect(pool.arrive('q1', 'c')).toEqual(['stop r2 evicted 10000']);
  });
});

describe('memory for a large base', () => {
  it('is made of as many bases as it takes', () => {
    for (const [sleeps, orders] of [
      [false, ['stop r1 evicted 10000', 'stop r2 evicted 10000']],
      [true, ['sleep r1', 'sleep r2']],
    ] as const) {
      const pool = large({ memoryBytes: 20 }, sleeps);
      pool.bring('r1', 'a');
      pool.nowMs = 1;
      pool.bring('r2', 'b');
      expect(pool.arrive('q1', 'c')).toEqual(orders);
    }
  });

  it('is made of a base and of a combo of another one, and not of combos that go with that base', () => {
    const pool = large({ memoryBytes: 26 });
    pool.bring('r1', 'a');
    pool.bring('r1', 'a+x');
    pool.nowMs = 1;
    pool.bring('r2', 'b');
    pool.bring('r2', 'b+z');
    pool.arrive('busy', 'b');
    // Of 15 the base gives 13 and the idle combo of the busy one the rest.
    expect(pool.arrive('q1', 'c')).toEqual(['detach r2 b+z', 'stop r1 evicted 10000']);
  });

  it('is not made of its own base, idle as that is, when that is not enough', () => {
    const pool = large({ memoryBytes: 19 });
    pool.bring('r1', 'a');
    pool.evict('o1', 'a');
    pool.detached('r1', 'a');
    pool.bring('r2', 'b');
    pool.arrive('busy', 'b');
    expect(pool.arrive('q1', 'a+x')).toEqual([]);
    expect(pool.end('busy')).toEqual(['detach r2 b']);
  });

  it('is not made of a base that somebody waits for who came before, though he has no place there yet', () => {
    const pool = large({ memoryBytes: 19, maxCombosPerRunner: 1, minResidencyMs: 1000 });
    pool.bring('r1', 'a');
    pool.evict('o1', 'a');
    pool.detached('r1', 'a');
    pool.bring('r2', 'b');
    pool.nowMs = 1000;
    pool.arrive('q1', 'b+z');
    pool.detached('r2', 'b');
    pool.ready('r2', 'b+z');
    pool.end('q1');
    pool.nowMs = 1500;
    expect(pool.arrive('q2', 'b')).toEqual([]);
    expect(pool.arrive('q3', 'a+x')).toEqual([]);
    expect(pool.tick(500)).toEqual(['detach r2 b+z']);
  });

  it('is not made of idle combos of a runner that drains', () => {
    const pool = large({ memoryBytes: 25 });
    pool.bring('r1', 'a');
    pool.bring('r1', 'a+x');
    pool.bring('r2', 'b');
    pool.arrive('busy a', 'a');
    pool.arrive('busy b', 'b');
    pool.drain('d1', 'r1');
    expect(pool.stateOf('r1')).toBe('draining');
    expect(pool.arrive('q1', 'b+z')).toEqual([]);
  });
});

describe('when runners turned out to hold more than was predicted', () => {
  it('a standby of that device goes', () => {
    const pool = withContext(poolWith({ CUDA0: 1400 }, {}, { standbys: 1 }), 100);
    bring(pool, 'r1', 'a');
    expect(pool.tick(0)).toEqual(['spawn r2 standby on CUDA0']);
    pool.up('r2');
    pool.arrive('q1', 'a+x');
    const comboKey = pool.combo('a+x').key;
    pool.tell({ type: 'comboReady', runnerId: pool.runnerId('r1'), comboKey, kvBytes: 250, computeBytes: 0 });
    expect(freeBytes(pool.state, CUDA0)).toBe(-70);
    expect(pool.tick(0)).toEqual(['stop r2 evicted 10000']);
  });

  it('no base goes that somebody waits for', () => {
    const pool = large({ memoryBytes: 45, maxCombosPerRunner: 1, minResidencyMs: 1000 });
    pool.bring('r1', 'a');
    pool.nowMs = 1000;
    pool.arrive('q1', 'a+x');
    pool.detached('r1', 'a');
    pool.ready('r1', 'a+x');
    pool.end('q1');
    pool.nowMs = 1500;
    // Its base has been there for long enough to go, the combo in whose place it is to come has not.
    expect(pool.arrive('q2', 'a')).toEqual([]);
    pool.arrive('q3', 'b');
    pool.up('r2');
    pool.tell({ type: 'runnerLoaded', runnerId: pool.runnerId('r2'), weightBytes: 40 });
    expect(freeBytes(pool.state)).toBe(-8);
    expect(pool.tick(0)).toEqual([]);
    expect(pool.tick(500)).toEqual(['detach r1 a+x']);
  });
});
