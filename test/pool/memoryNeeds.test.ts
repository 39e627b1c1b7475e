import { describe, expect, it } from 'vitest';
import type { CatalogueModel } from '../../gateway/domain/catalogue.ts';
import type { Combo } from '../../gateway/domain/combo.ts';
import { runnerId } from '../../gateway/domain/ids.ts';
import { budgetOf } from '../../gateway/pool/capacity.ts';
import { comboNeed, gainBytes, weightNeed } from '../../gateway/pool/memory.ts';
import type { Runner } from '../../gateway/pool/state.ts';
import { adapter, catalogueOf, model } from './builders.ts';
import { PoolDriver } from './driver.ts';
import { bring, CUDA0, poolWith as devicesWith } from './onDevices.ts';

function poolWith(changes: Partial<CatalogueModel> = {}, settings = {}): PoolDriver {
  const adapters = [adapter('x', 'a'), adapter('y', 'a')];
  return new PoolDriver(settings, catalogueOf([model('a', changes), model('b')], adapters));
}

function runnerOf(pool: PoolDriver, name = 'r1'): Runner {
  const runner = pool.state.runners.get(pool.runnerId(name));
  if (!runner) throw new Error(`there is no ${name}`);
  return runner;
}

/** Measured by the driver: 7 bytes of weights, 2 of KV cache and 1 of buffers. */
const need = (pool: PoolDriver, name: string): number =>
  comboNeed(pool.state, pool.combo(name), null, runnerOf(pool)).host;

const contextNeed = (pool: PoolDriver, combo: Combo): number => comboNeed(pool.state, combo, null).host;
const baseNeed = (pool: PoolDriver, base: CatalogueModel): number => weightNeed(pool.state, base, null).host;

describe('comboNeed() where a base has a KV budget', () => {
  it('is a context while the budget holds it, to the byte, and nothing past that', () => {
    for (const [kvBudgetBytes, bytes] of [
      [6, 3],
      [5, 0],
    ] as const) {
      const pool = poolWith({ kvBudgetBytes });
      pool.bring('r1', 'a');
      expect(need(pool, 'a+x')).toBe(bytes);
    }
  });

  it('counts what of the contexts is on the host and on the device alike', () => {
    for (const [kvBudgetBytes, need] of [
      [40, { host: 10, device: 10 }],
      [39, { host: 0, device: 0 }],
    ] as const) {
      const pool = devicesWith({ CUDA0: 9000 }, { a: { kvBudgetBytes, deviceLayers: 1, layers: 2 } });
      bring(pool, 'r1', 'a');
      expect(comboNeed(pool.state, pool.combo('a+x'), CUDA0, runnerOf(pool))).toEqual(need);
    }
  });

  it('is a context for the first combo, however small the budget is', () => {
    const pool = poolWith({ kvBudgetBytes: 1 });
    pool.bring('r1', 'a');
    pool.evict('o1', 'a');
    pool.detached('r1', 'a');
    expect(need(pool, 'a')).toBe(3);
    expect(contextNeed(pool, pool.combo('a'))).toBe(3);
  });
});

describe('what was measured', () => {
  it('of contexts holds while the base is loaded anew, and counts for its revision alone', () => {
    const pool = poolWith();
    const combo = pool.combo('a');
    expect([baseNeed(pool, combo.model), contextNeed(pool, combo)]).toEqual([1000, 20]);
    pool.bring('r1', 'a');
    pool.exited('r1');
    pool.arrive('q1', 'a');
    pool.up('r2');
    pool.loaded('r2');
    expect(contextNeed(pool, pool.combo('a'))).toBe(3);
    const next = { ...pool.combo('a').model, revision: 'r2', weightBytes: 500 };
    expect(baseNeed(pool, next)).toBe(500);
    expect(contextNeed(pool, { ...pool.combo('a'), model: next })).toBe(20);
  });

  it('of a combo without KV cache says nothing of what a context takes', () => {
    const pool = poolWith();
    pool.arrive('q1', 'a');
    pool.up('r1');
    pool.loaded('r1');
    const { key } = pool.combo('a');
    pool.tell({
      type: 'comboReady',
      runnerId: runnerId('r_t_1'),
      comboKey: key,
      kvBytes: 0,
      computeBytes: 1,
    });
    expect(contextNeed(pool, pool.combo('a+x'))).toBe(20);
  });
});

describe('what a runner gives back when it goes', () => {
  it('is all but what it is giving back already', () => {
    const pool = poolWith();
    pool.bring('r1', 'a');
    pool.bring('r1', 'a+x');
    expect(gainBytes(pool.state, runnerOf(pool))).toEqual({ host: 13, device: 0 });
    pool.evict('o1', 'a');
    expect(gainBytes(pool.state, runnerOf(pool))).toEqual({ host: 10, device: 0 });
  });
});

describe('budgetOf()', () => {
  it('tells who has how much, and leaves out who has nothing', () => {
    const pool = poolWith({}, { standbys: 1, memoryBytes: 5000 });
    pool.tick(0);
    pool.up('r1');
    expect(budgetOf(pool.state, null)).toMatchObject({ budget: 'memory', budgetBytes: 5000, inUse: [] });
    pool.arrive('q1', 'a');
    expect(budgetOf(pool.state, null).inUse).toMatchObject([{ runner: 'r_t_1', base: 'a', bytes: 1020 }]);
  });
});
