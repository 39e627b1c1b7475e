import { describe, expect, it } from 'vitest';
import type { CatalogueModel } from '../../gateway/domain/catalogue.ts';
import { runnerId } from '../../gateway/domain/ids.ts';
import { freeBytes } from '../../gateway/pool/memory.ts';
import { adapter, catalogueOf, model } from './builders.ts';
import { PoolDriver } from './driver.ts';

/** Bases of 1000 bytes whose combos take 20 each: predicted in builders.ts, measured by the driver as 7 and 3. */
function poolWith(memoryBytes: number, changes: Partial<CatalogueModel> = {}, settings = {}): PoolDriver {
  const models = ['a', 'b', 'c'].map((id) => model(id, changes));
  const adapters = [adapter('x', 'a'), adapter('y', 'a'), adapter('z', 'b')];
  return new PoolDriver({ maxRunners: 9, memoryBytes, ...settings }, catalogueOf(models, adapters));
}

/** As `bring`, but measured as predicted. */
function bring(pool: PoolDriver, runner: string, name: string): void {
  const combo = pool.combo(name);
  const isNew = pool.stateOf(runner) === undefined;
  const id = runnerId(`r_t_${runner.slice(1)}`);
  pool.arrive(`bring ${name}`, combo);
  if (isNew) {
    pool.up(runner);
    pool.tell({ type: 'runnerLoaded', runnerId: id, weightBytes: 1000 });
  }
  pool.tell({ type: 'comboReady', runnerId: id, comboKey: combo.key, kvBytes: 15, computeBytes: 5 });
  pool.end(`bring ${name}`);
}

describe('decide(), when memory is short,', () => {
  it('evicts an idle base for another one, and starts when its process has gone', () => {
    const pool = poolWith(2019);
    bring(pool, 'r1', 'a');
    expect(pool.arrive('q1', 'b')).toEqual(['stop r1 evicted 10000']);
    expect(pool.exited('r1')).toEqual(['spawn r2 b']);
  });

  it('evicts nothing when there is just enough', () => {
    const pool = poolWith(2040);
    bring(pool, 'r1', 'a');
    expect(pool.arrive('q1', 'b')).toEqual(['spawn r2 b']);
    expect(freeBytes(pool.state)).toBe(0);
  });

  it('evicts an idle combo before a base, the least recently used first', () => {
    const pool = poolWith(2060);
    bring(pool, 'r1', 'a');
    pool.nowMs = 1;
    bring(pool, 'r1', 'a+x');
    pool.nowMs = 2;
    bring(pool, 'r2', 'b');
    expect(pool.arrive('q1', 'b+z')).toEqual(['detach r1 a']);
    expect(pool.detached('r1', 'a')).toEqual(['attach r2 b+z']);
  });

  it('evicts a base with its combos when all idle combos together are not enough', () => {
    const pool = poolWith(2060);
    bring(pool, 'r1', 'a');
    bring(pool, 'r1', 'a+x');
    pool.nowMs = 1;
    bring(pool, 'r2', 'b');
    expect(pool.arrive('q1', 'c')).toEqual(['stop r1 evicted 10000']);
    expect(pool.exited('r1')).toEqual(['spawn r3 c']);
  });

  it('evicts nothing while what is idle would not do, nor more than is missing', () => {
    const pool = poolWith(2060);
    bring(pool, 'r1', 'a');
    bring(pool, 'r1', 'a+x');
    pool.nowMs = 1;
    bring(pool, 'r2', 'b');
    pool.arrive('busy a', 'a+x');
    pool.arrive('busy b', 'b');
    expect(pool.arrive('q1', 'c')).toEqual([]);
    expect(pool.end('busy b')).toEqual(['stop r2 evicted 10000', 'threads r1 4']);
    expect(pool.arrive('q2', 'c')).toEqual([]);
    expect(pool.exited('r2')).toEqual(['spawn r3 c']);
  });

  it('lets nobody take what is made for one who has waited longer', () => {
    const pool = poolWith(2060);
    bring(pool, 'r1', 'a');
    pool.arrive('busy', 'a');
    bring(pool, 'r2', 'b');
    pool.nowMs = 1;
    expect(pool.arrive('q1', 'c')).toEqual(['stop r2 evicted 10000']);
    pool.nowMs = 2;
    expect(pool.arrive('q2', 'a+x')).toEqual([]);
    expect(pool.exited('r2')).toEqual(['spawn r3 c', 'attach r1 a+x']);
  });

  it('has a busy runner drain for one who has waited for its turn', () => {
    const pool = poolWith(1100, {}, { swapAfterMs: 100 });
    bring(pool, 'r1', 'a');
    pool.arrive('busy', 'a');
    pool.nowMs = 1;
    pool.arrive('q1', 'b');
    expect(pool.tick(100)).toEqual([]);
    expect(pool.stateOf('r1')).toBe('draining');
    expect(pool.tick(100)).toEqual([]);
    expect(pool.end('busy')).toEqual(['stop r1 replaced 10000']);
    expect(pool.exited('r1')).toEqual(['spawn r2 b']);
  });

  it('has a busy combo drain for another one of the same base', () => {
    const pool = poolWith(1030, {}, { swapAfterMs: 100 });
    bring(pool, 'r1', 'a');
    pool.arrive('busy', 'a');
    pool.nowMs = 1;
    pool.arrive('q1', 'a+x');
    expect(pool.tick(100)).toEqual([]);
    expect(pool.arrive('q2', 'a')).toEqual([]);
    expect(pool.end('busy')).toEqual(['detach r1 a']);
    expect(pool.detached('r1', 'a')).toEqual(['attach r1 a+x']);
  });

  it('lets idle ones go when runners hold more than was predicted', () => {
    const pool = poolWith(2060);
    bring(pool, 'r1', 'a');
    pool.arrive('q1', 'b');
    pool.up('r2');
    pool.tell({ type: 'runnerLoaded', runnerId: runnerId('r_t_2'), weightBytes: 1100 });
    expect(pool.tick(0)).toEqual(['stop r1 evicted 10000']);
  });
});

describe('decide() refuses what can never fit', () => {
  it('with the arithmetic, and starts and evicts nothing', () => {
    const pool = poolWith(1500);
    bring(pool, 'r1', 'a');
    const big = { ...pool.combo('b'), model: { ...pool.combo('b').model, kvBytesPerToken: 1 } };
    // 1000 of weights, 1 x 1024 tokens x 2 sequences of KV cache, 20 of compute buffers.
    const failures = pool.rejections(() => pool.arrive('q1', big));
    expect(failures).toEqual([
      {
        code: 'no_capacity',
        message: 'Cannot start "b": it needs 3068 bytes of memory, expected at most 1500',
        isPermanent: true,
        capacity: {
          neededBytes: 3068,
          budget: 'memory',
          budgetBytes: 1500,
          inUse: [{ runner: 'r_t_1', base: 'a', bytes: 1020 }],
        },
      },
    ]);
    expect(pool.stateOf('r1')).toBe('ready');
    expect(pool.warm('o1', 'a')).toEqual(['answer o1 r1 warm']);
  });

  it('but not once a runner has measured that it fits', () => {
    const pool = poolWith(1500, { computeBytes: 400 });
    bring(pool, 'r1', 'a');
    expect(pool.change(catalogueOf([model('a', { computeBytes: 900 })]))).toEqual([]);
    pool.evict('o1', 'a');
    pool.detached('r1', 'a');
    expect(pool.arrive('q1', 'a')).toEqual(['attach r1 a']);
    expect(pool.exited('r1')).toEqual(['spawn r2 a']);
  });
});

describe('memory', () => {
  it('of a base with a KV budget is shared by the combos past it', () => {
    const pool = poolWith(1030, { kvBudgetBytes: 25 });
    bring(pool, 'r1', 'a');
    pool.arrive('busy', 'a');
    expect(pool.arrive('q1', 'a+x')).toEqual(['attach r1 a+x']);
  });

  it('of a model on a device is not the host’s', () => {
    const pool = poolWith(10, { deviceLayers: -1 }, { deviceBytes: { CUDA0: 1020 } });
    expect(pool.arrive('q1', 'a')).toEqual(['spawn r1 a on CUDA0']);
    expect(freeBytes(pool.state)).toBe(10);
  });

  it('is not taken by standbys', () => {
    const pool = poolWith(1020, {}, { standbys: 1 });
    pool.tick(0);
    pool.up('r1');
    expect(freeBytes(pool.state)).toBe(1020);
    expect(pool.arrive('q1', 'a')).toEqual(['claim r1 a', 'load r1 4']);
  });
});

describe('what drains', () => {
  it('holds what was on its way in or out until its process has gone', () => {
    const pool = poolWith(9000, {}, { maxRunners: 1, swapAfterMs: 0 });
    bring(pool, 'r1', 'a');
    bring(pool, 'r1', 'a+x');
    pool.arrive('busy', 'a');
    pool.evict('o1', 'a+x');
    pool.arrive('q1', 'b');
    pool.nowMs = 1;
    pool.arrive('q2', 'a+y');
    expect(freeBytes(pool.state)).toBe(9000 - 1060);
    pool.tick(1);
    expect(pool.stateOf('r1')).toBe('draining');
    expect(freeBytes(pool.state)).toBe(9000 - 1060);
    pool.end('busy');
    expect(freeBytes(pool.state)).toBe(9000 - 1060);
  });
});

it('counts what an idle base is giving back already only once when it goes for another', () => {
  const pool = poolWith(2060);
  bring(pool, 'r1', 'a');
  bring(pool, 'r1', 'a+x');
  pool.nowMs = 1;
  bring(pool, 'r2', 'b');
  pool.evict('o1', 'a');
  // 1020 are wanted: 1000 of weights and 20 of the other combo come with the base, 20 were coming before.
  expect(pool.arrive('q1', 'c')).toEqual(['stop r1 evicted 10000']);
  expect(pool.exited('r1')).toEqual(['spawn r3 c']);
});
