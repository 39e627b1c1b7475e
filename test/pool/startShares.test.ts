import { describe, expect, it } from 'vitest';
import { adapter, catalogueOf, model } from './builders.ts';
import { PoolDriver } from './driver.ts';

/** `id: index of n, named by`, or `id: none`. */
function sharesOf(grants: PoolDriver['grants']): string[] {
  return grants.map(({ requestId, share }) => {
    const told =
      share === null ? 'none' : `${share.index} of ${share.of}, named ${share.startId.split('.')[0]}`;
    return `${requestId}: ${told}`;
  });
}

const ADAPTED = catalogueOf([model('a')], [adapter('x', 'a'), adapter('y', 'a')]);

describe('a start is shared', () => {
  it('by who began it and all who joined, until it is ready', () => {
    const pool = new PoolDriver({ maxRunners: 1 });
    for (const id of ['q1', 'q2', 'q3']) pool.arrive(id, 'a');
    pool.gone('q2');
    pool.up('r1');
    pool.loaded('r1');
    pool.ready('r1', 'a');
    expect(sharesOf(pool.grants)).toEqual(['q1: 0 of 2, named q1', 'q3: 1 of 2, named q1']);
  });

  it('by nobody who comes when it is over', () => {
    const pool = new PoolDriver({ maxRunners: 1 });
    pool.bring('r1', 'a');
    pool.arrive('q9', 'a');
    expect(sharesOf(pool.grants)).toContain('q9: none');
  });

  it('by those who joined, the oldest first, when who began it has left', () => {
    const pool = new PoolDriver({ maxRunners: 1 });
    for (const id of ['q1', 'q2', 'q3']) pool.arrive(id, 'a');
    pool.gone('q1');
    pool.up('r1');
    pool.loaded('r1');
    pool.ready('r1', 'a');
    expect(sharesOf(pool.grants)).toEqual(['q2: 0 of 2, named q2', 'q3: 1 of 2, named q2']);
  });

  it('by all combos that waited for its base, once; what is attached later is a start of its own', () => {
    const pool = new PoolDriver({ maxRunners: 1 }, ADAPTED);
    pool.arrive('q1', 'a');
    pool.arrive('q2', 'a+x');
    pool.up('r1');
    pool.loaded('r1');
    pool.ready('r1', 'a');
    pool.ready('r1', 'a+x');
    pool.arrive('q3', 'a+y');
    pool.ready('r1', 'a+y');
    expect(sharesOf(pool.grants)).toEqual([
      'q1: 0 of 2, named q1',
      'q2: 1 of 2, named q1',
      'q3: 0 of 1, named q3',
    ]);
  });

  it('in the order of arrival, whatever combo each waited for', () => {
    const pool = new PoolDriver({ maxRunners: 1 }, ADAPTED);
    for (const [id, combo] of [
      ['q1', 'a+y'],
      ['q2', 'a'],
      ['q3', 'a+x'],
      ['q4', 'a+y'],
      ['q5', 'a'],
    ] as const) {
      pool.nowMs += 10;
      pool.arrive(id, combo);
    }
    pool.up('r1');
    pool.loaded('r1');
    for (const combo of ['a', 'a+x', 'a+y']) pool.ready('r1', combo);
    expect(sharesOf(pool.grants).toSorted()).toEqual([
      'q1: 0 of 5, named q1',
      'q2: 1 of 5, named q1',
      'q3: 2 of 5, named q1',
      'q4: 3 of 5, named q1',
      'q5: 4 of 5, named q1',
    ]);
  });

  it('by requests alone: an order that waits for it has no share', () => {
    const pool = new PoolDriver({ maxRunners: 1 }, ADAPTED);
    pool.warm('o1', 'a');
    pool.arrive('q1', 'a');
    pool.up('r1');
    pool.loaded('r1');
    pool.ready('r1', 'a');
    expect(sharesOf(pool.grants)).toEqual(['q1: 0 of 1, named q1']);
    pool.warm('o2', 'a+x');
    pool.ready('r1', 'a+x');
    pool.arrive('q2', 'a+x');
    expect(sharesOf(pool.grants)).toContain('q2: none');
  });

  it('once for each start of one request: the second has another name', () => {
    const pool = new PoolDriver({ maxRunners: 1 });
    pool.arrive('q1', 'a');
    pool.killed('r1');
    pool.up('r2');
    pool.loaded('r2');
    pool.ready('r2', 'a');
    pool.end('q1');
    pool.killed('r2');
    pool.arrive('q2', 'a');
    pool.up('r3');
    pool.loaded('r3');
    pool.ready('r3', 'a');
    const names = pool.grants.map(({ share }) => share?.startId);
    expect(names).toHaveLength(2);
    expect(new Set(names).size).toBe(2);
    expect(sharesOf(pool.grants)).toEqual(['q1: 0 of 1, named q1', 'q2: 0 of 1, named q2']);
  });

  it('on each runner by those who wait for that one', () => {
    const models = [model('a'), model('b')];
    const pool = new PoolDriver({ maxRunners: 2 }, catalogueOf(models, [adapter('x', 'a')]));
    pool.arrive('q1', 'a');
    pool.arrive('q2', 'b');
    pool.arrive('q3', 'a+x');
    for (const runner of ['r1', 'r2']) {
      pool.up(runner);
      pool.loaded(runner);
    }
    pool.ready('r2', 'b');
    pool.ready('r1', 'a');
    pool.ready('r1', 'a+x');
    expect(sharesOf(pool.grants)).toEqual([
      'q2: 0 of 1, named q2',
      'q1: 0 of 2, named q1',
      'q3: 1 of 2, named q1',
    ]);
  });
});
