import { describe, expect, it } from 'vitest';
import { segmentKey } from '../../gateway/domain/ids.ts';
import { catalogueOf, model } from './builders.ts';
import { PoolDriver } from './driver.ts';
import { bring, CUDA0, CUDA1, poolWith } from './onDevices.ts';

/** A forecast of these, with their chances. */
function expects(pool: PoolDriver, likely: Readonly<Record<string, number>>, budgetBytes = 1e9): string[] {
  const list = Object.entries(likely).map(([name, chance]) => ({ combo: pool.combo(name), chance }));
  return pool.tell({ type: 'demandExpected', likely: list, budgetBytes, horizonMs: 5000 });
}

describe('what is warmed ahead on devices', () => {
  it('goes to the one with the most that is free, until none has room, to the byte', () => {
    const likely = { a: 0.7, b: 0.9, c: 0.8 };
    expect(expects(poolWith({ CUDA0: 1500, CUDA1: 1600 }), likely)).toEqual([
      'spawn r1 b on CUDA1',
      'spawn r2 c on CUDA0',
    ]);
    expect(expects(poolWith({ CUDA0: 1020 }), likely)).toEqual(['spawn r1 b on CUDA0']);
    expect(expects(poolWith({ CUDA0: 1019 }), likely)).toEqual([]);
  });

  it('has all of one base on the device where the first of them begins', () => {
    const pool = poolWith({ CUDA0: 1050, CUDA1: 1045 });
    expect(expects(pool, { a: 1, 'a+x': 0.9, 'a+y': 0.8 })).toEqual(['spawn r1 a on CUDA0']);
    expect([...pool.state.warmedAhead.values()].map(({ bytes }) => bytes)).toEqual([1020, 20]);
  });

  it('is attached to the runner of its base where that is, if there is room', () => {
    const attached = (onSecond: number): string[] => {
      const pool = poolWith({ CUDA0: 9000, CUDA1: onSecond }, { a: { device: CUDA1 } });
      bring(pool, 'r1', 'a');
      return expects(pool, { 'a+x': 1 });
    };
    expect(attached(1040)).toEqual(['attach r1 a+x']);
    expect(attached(1039)).toEqual([]);
  });

  it('wakes the base that sleeps, whose device then has less for the others', () => {
    const changes = { a: { device: CUDA0, sleeps: true }, b: { device: CUDA0 } };
    const pool = poolWith({ CUDA0: 1500, CUDA1: 9000 }, changes);
    bring(pool, 'r1', 'a');
    pool.sleep('s1', 'r1');
    expect(expects(pool, { a: 1 })).toEqual([]);
    expect(pool.state.warmedAhead.size).toBe(0);
    pool.asleep('r1');
    const anywhere = [...pool.state.catalogue.models.values()].map((one) =>
      one.id === 'a' ? { ...one, device: null } : one,
    );
    pool.change(catalogueOf(anywhere));
    expect(expects(pool, { a: 1, b: 0.5 })).toEqual(['wake r1 4']);
    expect(pool.state.warmedAhead.size).toBe(1);
  });
});

describe('what is warmed ahead', () => {
  const three = (maxRunners: number): PoolDriver =>
    new PoolDriver({ maxRunners }, catalogueOf(['a', 'b', 'c'].map((id) => model(id))));

  it('takes no more places of runners than are free', () => {
    expect(expects(three(2), { a: 0.9, b: 0.8, c: 0.7 })).toEqual(['spawn r1 a', 'spawn r2 b']);
    const pool = three(2);
    pool.arrive('busy', 'c');
    expect(expects(pool, { a: 0.9, b: 0.8 })).toEqual(['spawn r2 a']);
    expect(pool.state.warmedAhead.size).toBe(1);
  });

  it('takes no more than the budget of one forecast in all', () => {
    expect(expects(three(3), { a: 0.9, b: 0.8 }, 2039)).toEqual(['spawn r1 a']);
    expect(expects(three(3), { a: 0.9, b: 0.8 }, 2040)).toEqual(['spawn r1 a', 'spawn r2 b']);
  });

  it('is nothing that is in quarantine', () => {
    const pool = three(3);
    for (const runner of ['r1', 'r2', 'r3']) {
      pool.arrive(`q ${runner}`, 'a');
      pool.up(runner);
      pool.failed(runner);
      pool.exited(runner);
    }
    expect(expects(pool, { a: 0.9 })).toEqual([]);
    expect(pool.state.warmedAhead.size).toBe(0);
  });

  it('is nothing behind a URI, unless there is a weight store to bring it here', () => {
    const path = 'https://weights.example/a.gguf';
    const remote = catalogueOf([model('a', { path, segment: segmentKey('sa') })]);
    expect(expects(new PoolDriver({}, remote), { a: 1 })).toEqual([]);
    const stored = new PoolDriver({ store: { bases: 5000, adapters: 0 } }, remote);
    expect(expects(stored, { a: 1 })).toEqual(['stage a demand', 'spawn r1 a']);
  });
});
