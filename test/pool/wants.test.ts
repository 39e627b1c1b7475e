import { describe, expect, it } from 'vitest';
import type { ComboKey } from '../../gateway/domain/ids.ts';
import type { ReplicaWant, WaitQueue } from '../../gateway/pool/state.ts';
import { countIn, countOf, countOut, noTenants } from '../../gateway/pool/tenants.ts';
import { runnersOfBase, usableRunners } from '../../gateway/pool/usable.ts';
import {
  allWants,
  firstWant,
  headMs,
  isUnplaced,
  markPlaced,
  placeOf,
  standAnew,
  wantedMs,
  wantPlace,
} from '../../gateway/pool/wants.ts';
import { PoolDriver } from './driver.ts';

const ROOMLESS = { maxRunners: 1, swapAfterMs: 1e9 };

/** A pool whose one runner serves c, and in which those wait for room that are named. */
function waitingFor(...names: readonly string[]): PoolDriver {
  const pool = new PoolDriver(ROOMLESS);
  pool.arrive('busy', 'c');
  for (const name of names) {
    pool.nowMs += 10;
    pool.arrive(`for ${name}`, name);
  }
  return pool;
}

function queueOf(pool: PoolDriver, name: string): WaitQueue {
  const queue = pool.state.queues.get(pool.combo(name).key);
  if (!queue) throw new Error(`Cannot find a queue for "${name}"`);
  return queue;
}

function replicaOf(pool: PoolDriver, name: string, sinceMs: number): ReplicaWant {
  return { type: 'replica', combo: pool.combo(name), sinceMs };
}

const names = (pool: PoolDriver): string[] => allWants(pool.state).map(({ combo }) => combo.name);

describe('wantPlace()', () => {
  it('puts bases in line by their first, and the wants of each by theirs', () => {
    const pool = waitingFor('a+x', 'b', 'a');
    expect(names(pool)).toEqual(['a+x', 'a', 'b']);
    expect(pool.state.unplaced.line.placesMs).toEqual([10, 20]);
  });

  it('moves a base forward when one comes that stands before its first', () => {
    const pool = waitingFor('a', 'b');
    wantPlace(pool.state, replicaOf(pool, 'b+z', 5));
    expect(names(pool)).toEqual(['b', 'b+z', 'a']);
    expect(pool.state.unplaced.line.placesMs).toEqual([5, 10]);
  });

  it('puts nothing in line twice', () => {
    const pool = waitingFor('a');
    wantPlace(pool.state, queueOf(pool, 'a'));
    expect(names(pool)).toEqual(['a']);
  });
});

describe('markPlaced()', () => {
  it('moves the base back to the next of its wants, and out of line after the last', () => {
    const pool = waitingFor('a', 'b', 'a+x');
    const [first, second] = [queueOf(pool, 'a'), queueOf(pool, 'a+x')];
    markPlaced(pool.state, first);
    expect(names(pool)).toEqual(['b', 'a+x']);
    expect(isUnplaced(pool.state, first)).toBe(false);
    expect(isUnplaced(pool.state, second)).toBe(true);
    markPlaced(pool.state, second);
    expect(names(pool)).toEqual(['b']);
    expect([...pool.state.unplaced.bases.keys()]).toEqual(['b#r1']);
  });

  it('is nothing to one that does not stand in line', () => {
    const pool = waitingFor('a');
    markPlaced(pool.state, replicaOf(pool, 'a', 10));
    markPlaced(pool.state, replicaOf(pool, 'b', 10));
    expect(names(pool)).toEqual(['a']);
  });
});

describe('standAnew()', () => {
  it('puts a queue where its next waiter stands when its first has left', () => {
    const pool = waitingFor('a', 'b');
    pool.nowMs += 10;
    pool.arrive('second for a', 'a');
    pool.gone('for a');
    expect(names(pool)).toEqual(['b', 'a']);
    expect(pool.state.unplaced.line.placesMs).toEqual([20, 30]);
  });

  it('moves nothing that stands nowhere', () => {
    const pool = waitingFor('a');
    const queue = queueOf(pool, 'a');
    markPlaced(pool.state, queue);
    standAnew(pool.state, queue);
    expect(names(pool)).toEqual([]);
  });
});

describe('firstWant()', () => {
  it('is the earlier of the first queue and the first replica, the queue of equal ones', () => {
    const pool = waitingFor('a', 'b');
    const base = pool.state.unplaced.line.items[0];
    if (!base) throw new Error('Cannot find the base that waits');
    wantPlace(pool.state, replicaOf(pool, 'a+x', 10));
    expect(firstWant(base)?.type).toBe('queue');
    expect(placeOf(base)).toBe(10);
    wantPlace(pool.state, replicaOf(pool, 'a+y', 9));
    expect(firstWant(base)?.type).toBe('replica');
    expect(placeOf(base)).toBe(9);
  });
});

describe('headMs() and wantedMs()', () => {
  it('are since when a replica is wanted, and the place and the arrival of the first of a queue', () => {
    const pool = waitingFor('a');
    const replica = replicaOf(pool, 'b', 7);
    expect([headMs(replica), wantedMs(replica)]).toEqual([7, 7]);
    expect([headMs(queueOf(pool, 'a')), wantedMs(queueOf(pool, 'a'))]).toEqual([10, 10]);
  });

  it('are later than all of nobody', () => {
    const pool = waitingFor('a');
    const empty: WaitQueue = { ...queueOf(pool, 'a'), waiters: [] };
    expect([headMs(undefined), headMs(empty), wantedMs(empty)]).toEqual([
      Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY,
    ]);
  });
});

describe('runnersOfBase()', () => {
  it('finds usable runners of the very revision alone, and none any more when one has gone', () => {
    const pool = new PoolDriver({ maxRunners: 2 });
    pool.arrive('q1', 'a');
    const { model } = pool.combo('a');
    expect(runnersOfBase(pool.state, model).map(({ state }) => state)).toEqual(['starting']);
    expect(runnersOfBase(pool.state, { ...model, revision: 'r2' })).toEqual([]);
    expect([...usableRunners(pool.state).keys()]).toEqual(['a#r1']);
    pool.exited('r1');
    expect(usableRunners(pool.state).size).toBe(0);
  });
});

describe('a queue', () => {
  it('counts those of each tenant and tier, and forgets who has none left', () => {
    const { waiters, tenants } = queueOf(waitingFor('a'), 'a');
    const [waiter] = waiters;
    if (!waiter) throw new Error('Cannot find who waits');
    const counted = noTenants();
    for (const tier of ['interactive', 'interactive', 'flex'] as const) countIn(counted, { ...waiter, tier });
    expect([counted.interactive.get(waiter.account), counted.flex.get(waiter.account)]).toEqual([2, 1]);
    expect(countOf(counted, waiter.account)).toBe(3);
    expect(countOf(counted, null)).toBe(0);
    countOut(counted, { ...waiter, tier: 'flex' });
    countOut(counted, waiter);
    expect([counted.interactive.get(waiter.account), counted.flex.size]).toEqual([1, 0]);
    expect(countOf(tenants, waiter.account)).toBe(1);
  });

  it('is asked for a waiter by its id', () => {
    const pool = waitingFor('a');
    const key: ComboKey = pool.combo('a').key;
    expect(pool.state.waitingIn.get('for a')).toEqual({ key, waiter: queueOf(pool, 'a').waiters[0] });
  });
});
