import { describe, expect, it } from 'vitest';
import { catalogueOf, model } from './builders.ts';
import { CATALOGUE, PoolDriver } from './driver.ts';

const forAMinute = { ...CATALOGUE, models: catalogueOf([model('a', { idleTtlMs: 60_000 })]).models };

describe('decide(), as time passes,', () => {
  it('keeps a combo for ever when its model has no ttl', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    expect(pool.tick(1e12)).toEqual([]);
  });

  it('stops a runner whose combos and base have been idle for the ttl', () => {
    const pool = new PoolDriver({}, forAMinute);
    pool.bring('r1', 'a');
    pool.bring('r1', 'a+x');
    expect(pool.tick(59_999)).toEqual([]);
    expect(pool.tick(1)).toEqual(['stop r1 idle 10000']);
  });

  it('counts idleness from the end of the last request', () => {
    const pool = new PoolDriver({}, forAMinute);
    pool.bring('r1', 'a');
    pool.arrive('q1', 'a');
    expect(pool.tick(100_000)).toEqual([]);
    pool.end('q1');
    expect(pool.tick(59_999)).toEqual([]);
    expect(pool.tick(1)).toEqual(['stop r1 idle 10000']);
  });

  it('lets only the combo go that is idle', () => {
    const pool = new PoolDriver({}, forAMinute);
    pool.bring('r1', 'a');
    pool.bring('r1', 'a+x');
    pool.nowMs = 30_000;
    pool.arrive('q1', 'a+x');
    pool.end('q1');
    expect(pool.tick(30_000)).toEqual(['detach r1 a']);
  });

  it('lets a combo go at once after keep_alive 0; its base stays for its own ttl', () => {
    const pool = new PoolDriver({}, forAMinute);
    pool.bring('r1', 'a');
    pool.arrive('q1', 'a', 0);
    pool.arrive('q2', 'a', 0);
    expect(pool.end('q1')).toEqual([]);
    expect(pool.end('q2')).toEqual(['detach r1 a']);
    expect(pool.detached('r1', 'a')).toEqual([]);
    expect(pool.tick(59_999)).toEqual([]);
    expect(pool.tick(1)).toEqual(['stop r1 idle 10000']);
  });

  it('keeps a combo after keep_alive 0 when somebody waits for it', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    for (const id of ['q1', 'q2', 'q3']) pool.arrive(id, 'a', 0);
    expect(pool.end('q1')).toEqual(['grant q3 r1 warm']);
    expect(pool.end('q2')).toEqual([]);
    expect(pool.end('q3')).toEqual(['detach r1 a']);
  });

  it('takes the keep-alive of the last request', () => {
    const pool = new PoolDriver({}, forAMinute);
    pool.bring('r1', 'a');
    pool.arrive('q1', 'a', Number.POSITIVE_INFINITY);
    pool.end('q1');
    expect(pool.tick(1e9)).toEqual([]);
    pool.arrive('q2', 'a', 5000);
    pool.end('q2');
    expect(pool.tick(4999)).toEqual([]);
    expect(pool.tick(1)).toEqual(['detach r1 a']);
    pool.detached('r1', 'a');
    pool.bring('r1', 'a');
    expect(pool.tick(60_000)).toEqual(['stop r1 idle 10000']);
  });

  it('keeps a base for the keep-alive of a combo on it, and evicts it for others all the same', () => {
    const pool = new PoolDriver({ maxRunners: 1 });
    pool.bring('r1', 'a');
    pool.arrive('q1', 'a', Number.POSITIVE_INFINITY);
    pool.end('q1');
    expect(pool.arrive('q2', 'b')).toEqual(['stop r1 evicted 10000']);
  });
});

describe('decide(), at shutdown,', () => {
  it('answers who waits, stops who is idle or starts, and lets finish who runs', () => {
    const pool = new PoolDriver({ maxRunners: 3 });
    pool.bring('r1', 'a');
    pool.bring('r2', 'b');
    pool.arrive('q1', 'a');
    pool.arrive('q2', 'c');
    pool.arrive('q3', 'a+x');
    pool.warm('o1', 'c');
    expect(pool.shutDown()).toEqual([
      'reject q2 shutting_down',
      'answer o1 shutting_down',
      'reject q3 shutting_down',
      'stop r2 shutdown 10000',
      'stop r3 shutdown 0',
    ]);
    expect(pool.shutDown()).toEqual([]);
    expect(pool.arrive('q4', 'a')).toEqual(['reject q4 shutting_down']);
    expect(pool.warm('o2', 'a')).toEqual(['answer o2 shutting_down']);
    expect(pool.end('q1')).toEqual(['stop r1 shutdown 10000']);
    for (const runner of ['r1', 'r2', 'r3']) expect(pool.exited(runner)).toEqual([]);
    expect(pool.state.runners.size).toBe(0);
  });

  it('waits for who runs no longer than the limit, also on a runner that drained already', () => {
    const pool = new PoolDriver({ maxRunners: 2, drainTimeoutMs: 300, swapAfterMs: 0 });
    pool.bring('r1', 'a');
    pool.bring('r2', 'b');
    pool.arrive('q1', 'a');
    pool.arrive('q2', 'b');
    pool.arrive('q3', 'c');
    pool.tick(1);
    expect(pool.stateOf('r1')).toBe('draining');
    expect(pool.tick(10_000)).toEqual([]);
    pool.shutDown();
    expect(pool.tick(299)).toEqual([]);
    expect(pool.tick(1)).toEqual(['stop r1 shutdown 0', 'stop r2 shutdown 0']);
    expect(pool.end('q1')).toEqual([]);
    expect(pool.end('q2')).toEqual([]);
  });
});
