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
});
