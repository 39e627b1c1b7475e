import { describe, expect, it } from 'vitest';
import { PoolDriver } from './driver.ts';

describe('decide(), when there is no room for a runner,', () => {
  it('evicts the idle runner that was used longest ago, and starts when it has gone', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    pool.bring('r2', 'b');
    pool.nowMs = 5;
    pool.arrive('q1', 'a');
    pool.end('q1');
    expect(pool.arrive('q2', 'c')).toEqual(['stop r2 evicted 10000']);
    expect(pool.arrive('q3', 'c')).toEqual([]);
    expect(pool.exited('r2')).toEqual(['spawn r3 c']);
  });

  it('never evicts a busy runner, nor one that attaches', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    pool.bring('r2', 'b');
    pool.arrive('q1', 'a');
    pool.warm('o1', 'b+z');
    expect(pool.arrive('q2', 'c')).toEqual([]);
    expect(pool.ready('r2', 'b+z')).toEqual(['answer o1 r2 attach', 'stop r2 evicted 10000']);
  });

  it('evicts an idle runner although another drains for long', () => {
    const pool = new PoolDriver({ swapAfterMs: 100 });
    pool.bring('r1', 'a');
    pool.bring('r2', 'b');
    pool.arrive('q1', 'a');
    pool.arrive('q2', 'b');
    pool.arrive('q3', 'c');
    expect(pool.tick(100)).toEqual([]);
    expect(pool.stateOf('r1')).toBe('draining');
    expect(pool.end('q2')).toEqual(['stop r2 evicted 10000', 'threads r1 4']);
  });

  it('does not evict more than what waits needs', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    pool.bring('r2', 'b');
    expect(pool.arrive('q1', 'c')).toEqual(['stop r1 evicted 10000']);
    expect(pool.tick(1)).toEqual([]);
    expect(pool.arrive('q2', 'a')).toEqual(['stop r2 evicted 10000']);
  });

  it('starts for who has waited longest', () => {
    const pool = new PoolDriver({ maxRunners: 1 });
    pool.bring('r1', 'a');
    pool.arrive('busy', 'a');
    pool.nowMs = 1;
    pool.arrive('q1', 'c');
    pool.nowMs = 2;
    pool.arrive('q2', 'b');
    expect(pool.end('busy')).toEqual(['stop r1 evicted 10000']);
    expect(pool.exited('r1')).toEqual(['spawn r2 c']);
  });

  it('takes turns between a queue that never empties and one that waits, in the order of arrival', () => {
    const pool = new PoolDriver({ maxRunners: 1, swapAfterMs: 100 });
    pool.bring('r1', 'a');
    for (const id of ['q1', 'q2', 'q3']) pool.arrive(id, 'a');
    pool.nowMs = 10;
    pool.arrive('other', 'b');
    pool.nowMs = 20;
    pool.arrive('q4', 'a');
    // q3 came before it and is served first.
    expect(pool.tick(100)).toEqual([]);
    expect(pool.end('q1')).toEqual(['grant q3 r1 warm']);
    expect(pool.tick(1)).toEqual([]);
    expect(pool.stateOf('r1')).toBe('draining');
    expect(pool.end('q2')).toEqual([]);
    expect(pool.end('q3')).toEqual(['stop r1 replaced 10000']);
    expect(pool.exited('r1')).toEqual(['spawn r2 b']);
    pool.up('r2');
    pool.loaded('r2');
    expect(pool.ready('r2', 'b')).toEqual(['grant other r2 cold']);
    pool.tick(1);
    expect(pool.end('other')).toEqual(['stop r2 replaced 10000']);
    expect(pool.exited('r2')).toEqual(['spawn r3 a']);
  });

  it('starts first for who waited for a runner that died, if that was longest', () => {
    const pool = new PoolDriver({ maxRunners: 1 });
    pool.bring('r1', 'a');
    for (const id of ['q1', 'q2', 'q3']) pool.arrive(id, 'a');
    pool.nowMs = 1;
    pool.arrive('q4', 'b');
    expect(pool.exited('r1')).toEqual(['spawn r2 a']);
  });

  it('lets no more busy runners give way than those who wait need', () => {
    const pool = new PoolDriver({ swapAfterMs: 100 });
    pool.bring('r1', 'a');
    pool.bring('r2', 'b');
    pool.arrive('q1', 'a');
    pool.arrive('q2', 'b');
    pool.arrive('q3', 'c');
    pool.tick(100);
    pool.tick(100);
    expect([pool.stateOf('r1'), pool.stateOf('r2')]).toEqual(['draining', 'ready']);
  });

  it('evicts no idle runner whose combo is on its way out and back', () => {
    const pool = new PoolDriver({ maxRunners: 1 });
    pool.bring('r1', 'a');
    pool.evict('o1', 'a');
    pool.arrive('q1', 'a');
    expect(pool.arrive('q2', 'b')).toEqual([]);
    expect(pool.detached('r1', 'a')).toEqual(['attach r1 a']);
  });

  it('evicts no idle runner that makes room for a combo of its base', () => {
    const pool = new PoolDriver({ maxRunners: 1, maxCombosPerRunner: 1 });
    pool.bring('r1', 'a');
    expect(pool.arrive('q1', 'a+x')).toEqual(['detach r1 a']);
    expect(pool.arrive('q2', 'b')).toEqual([]);
    expect(pool.detached('r1', 'a')).toEqual(['attach r1 a+x']);
  });

  it('takes no turn from a runner that has not served anybody yet', () => {
    const pool = new PoolDriver({ maxRunners: 1, swapAfterMs: 100 });
    pool.arrive('q1', 'a');
    pool.nowMs = 1;
    pool.arrive('q2', 'b');
    pool.nowMs = 2;
    pool.arrive('q3', 'a');
    pool.gone('q1');
    pool.up('r1');
    pool.loaded('r1');
    expect(pool.tick(500)).toEqual([]);
    expect(pool.ready('r1', 'a')).toEqual(['grant q3 r1 cold joined']);
  });

  it('takes no turn from a runner whose first start is still under way', () => {
    const pool = new PoolDriver({ maxRunners: 1, swapAfterMs: 100 });
    pool.arrive('q1', 'a');
    pool.nowMs = 1;
    pool.arrive('q2', 'b');
    expect(pool.tick(500)).toEqual([]);
    pool.up('r1');
    pool.loaded('r1');
    expect(pool.tick(500)).toEqual([]);
    expect(pool.ready('r1', 'a')).toEqual(['grant q1 r1 cold']);
  });

  it('serves who waited for an attach on a runner that gives way on the next one', () => {
    const pool = new PoolDriver({ maxRunners: 1, swapAfterMs: 100 });
    pool.bring('r1', 'a');
    pool.arrive('busy', 'a');
    pool.arrive('q1', 'b');
    pool.nowMs = 50;
    pool.arrive('q2', 'a+x');
    expect(pool.tick(60)).toEqual([]);
    // The runner is no more for this combo: nobody is answered by what becomes of that attach.
    expect(pool.attachFailed('r1', 'a+x')).toEqual([]);
    expect(pool.end('busy')).toEqual(['stop r1 replaced 10000']);
    expect(pool.exited('r1')).toEqual(['spawn r2 b']);
  });
});

describe('decide(), when a runner holds all the combos it may,', () => {
  it('detaches the idle combo that was used longest ago, and attaches when it has gone', () => {
    const pool = new PoolDriver({ maxCombosPerRunner: 2 });
    pool.bring('r1', 'a');
    pool.nowMs = 5;
    pool.bring('r1', 'a+x');
    expect(pool.arrive('q1', 'a+y')).toEqual(['detach r1 a']);
    expect(pool.detached('r1', 'a')).toEqual(['attach r1 a+y']);
  });

  it('never detaches a busy combo, and lets it take turns after a while', () => {
    const pool = new PoolDriver({ maxCombosPerRunner: 1, swapAfterMs: 100 });
    pool.bring('r1', 'a');
    pool.arrive('q1', 'a');
    pool.nowMs = 1;
    expect(pool.arrive('q2', 'a+x')).toEqual([]);
    expect(pool.tick(50)).toEqual([]);
    expect(pool.arrive('q3', 'a')).toEqual(['grant q3 r1 warm']);
    pool.tick(50);
    expect(pool.arrive('q4', 'a')).toEqual([]);
    expect(pool.end('q1')).toEqual([]);
    expect(pool.evict('o1', 'a')).toEqual(['answer o1 conflict']);
    expect(pool.end('q3')).toEqual(['detach r1 a']);
    expect(pool.detached('r1', 'a')).toEqual(['attach r1 a+x']);
    pool.ready('r1', 'a+x');
    pool.tick(100);
    expect(pool.end('q2')).toEqual(['detach r1 a+x']);
    expect(pool.detached('r1', 'a+x')).toEqual(['attach r1 a']);
    expect(pool.ready('r1', 'a')).toEqual(['grant q4 r1 attach']);
  });

  it('lets one busy combo give way at a time', () => {
    const pool = new PoolDriver({ maxCombosPerRunner: 2, swapAfterMs: 100 });
    pool.bring('r1', 'a');
    pool.bring('r1', 'a+x');
    pool.arrive('q1', 'a');
    pool.arrive('q2', 'a+x');
    pool.arrive('q3', 'a+y');
    pool.tick(100);
    pool.tick(100);
    expect(pool.arrive('q4', 'a')).toEqual([]);
    expect(pool.arrive('q5', 'a+x')).toEqual(['grant q5 r1 warm']);
  });

  it('starts no second runner for the base', () => {
    const pool = new PoolDriver({ maxCombosPerRunner: 1 });
    pool.bring('r1', 'a');
    pool.arrive('q1', 'a');
    expect(pool.arrive('q2', 'a+x')).toEqual([]);
  });
});
