import { describe, expect, it } from 'vitest';
import { isFlexHeld, nextWaiters } from '../../gateway/pool/nextWaiters.ts';
import { keptRunners } from '../../gateway/pool/plans.ts';
import { threadShare } from '../../gateway/pool/threads.ts';
import { beganFor, mayGiveWay, tierOf } from '../../gateway/pool/tiers.ts';
import { adapter, catalogueOf, model } from './builders.ts';
import { PoolDriver } from './driver.ts';

const MEASURED = { weightBytes: 7, computeBytes: 3 };

function poolWith(settings: ConstructorParameters<typeof PoolDriver>[0], sequences = 2): PoolDriver {
  const models = ['a', 'b', 'c'].map((id) => model(id, { ...MEASURED, sequences }));
  const adapters = [adapter('x', 'a'), adapter('y', 'a'), adapter('z', 'b')];
  return new PoolDriver({ maxRunners: 9, ...settings }, catalogueOf(models, adapters));
}

describe('memory for one that waits', () => {
  it('is not made of a base that is pinned, nor of what is pinned on it', () => {
    const pool = poolWith({ memoryBytes: 23 });
    pool.bring('r1', 'a');
    pool.pin('p1', 'a');
    pool.nowMs = 1;
    pool.bring('r2', 'b');
    pool.bring('r2', 'b+z');
    expect(pool.arrive('q1', 'c')).toEqual(['stop r2 evicted 10000']);
  });

  it('is not made of what has not been there for the least time', () => {
    const pool = poolWith({ memoryBytes: 13, minResidencyMs: 1000 });
    pool.bring('r1', 'a');
    pool.bring('r1', 'a+x');
    pool.nowMs = 999;
    expect(pool.arrive('q1', 'a+y')).toEqual([]);
    expect(pool.tick(1)).toEqual(['detach r1 a']);
    const base = poolWith({ memoryBytes: 10, minResidencyMs: 1000 });
    base.bring('r1', 'a');
    base.nowMs = 999;
    expect(base.arrive('q1', 'b')).toEqual([]);
    expect(base.tick(1)).toEqual(['stop r1 evicted 10000']);
  });

  it('is not made of its own base', () => {
    const pool = poolWith({ memoryBytes: 13 });
    pool.bring('r1', 'a');
    pool.bring('r1', 'a+x');
    pool.arrive('busy', 'a');
    expect(pool.arrive('q1', 'a+y')).toEqual(['detach r1 a+x']);
    expect(pool.stateOf('r1')).toBe('ready');
  });

  it('is made of another runner of its own base, which has no room for it either', () => {
    const pool = poolWith({ memoryBytes: 19 });
    pool.bring('r1', 'a');
    pool.arrive('busy', 'a');
    const { model: a } = pool.combo('a');
    const held = { model: a, device: null, weights: { host: 7, device: 0 }, threads: 1, combos: [] };
    pool.tell({ type: 'runnerAdopted', runnerId: pool.runnerId('r9'), ...held });
    expect(pool.arrive('q1', 'a+x')).toEqual(['stop r9 evicted 10000']);
    expect(pool.exited('r9')).toEqual(['attach r1 a+x']);
  });

  it('is made of a base when all idle combos are not enough, whose combos are not let go one by one', () => {
    const pool = poolWith({ memoryBytes: 23 });
    pool.bring('r1', 'a');
    pool.bring('r1', 'a+x');
    pool.nowMs = 1;
    pool.bring('r2', 'b');
    expect(pool.arrive('q1', 'c')).toEqual(['stop r1 evicted 10000']);
  });

  it('is not made of a base that somebody waits for since the moment that a pin wants memory', () => {
    const pool = poolWith({ memoryBytes: 25, maxRunners: 3, maxCombosPerRunner: 1 });
    pool.arrive('q1', 'a+x');
    pool.arrive('q2', 'a');
    pool.up('r1');
    pool.loaded('r1');
    pool.ready('r1', 'a+x');
    expect(pool.end('q1')).toEqual(['detach r1 a+x']);
    pool.nowMs = 100;
    expect(pool.arrive('q3', 'a+x')).toEqual([]);
    expect(pool.arrive('q4', 'b')).toEqual(['spawn r2 b']);
    // r1 would be ended to load its base once more.
    expect(pool.pin('p1', 'a+x', { count: 2 })).toEqual(['answer p1 pinned', 'reject q2 no_capacity']);
    expect(pool.detached('r1', 'a+x')).toEqual(['attach r1 a+x']);
  });
});

describe('a place for one that waits', () => {
  it('is made of no more combos than are wanted, those that go counted', () => {
    const pool = poolWith({ maxRunners: 1, maxCombosPerRunner: 2 });
    pool.bring('r1', 'a');
    pool.nowMs = 1;
    pool.bring('r1', 'a+x');
    expect(pool.arrive('q1', 'a+y')).toEqual(['detach r1 a']);
    expect(pool.tick(1)).toEqual([]);
    expect(pool.arrive('q2', 'a+x@0.5')).toEqual(['detach r1 a+x']);
    expect(pool.tick(1)).toEqual([]);
  });

  it('is not made of what is used, pinned or too new', () => {
    const pool = poolWith({ maxRunners: 1, maxCombosPerRunner: 3, minResidencyMs: 1000 });
    pool.bring('r1', 'a');
    pool.pin('p1', 'a');
    pool.bring('r1', 'a+x');
    pool.nowMs = 500;
    pool.bring('r1', 'a+y');
    pool.arrive('busy', 'a+x');
    expect(pool.arrive('q1', 'a+x@0.5')).toEqual([]);
    expect(pool.tick(999)).toEqual([]);
    expect(pool.tick(1)).toEqual(['detach r1 a+y']);
  });

  it('is not made of a runner that somebody waits for', () => {
    const pool = poolWith({ maxRunners: 2, maxCombosPerRunner: 1, minResidencyMs: 1000 });
    pool.bring('r1', 'a');
    pool.bring('r2', 'b');
    pool.arrive('q1', 'a+x');
    pool.arrive('q2', 'b');
    pool.arrive('q3', 'c');
    expect(pool.tick(1000)).toEqual(['detach r1 a']);
    expect(pool.stateOf('r1')).toBe('ready');
  });
});

describe('nextWaiters()', () => {
  const idsOf = (pool: PoolDriver, count: number): string[] => {
    const queue = pool.state.queues.get(pool.combo('a').key);
    const runner = pool.state.runners.get(pool.runnerId('r1'));
    if (!queue || runner?.state !== 'ready') throw new Error('nobody waits');
    return nextWaiters(pool.state, queue, runner, count, pool.nowMs).map(({ id }) => id);
  };

  function waiting(
    asked: readonly (readonly [string, string, number, 'interactive' | 'flex'])[],
  ): PoolDriver {
    const pool = poolWith({}, 1);
    pool.bring('r1', 'a');
    pool.ask('runs', 'a', { tenant: 'other' });
    for (const [id, tenant, weight, tier] of asked) pool.ask(id, 'a', { tenant, weight, tier });
    return pool;
  }

  it('lets a tenant of four times the weight have four times as many', () => {
    const ones = ['l1', 'l2', 'l3'].map((id) => [id, 'light', 1, 'interactive'] as const);
    const heavy = ['h1', 'h2', 'h3', 'h4', 'h5'].map((id) => [id, 'heavy', 4, 'interactive'] as const);
    const pool = waiting([...ones, ...heavy]);
    expect(idsOf(pool, 6)).toEqual(['l1', 'h1', 'h2', 'h3', 'h4', 'l2']);
    expect(idsOf(pool, 99)).toHaveLength(8);
    expect(idsOf(pool, 0)).toEqual([]);
    expect(idsOf(pool, -1)).toEqual([]);
  });

  it('chooses flex work when nobody interactive is left, and no more than were asked for', () => {
    const pool = waiting([
      ['i1', 't', 1, 'interactive'],
      ['f1', 't', 1, 'flex'],
      ['f2', 'u', 1, 'flex'],
    ]);
    expect(idsOf(pool, 1)).toEqual(['i1']);
    expect(idsOf(pool, 2)).toEqual(['i1', 'f1']);
    expect(idsOf(pool, 5)).toEqual(['i1', 'f1', 'f2']);
  });

  it('holds flex work when somebody interactive has waited for longer than the watermark', () => {
    const pool = waiting([
      ['i1', 't', 1, 'interactive'],
      ['f1', 't', 1, 'flex'],
    ]);
    const runner = pool.state.runners.get(pool.runnerId('r1'));
    const lineMs = pool.state.queues.get(pool.combo('a').key)?.waiters[0]?.lineMs ?? 0;
    if (runner?.state !== 'ready') throw new Error('it is not ready');
    pool.nowMs = lineMs + 1000;
    expect(isFlexHeld(pool.state, runner, pool.nowMs)).toBe(false);
    expect(idsOf(pool, 2)).toEqual(['i1', 'f1']);
    expect(isFlexHeld(pool.state, runner, pool.nowMs + 1)).toBe(true);
    pool.nowMs += 1;
    expect(idsOf(pool, 2)).toEqual(['i1']);
    pool.gone('i1');
    expect(isFlexHeld(pool.state, runner, 1e12)).toBe(false);
  });
});

describe('who may give way', () => {
  const { state } = poolWith({ minResidencyMs: 100, flexSparesMs: 1000 });
  const worth = { costMs: 0, readyMs: 0, uses: 1, clock: 0 };

  it('to interactive requests: what has been there for long enough, or did flex work alone', () => {
    const used = { worth, interactive: beganFor('interactive', 0) };
    expect(mayGiveWay(state, used, 'interactive', 99)).toBe(false);
    expect(mayGiveWay(state, used, 'interactive', 100)).toBe(true);
    expect(mayGiveWay(state, { worth, interactive: beganFor('flex', 0) }, 'interactive', 0)).toBe(true);
  });

  it('to flex work: what no interactive request uses, or has used for the time it spares', () => {
    const used = { worth, interactive: beganFor('interactive', 0) };
    expect(mayGiveWay(state, used, 'flex', 999)).toBe(false);
    expect(mayGiveWay(state, used, 'flex', 1000)).toBe(true);
    const runs = { worth, interactive: { active: 1, lastMs: 0 } };
    expect(mayGiveWay(state, runs, 'flex', 5000)).toBe(false);
    expect(mayGiveWay(state, { worth, interactive: beganFor('flex', 0) }, 'flex', 99)).toBe(false);
    expect(mayGiveWay(state, { worth, interactive: beganFor('flex', 0) }, 'flex', 100)).toBe(true);
  });

  it('goes by the place in line', () => {
    expect([0, 1e11 - 1, 1e11, Number.POSITIVE_INFINITY].map(tierOf)).toEqual([
      'interactive',
      'interactive',
      'flex',
      'flex',
    ]);
  });
});

describe('runners that a base needs for what is kept', () => {
  it('are those of its own combos', () => {
    const pool = poolWith({ maxCombosPerRunner: 1 });
    pool.pin('p1', 'a');
    pool.pin('p2', 'a+x');
    pool.pin('p3', 'b');
    expect(keptRunners(pool.state, pool.combo('a').model)).toBe(2);
    expect(keptRunners(pool.state, pool.combo('b').model)).toBe(1);
    expect(keptRunners(pool.state, pool.combo('c').model)).toBe(0);
  });
});

it('threadShare() counts one that decodes alone as one', () => {
  const pool = new PoolDriver({ cpuThreads: 5 });
  const { state } = pool;
  const { model: a } = pool.combo('a');
  expect([0, 1, 2, 5, 9].map((busy) => threadShare(state, a, busy))).toEqual([5, 5, 2, 1, 1]);
});

describe('one who gives way for a place', () => {
  it('is what was missing to the room of another: that is made at once, not a tick later', () => {
    const pool = new PoolDriver({ maxRunners: 3, maxCombosPerRunner: 2, memoryBytes: 1030 });
    pool.ask('before', 'b', { tier: 'flex' });
    pool.up('r1');
    pool.loaded('r1');
    pool.ready('r1', 'b');
    pool.end('before');
    pool.bring('r2', 'a+x');
    pool.bring('r2', 'a+y');
    // It needs 1020; 1007 are free, "b" would leave 10 more, and flex work takes nothing of what "a" has used just now.
    expect(pool.ask('flex', 'c', { tier: 'flex' })).toEqual([]);
    expect(pool.arrive('one', 'a')).toEqual(['detach r2 a+x', 'stop r1 evicted 10000']);
    pool.exited('r1');
    expect(pool.detached('r2', 'a+x')).toEqual(['attach r2 a']);
  });
});
