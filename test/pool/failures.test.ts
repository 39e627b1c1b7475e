import { describe, expect, it } from 'vitest';
import { PoolDriver } from './driver.ts';

describe('decide(), when a start fails,', () => {
  for (const [what, news] of [
    ['says that it failed', 'failed'],
    ['exits', 'exited'],
  ] as const) {
    it(`answers everybody who waits for a runner that ${what}, once`, () => {
      const pool = new PoolDriver();
      pool.arrive('q1', 'a');
      pool.arrive('q2', 'a');
      pool.arrive('q3', 'a+x');
      pool.warm('o1', 'a');
      pool.up('r1');
      const answers = ['reject q1 start_failed', 'reject q2 start_failed', 'answer o1 start_failed'];
      const stop = news === 'failed' ? ['stop r1 failed 0'] : [];
      expect(pool[news]('r1')).toEqual([...answers, 'reject q3 start_failed', ...stop]);
      expect(pool.exited('r1')).toEqual([]);
      expect(pool.state.runners.size).toBe(0);
      expect(pool.arrive('q4', 'a')).toEqual(['spawn r2 a']);
    });
  }

  it('answers who waits for an attach that failed; the runner serves its other combos', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    pool.arrive('q1', 'a+x');
    pool.arrive('q2', 'a+x');
    expect(pool.attachFailed('r1', 'a+x')).toEqual(['reject q1 start_failed', 'reject q2 start_failed']);
    expect(pool.arrive('q3', 'a')).toEqual(['grant q3 r1 warm']);
    expect(pool.arrive('q4', 'a+x')).toEqual(['attach r1 a+x']);
  });

  it('gives the place of a combo that could not be attached to the next', () => {
    const pool = new PoolDriver({ maxCombosPerRunner: 1 });
    pool.bring('r1', 'a');
    pool.evict('o1', 'a');
    pool.detached('r1', 'a');
    pool.arrive('q1', 'a+x');
    pool.arrive('q2', 'a+y');
    expect(pool.attachFailed('r1', 'a+x')).toEqual(['reject q1 start_failed', 'attach r1 a+y']);
  });

  for (const phase of ['starting', 'loading'] as const) {
    it(`stops a runner that is ${phase} for longer than the limit, and answers who waits`, () => {
      const pool = new PoolDriver({ startTimeoutMs: 1000 });
      pool.arrive('q1', 'a');
      if (phase === 'loading') {
        pool.tick(999);
        pool.up('r1');
      }
      expect(pool.tick(999)).toEqual([]);
      pool.arrive('q2', 'a');
      expect(pool.tick(1)).toEqual([
        'reject q1 start_timed_out',
        'reject q2 start_timed_out',
        'stop r1 failed 0',
      ]);
      expect(pool.loaded('r1')).toEqual([]);
      expect(pool.exited('r1')).toEqual([]);
    });
  }

  it('gives a process less time to shake hands than a base to load', () => {
    const pool = new PoolDriver({ startTimeoutMs: 1000, spawnTimeoutMs: 300 });
    pool.arrive('q1', 'a');
    expect(pool.tick(299)).toEqual([]);
    const [rejection] = pool.rejections(() =>
      expect(pool.tick(1)).toEqual(['reject q1 start_timed_out', 'stop r1 failed 0']),
    );
    expect(rejection?.message).toBe('Cannot start "a": not ready for orders after 300 ms');
    pool.arrive('q2', 'a');
    pool.tick(299);
    pool.up('r2');
    expect(pool.tick(999)).toEqual([]);
    expect(pool.tick(1)).toEqual(['reject q2 start_timed_out', 'stop r2 failed 0']);
  });

  it('replaces a runner that does not attach in time; what runs on it may finish, but not for ever', () => {
    const pool = new PoolDriver({ startTimeoutMs: 1000, drainTimeoutMs: 300 });
    pool.bring('r1', 'a');
    pool.arrive('runs', 'a');
    pool.arrive('q1', 'a+x');
    pool.tick(900);
    pool.arrive('q2', 'a+y');
    expect(pool.tick(100)).toEqual(['reject q1 start_timed_out', 'spawn r2 a']);
    expect(pool.stateOf('r1')).toBe('draining');
    expect(pool.ready('r1', 'a+y')).toEqual([]);
    pool.up('r2');
    pool.loaded('r2');
    expect(pool.ready('r2', 'a+y')).toEqual(['grant q2 r2 cold', 'threads r1 2']);
    expect(pool.tick(299)).toEqual([]);
    expect(pool.tick(1)).toEqual(['stop r1 failed 0', 'threads r2 4']);
    expect(pool.end('runs')).toEqual([]);
  });

  it('replaces a runner that does not detach in time', () => {
    const pool = new PoolDriver({ startTimeoutMs: 1000 });
    pool.bring('r1', 'a');
    pool.evict('o1', 'a');
    pool.nowMs = 500;
    pool.arrive('q1', 'a');
    expect(pool.tick(500)).toEqual(['stop r1 failed 0', 'spawn r2 a']);
  });
});

describe('decide(), when a ready runner dies,', () => {
  it('answers nobody who runs or waits for a sequence; a new start serves who waits', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    for (const id of ['q1', 'q2', 'q3', 'q4']) pool.arrive(id, 'a');
    expect(pool.exited('r1')).toEqual(['spawn r2 a']);
    expect(pool.end('q1')).toEqual([]);
    expect(pool.end('q2')).toEqual([]);
    pool.up('r2');
    pool.loaded('r2');
    expect(pool.ready('r2', 'a')).toEqual(['grant q3 r2 cold', 'grant q4 r2 cold joined']);
  });

  it('serves who waited for a place on it by a new start', () => {
    const pool = new PoolDriver({ maxCombosPerRunner: 1 });
    pool.bring('r1', 'a');
    pool.arrive('q1', 'a');
    pool.arrive('q2', 'a+x');
    expect(pool.exited('r1')).toEqual(['spawn r2 a']);
  });

  it('does the same when it hangs: it is stopped at once', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    for (const id of ['q1', 'q2', 'q3']) pool.arrive(id, 'a');
    pool.arrive('q4', 'a+x');
    expect(pool.failed('r1')).toEqual(['stop r1 failed 0', 'spawn r2 a']);
    expect(pool.failed('r1')).toEqual([]);
    expect(pool.exited('r1')).toEqual([]);
  });
});

describe('decide(), when waiting takes too long,', () => {
  it('answers with no_capacity who found no room', () => {
    const pool = new PoolDriver({ maxRunners: 1, startTimeoutMs: 1000, swapAfterMs: 1e9 });
    pool.bring('r1', 'a');
    pool.arrive('runs', 'a');
    pool.arrive('q1', 'b');
    pool.tick(500);
    pool.arrive('q2', 'b');
    expect(pool.tick(500)).toEqual(['reject q1 no_capacity']);
    expect(pool.tick(500)).toEqual(['reject q2 no_capacity']);
  });

  it('leaves a start under way to its own limits, however long its requests have waited', () => {
    const pool = new PoolDriver({ maxRunners: 1, startTimeoutMs: 1000 });
    pool.arrive('q1', 'a');
    pool.arrive('q2', 'a');
    pool.arrive('q3', 'a');
    pool.tick(900);
    pool.up('r1');
    expect(pool.tick(900)).toEqual([]);
    pool.loaded('r1');
    expect(pool.tick(900)).toEqual([]);
    expect(pool.ready('r1', 'a')).toEqual(['grant q1 r1 cold', 'grant q2 r1 cold joined']);
    // q3 waits for a sequence from now on.
    expect(pool.tick(999)).toEqual([]);
    expect(pool.tick(1)).toEqual(['reject q3 no_capacity']);
  });
});
