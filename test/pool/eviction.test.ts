import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runnerId } from '../../gateway/domain/ids.ts';
import {
  type Candidate,
  EVICTION_POLICIES,
  inOrderOfLeaving,
  newWorth,
  noteEviction,
  noteUse,
} from '../../gateway/pool/eviction.ts';
import { inOrder } from '../../gateway/pool/leavingOrder.ts';
import type { PoolSettings } from '../../gateway/pool/settings.ts';
import { emptyPool, type PoolState } from '../../gateway/pool/state.ts';
import { SETTINGS } from './builders.ts';
import { CATALOGUE, PoolDriver } from './driver.ts';

const poolOf = (settings: Partial<PoolSettings> = {}): PoolState =>
  emptyPool({ ...SETTINGS, ...settings }, CATALOGUE, 't');

/** Something that took so long to get and has been used so often. */
function candidate(
  state: PoolState,
  costMs: number,
  bytes: number,
  uses: number,
  lastUsedMs: number,
): Candidate {
  const worth = newWorth(state, 'bases', costMs, 0);
  for (let use = 1; use < uses; use += 1) noteUse(state, 'bases', worth);
  return { worth, bytes, lastUsedMs };
}

describe('GreedyDual-Size-Frequency', () => {
  const rank = EVICTION_POLICIES.gdsf;

  it('ranks by uses x cost / size above the clock', () => {
    const state = poolOf();
    expect(rank(candidate(state, 300, 1000, 4, 0))).toBe(1.2);
    state.clocks.bases = 5;
    expect(rank(candidate(state, 300, 1000, 4, 0))).toBe(6.2);
    expect(rank(candidate(state, 300, 0, 1, 0))).toBe(305);
  });

  it('lets the cheap, the large and the rarely used go first', () => {
    const state = poolOf();
    const small = candidate(state, 300, 100, 1, 0);
    const large = candidate(state, 300, 1000, 1, 9);
    const cheap = candidate(state, 3, 100, 1, 9);
    const popular = candidate(state, 300, 1000, 50, 0);
    expect([...inOrderOfLeaving(state, [small, popular, large, cheap], (one) => one)]).toEqual([
      cheap,
      large,
      small,
      popular,
    ]);
  });

  it('lets what was popular once go after what came since has been evicted often enough', () => {
    const state = poolOf();
    const popular = candidate(state, 100, 100, 5, 0);
    for (let evicted = 1; evicted <= 5; evicted += 1) {
      const newcomer = candidate(state, 100, 100, 1, evicted);
      const [first] = inOrderOfLeaving(state, [popular, newcomer], (one) => one);
      expect(first).toBe(evicted < 5 ? newcomer : popular);
      noteEviction(state, 'bases', newcomer);
    }
    expect(state.clocks).toMatchObject({ bases: 5, combos: 0 });
  });

  it('counts no more than 64 uses, so that a burst is forgotten', () => {
    const state = poolOf();
    expect(rank(candidate(state, 1, 1, 63, 0))).toBe(63);
    expect(rank(candidate(state, 1, 1, 64, 0))).toBe(64);
    expect(rank(candidate(state, 1, 1, 65, 0))).toBe(64);
  });

  it('never turns its clock back', () => {
    const state = poolOf();
    noteEviction(state, 'combos', candidate(state, 100, 1, 1, 0));
    noteEviction(state, 'combos', candidate(state, 1, 1, 1, 0));
    expect(state.clocks.combos).toBe(100);
  });

  it('lets the least recently used of equals go first', () => {
    const state = poolOf();
    const [late, early] = [candidate(state, 1, 1, 1, 7), candidate(state, 1, 1, 1, 3)];
    expect([...inOrderOfLeaving(state, [late, early], (one) => one)]).toEqual([early, late]);
  });

  it('has all go in the order of rank, last use and mention, however many there are', () => {
    const few = fc.nat({ max: 4 });
    fc.assert(
      fc.property(fc.array(fc.tuple(few, few), { maxLength: 60 }), (all) => {
        const named = all.map(([rank, lastUsedMs], at) => ({ item: at, rank, lastUsedMs, at }));
        const sorted = named.toSorted((a, b) => a.rank - b.rank || a.lastUsedMs - b.lastUsedMs);
        expect([...inOrder(named)]).toEqual(sorted.map(({ item }) => item));
      }),
    );
  });
});

/** Three bases that took so long to load, with so many bytes, used once each in this order; then room is wanted. */
function evictedOf(settings: Partial<PoolSettings>, loads: readonly [ms: number, bytes: number][]): string {
  const pool = new PoolDriver({ maxRunners: 2, ...settings });
  for (const [at, [ms, weightBytes]] of loads.entries()) {
    const [name, runner] = [at === 0 ? 'a' : 'b', `r${at + 1}`];
    pool.arrive(`q${at}`, name);
    pool.up(runner);
    pool.nowMs += ms;
    pool.tell({ type: 'runnerLoaded', runnerId: runnerId(`r_t_${at + 1}`), weightBytes });
    pool.ready(runner, name);
    pool.nowMs += 1;
    pool.end(`q${at}`);
  }
  return pool.arrive('next', 'c').join();
}

describe('decide() chooses who goes', () => {
  it('by cost and size unless configured otherwise', () => {
    expect(
      evictedOf({}, [
        [500, 1000],
        [50, 1000],
      ]),
    ).toBe('stop r2 evicted 10000');
    expect(
      evictedOf({}, [
        [50, 1000],
        [500, 1000],
      ]),
    ).toBe('stop r1 evicted 10000');
    expect(
      evictedOf({}, [
        [50, 10],
        [50, 1000],
      ]),
    ).toBe('stop r2 evicted 10000');
  });

  it('by the last use alone with `lru`', () => {
    expect(
      evictedOf({ eviction: 'lru' }, [
        [500, 10],
        [50, 1000],
      ]),
    ).toBe('stop r1 evicted 10000');
  });

  it('by size alone with `size`', () => {
    expect(
      evictedOf({ eviction: 'size' }, [
        [500, 1000],
        [50, 10],
      ]),
    ).toBe('stop r1 evicted 10000');
  });

  it('and keeps the books of combos and bases apart', () => {
    const pool = new PoolDriver({ maxCombosPerRunner: 1 });
    pool.arrive('q1', 'a');
    pool.up('r1');
    pool.loaded('r1');
    pool.nowMs += 30;
    pool.ready('r1', 'a');
    pool.end('q1');
    expect(pool.arrive('q2', 'a+x')).toEqual(['detach r1 a']);
    expect(pool.state.clocks).toMatchObject({ combos: 20, bases: 0 });
  });

  it('but nobody who has not been there for the least time', () => {
    const settings = { maxRunners: 1, minResidencyMs: 1000, swapAfterMs: 100 };
    const pool = new PoolDriver(settings);
    pool.bring('r1', 'a');
    expect(pool.arrive('q1', 'b')).toEqual([]);
    expect(pool.tick(999)).toEqual([]);
    expect(pool.tick(1)).toEqual(['stop r1 evicted 10000']);
    const busy = new PoolDriver(settings);
    busy.bring('r1', 'a');
    busy.arrive('long', 'a');
    busy.arrive('q1', 'b');
    busy.tick(999);
    expect(busy.stateOf('r1')).toBe('ready');
    busy.tick(1);
    expect(busy.stateOf('r1')).toBe('draining');
  });
});
