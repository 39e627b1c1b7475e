import { describe, expect, it } from 'vitest';
import { adapter, catalogueOf, model } from './builders.ts';
import { PoolDriver } from './driver.ts';

/** A base takes 1,000 and a combo 20 bytes until they are measured; then 7 and 3. */

/** A pin that has its combo ready on r1. */
function pinned(settings: ConstructorParameters<typeof PoolDriver>[0]): PoolDriver {
  const pool = new PoolDriver(settings);
  pool.pin('p1', 'a');
  pool.up('r1');
  pool.loaded('r1');
  pool.ready('r1', 'a');
  return pool;
}

describe('pins together', () => {
  it('have to fit into the memory', () => {
    const pool = new PoolDriver({ memoryBytes: 2040, maxRunners: 9 });
    expect(pool.pin('p1', 'a')).toContain('answer p1 pinned');
    expect(pool.pin('p2', 'b')).toContain('answer p2 pinned');
    expect(pool.pin('p3', 'c')).toEqual(['answer p3 conflict']);
    expect(pool.pin('p4', 'a+x')).toEqual(['answer p4 conflict']);
  });

  it('share the runners of a base, which counts once', () => {
    const pool = new PoolDriver({ memoryBytes: 1060, maxRunners: 1, maxCombosPerRunner: 3 });
    for (const [order, name] of [
      ['p1', 'a'],
      ['p2', 'a+x'],
      ['p3', 'a+y'],
    ] as const)
      expect(pool.pin(order, name)).toContain(`answer ${order} pinned`);
    expect(pool.pin('p4', 'a+x@0.5')).toEqual(['answer p4 conflict']);
  });

  it('may not need more runners than there may be, by their count or by their number', () => {
    const pool = new PoolDriver({ maxRunners: 2, maxCombosPerRunner: 1 });
    expect(pool.pin('p1', 'a', { count: 3 })).toEqual(['answer p1 conflict']);
    expect(pool.pin('p2', 'a', { count: 2 })).toContain('answer p2 pinned');
    expect(pool.pin('p3', 'a+x')).toEqual(['answer p3 conflict']);
    const [answer] = pool.answers(() => pool.pin('p4', 'b'));
    expect(answer).toMatchObject({
      error: {
        message: 'Cannot pin "b" on 1 runner: with the other pins that makes 3 runners, expected at most 2',
      },
    });
  });

  it('are refused with what it takes, what there is, and who holds what', () => {
    const pool = pinned({ memoryBytes: 2000, maxRunners: 9 });
    const [answer] = pool.answers(() => pool.pin('p2', 'b', { count: 2 }));
    expect(answer).toEqual({
      ok: false,
      error: {
        code: 'conflict',
        message:
          'Cannot pin "b" on 2 runners: it needs 2040 bytes of memory, expected at most 1990 beside the other pins',
        capacity: {
          neededBytes: 2040,
          budget: 'memory',
          budgetBytes: 2000,
          inUse: [{ runner: 'r_t_1', base: 'a', bytes: 10 }],
          pinned: [{ combo: 'a', count: 1, bytes: 10 }],
        },
      },
    });
  });

  it('count what a combo adds beside another of its base', () => {
    const pool = new PoolDriver({ memoryBytes: 1e12, maxRunners: 9 });
    pool.pin('p1', 'a');
    pool.pin('p2', 'a+x');
    pool.pin('p3', 'b', { count: 2 });
    const [answer] = pool.answers(() => pool.pin('p4', 'c', { count: 1e15 }));
    expect(answer).toMatchObject({
      error: {
        capacity: {
          pinned: [
            { combo: 'a', count: 1, bytes: 1020 },
            { combo: 'a+x', count: 1, bytes: 20 },
            { combo: 'b', count: 2, bytes: 2040 },
          ],
        },
      },
    });
  });

  it('past a KV budget share contexts', () => {
    const catalogue = catalogueOf(
      [model('a', { kvBudgetBytes: 30 })],
      [adapter('x', 'a'), adapter('y', 'a')],
    );
    const pool = new PoolDriver({ memoryBytes: 1030 }, catalogue);
    for (const [order, name] of [
      ['p1', 'a'],
      ['p2', 'a+x'],
      ['p3', 'a+y'],
    ] as const)
      expect(pool.pin(order, name)).toContain(`answer ${order} pinned`);
  });

  it('of staged files take their bytes, unless their base is pinned ready', () => {
    const pool = new PoolDriver({ memoryBytes: 2050 });
    expect(pool.pin('p1', 'a+x', { level: 'staged' })).toContain('answer p1 pinned');
    expect(pool.pin('p2', 'b', { level: 'staged' })).toContain('answer p2 pinned');
    expect(pool.pin('p3', 'c', { level: 'staged' })).toEqual(['answer p3 conflict']);
    expect(pool.pin('p4', 'a')).toContain('answer p4 pinned');
    expect(pool.pin('p5', 'c')).toEqual(['answer p5 conflict']);
  });

  it('of staged files are for no more runners than there may be, and take none of them', () => {
    const pool = new PoolDriver({ memoryBytes: 1e12, maxRunners: 2 });
    expect(pool.pin('p1', 'a', { count: 2 })).toContain('answer p1 pinned');
    expect(pool.pin('p2', 'b', { level: 'staged', count: 2 })).toContain('answer p2 pinned');
    const [answer] = pool.answers(() => pool.pin('p3', 'b', { level: 'staged', count: 3 }));
    expect(answer).toMatchObject({
      error: {
        code: 'conflict',
        message: 'Cannot pin "b" on 3 runners: it is to be staged for 3 runners, expected at most 2',
      },
    });
  });

  it('leave who can have no room beside them without waiting, with the arithmetic', () => {
    const pool = pinned({ memoryBytes: 1500, maxRunners: 9 });
    const [failure] = pool.rejections(() => pool.arrive('q1', 'b+z', undefined));
    expect(failure).toBeUndefined();
    pool.evict('e', 'b+z');
    const full = new PoolDriver({ memoryBytes: 1500, maxRunners: 9 });
    full.pin('p1', 'a');
    expect(full.rejections(() => full.arrive('q1', 'b'))).toMatchObject([
      {
        code: 'no_capacity',
        message: 'Cannot start "b": it needs 1020 bytes of memory and a runner, which the pins do not leave',
        capacity: {
          neededBytes: 1020,
          budgetBytes: 1500,
          inUse: [{ runner: 'r_t_1', base: 'a', bytes: 1020 }],
          pinned: [{ combo: 'a', count: 1, bytes: 1020 }],
        },
      },
    ]);
    expect(full.arrive('q2', 'a+x')).toEqual([]);
  });

  it('answer those who wait when a new one leaves them no room', () => {
    const pool = new PoolDriver({ maxRunners: 1 });
    pool.bring('r1', 'a');
    pool.arrive('q1', 'a');
    pool.arrive('q2', 'b');
    expect(pool.pin('p1', 'a')).toEqual(['answer p1 pinned', 'reject q2 no_capacity']);
  });

  it('of a base that fills its runners have others of it start one more', () => {
    const pool = new PoolDriver({ maxRunners: 2, maxCombosPerRunner: 1 });
    pool.bring('r1', 'a');
    pool.pin('p1', 'a');
    expect(pool.arrive('q1', 'a+x')).toEqual(['spawn r2 a']);
  });

  it('on more runners than they need are moved together while somebody waits', () => {
    const pool = new PoolDriver({ maxRunners: 2, swapAfterMs: 1000 });
    pool.pin('p1', 'a', { count: 2 });
    for (const runner of ['r1', 'r2']) {
      pool.up(runner);
      pool.loaded(runner);
      pool.ready(runner, 'a');
    }
    pool.pin('p2', 'a+x', { count: 2 });
    for (const runner of ['r1', 'r2']) pool.ready(runner, 'a+x');
    pool.evict('e', 'a+x');
    pool.pin('p3', 'a', { count: 1 });
    pool.pin('p4', 'a+x', { count: 1 });
    expect(pool.arrive('q1', 'b')).toEqual(['stop r2 evicted 10000']);
  });
});
