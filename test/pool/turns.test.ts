import { describe, expect, it } from 'vitest';
import type { CatalogueModel } from '../../gateway/domain/catalogue.ts';
import { adapter, catalogueOf, model } from './builders.ts';
import { PoolDriver } from './driver.ts';

/** What is measured is what was predicted: 7 bytes for a base, 3 for a combo. */
function poolWith(
  settings: ConstructorParameters<typeof PoolDriver>[0],
  changes: Partial<CatalogueModel> = {},
): PoolDriver {
  const models = ['a', 'b', 'c'].map((id) => model(id, { weightBytes: 7, computeBytes: 3, ...changes }));
  const adapters = [adapter('x', 'a'), adapter('y', 'a')];
  return new PoolDriver({ swapAfterMs: 100, maxRunners: 9, ...settings }, catalogueOf(models, adapters));
}

const slotOf = (pool: PoolDriver, runner: string, name: string): string | undefined =>
  pool.state.runners.get(pool.runnerId(runner))?.combos.get(pool.combo(name).key)?.state;

/** `a` and `b` are busy on r1 and r2. */
function busy(
  settings: ConstructorParameters<typeof PoolDriver>[0],
  changes: Partial<CatalogueModel> = {},
): PoolDriver {
  const pool = poolWith(settings, changes);
  pool.bring('r1', 'a');
  pool.bring('r2', 'b');
  pool.arrive('busy a', 'a');
  pool.nowMs = 1;
  pool.arrive('busy b', 'b');
  pool.nowMs = 5000;
  return pool;
}

const states = (pool: PoolDriver): (string | undefined)[] => ['r1', 'r2'].map((id) => pool.stateOf(id));

describe('who waits for a busy runner’s room', () => {
  it('gets its turn after its own wait, of the one used longest ago', () => {
    const pool = busy({ maxRunners: 2 });
    pool.arrive('q1', 'c');
    pool.tick(99);
    expect(states(pool)).toEqual(['ready', 'ready']);
    pool.tick(1);
    expect(states(pool)).toEqual(['draining', 'ready']);
    pool.tick(100);
    expect(states(pool)).toEqual(['draining', 'ready']);
  });

  it('gets it of another one when that was used more lately', () => {
    const pool = busy({ maxRunners: 2 });
    pool.arrive('again', 'a');
    pool.arrive('q1', 'c');
    pool.tick(100);
    expect(states(pool)).toEqual(['ready', 'draining']);
  });

  it('gets none while room is on its way from one that stops', () => {
    const pool = busy({ maxRunners: 2 });
    pool.end('busy b');
    expect(pool.arrive('q1', 'c')).toEqual(['stop r2 evicted 10000']);
    pool.tick(100);
    expect(states(pool)).toEqual(['ready', 'stopping']);
  });

  it('gets none of what is pinned', () => {
    const pool = busy({ maxRunners: 2 });
    pool.pin('p1', 'a');
    pool.arrive('q1', 'c');
    pool.tick(100);
    expect(states(pool)).toEqual(['ready', 'draining']);
  });

  it('gets none before what is there has been there for the least time', () => {
    const pool = busy({ maxRunners: 2, minResidencyMs: 5200 });
    pool.arrive('q1', 'c');
    pool.tick(199);
    expect(states(pool)).toEqual(['ready', 'ready']);
    pool.tick(1);
    expect(states(pool)).toEqual(['draining', 'ready']);
  });
});

describe('who waits for memory that busy ones have', () => {
  it('gets its turn after its own wait, and no more drains than is missing', () => {
    const pool = busy({ memoryBytes: 20 });
    pool.arrive('q1', 'c');
    pool.tick(99);
    expect(states(pool)).toEqual(['ready', 'ready']);
    pool.tick(1);
    expect(states(pool)).toEqual(['draining', 'ready']);
    pool.tick(100);
    expect(states(pool)).toEqual(['draining', 'ready']);
    expect(pool.end('busy a')).toEqual(['stop r1 replaced 10000', 'threads r2 4']);
    pool.tick(100);
    expect(states(pool)).toEqual(['stopping', 'ready']);
    expect(pool.exited('r1')).toEqual(['spawn r3 c']);
  });

  it('gets another runner’s, and that of its own only when there is none', () => {
    const pool = busy({ memoryBytes: 20 });
    pool.arrive('q1', 'a+x');
    pool.tick(100);
    expect(states(pool)).toEqual(['ready', 'draining']);
    expect(slotOf(pool, 'r1', 'a')).toBe('ready');
    pool.tick(100);
    expect(slotOf(pool, 'r1', 'a')).toBe('ready');
    const kept = busy({ memoryBytes: 23 });
    kept.pin('p1', 'b');
    kept.bring('r1', 'a+y');
    kept.arrive('busy y', 'a+y');
    kept.arrive('q1', 'a+x');
    kept.tick(100);
    expect(states(kept)).toEqual(['ready', 'ready']);
    expect([slotOf(kept, 'r1', 'a'), slotOf(kept, 'r1', 'a+y')]).toEqual(['draining', 'ready']);
    kept.tick(100);
    expect([slotOf(kept, 'r1', 'a'), slotOf(kept, 'r1', 'a+y')]).toEqual(['draining', 'ready']);
  });
});

describe('who waits for a place on a full runner', () => {
  /** `a` and `a+x` are busy on r1, which has no place more. */
  function full(settings: ConstructorParameters<typeof PoolDriver>[0] = {}): PoolDriver {
    const pool = poolWith({ maxRunners: 1, maxCombosPerRunner: 2, ...settings });
    pool.bring('r1', 'a');
    pool.bring('r1', 'a+x');
    pool.arrive('busy a', 'a');
    pool.nowMs = 1;
    pool.arrive('busy x', 'a+x');
    pool.nowMs = 5000;
    return pool;
  }
  const slots = (pool: PoolDriver) => [slotOf(pool, 'r1', 'a'), slotOf(pool, 'r1', 'a+x')];

  it('gets that of the combo used longest ago, and no more', () => {
    const pool = full();
    pool.arrive('q1', 'a+y');
    pool.tick(99);
    expect(slots(pool)).toEqual(['ready', 'ready']);
    pool.tick(1);
    expect(slots(pool)).toEqual(['draining', 'ready']);
    pool.tick(100);
    expect(slots(pool)).toEqual(['draining', 'ready']);
    expect(pool.end('busy a')).toEqual(['detach r1 a']);
    pool.tick(100);
    expect(slots(pool)).toEqual(['detaching', 'ready']);
    expect(pool.detached('r1', 'a')).toEqual(['attach r1 a+y']);
  });

  it('gets that of another combo when that was used more lately', () => {
    const pool = full();
    pool.arrive('again', 'a');
    pool.arrive('q1', 'a+y');
    pool.tick(100);
    expect(slots(pool)).toEqual(['ready', 'draining']);
  });

  it('gets none of what is pinned', () => {
    const pool = full();
    pool.pin('p1', 'a');
    pool.arrive('q1', 'a+y');
    pool.tick(100);
    expect(slots(pool)).toEqual(['ready', 'draining']);
  });

  it('gets none of a combo for which somebody stands before it', () => {
    const pool = full();
    for (const id of ['q1', 'q2']) pool.arrive(id, 'a');
    pool.nowMs = 5001;
    pool.arrive('q3', 'a+y');
    pool.tick(100);
    expect(slots(pool)).toEqual(['ready', 'draining']);
  });

  it('gets none before what is there has been there for the least time', () => {
    const pool = full({ minResidencyMs: 6000 });
    pool.arrive('q1', 'a+y');
    pool.tick(999);
    expect(slots(pool)).toEqual(['ready', 'ready']);
    pool.tick(1);
    expect(slots(pool)).toEqual(['draining', 'ready']);
  });

  it('gets one of one of them when its base has several', () => {
    const pool = poolWith({ maxCombosPerRunner: 1 }, { maxRunners: 2, sequences: 2 });
    for (const id of ['r8', 'r9']) pool.adopt(id, 'a', [pool.combo('a').key]);
    for (const id of ['q1', 'q2', 'q3', 'q4']) pool.arrive(id, 'a');
    pool.arrive('q5', 'a+x');
    pool.tick(100);
    expect([slotOf(pool, 'r8', 'a'), slotOf(pool, 'r9', 'a')]).toEqual(['draining', 'ready']);
  });
});
