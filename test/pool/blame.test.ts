import { describe, expect, it } from 'vitest';
import type { Failure } from '../../gateway/domain/errors.ts';
import { PoolDriver } from './driver.ts';

const LOST: Failure = { code: 'runner_died', message: 'Cannot use runner "r1": other side closed' };

const blamed = (pool: PoolDriver): string[] => [...pool.state.quarantines.keys()];

/** A runner with the bare base ready, so long ago. */
function readySince(ms: number): PoolDriver {
  const pool = new PoolDriver();
  pool.bring('r1', 'a');
  pool.tick(ms);
  return pool;
}

describe('decide() lays the death of a runner to', () => {
  it('its base while that was being loaded, whatever adapters it was for', () => {
    for (const steps of [0, 1]) {
      const pool = new PoolDriver();
      pool.arrive('q1', 'a+x');
      if (steps === 1) pool.up('r1');
      pool.exited('r1');
      expect(blamed(pool)).toEqual(['base a#r1']);
    }
  });

  it('the adapters that were being attached, not the base', () => {
    const pool = readySince(0);
    pool.arrive('q1', 'a+x');
    pool.arrive('q2', 'a+y');
    pool.exited('r1');
    expect(blamed(pool)).toEqual(['a+x#r1.a1', 'a+y#r1.a1']);
  });

  it('the base when that alone was being attached, however long the runner lived', () => {
    const pool = readySince(60_000);
    pool.evict('o1', 'a');
    pool.detached('r1', 'a');
    pool.arrive('q1', 'a');
    pool.exited('r1');
    expect(blamed(pool)).toEqual(['base a#r1']);
  });

  it('the base when it dies within ten seconds of its load, and to nobody after that', () => {
    const early = readySince(9_999);
    early.exited('r1');
    expect(blamed(early)).toEqual(['base a#r1']);
    const late = readySince(10_000);
    late.exited('r1');
    expect(blamed(late)).toEqual([]);
  });

  it('nobody when somebody else has ended it', () => {
    const pool = readySince(0);
    pool.killed('r1');
    expect(blamed(pool)).toEqual([]);
    pool.arrive('q1', 'a');
    pool.killed('r2');
    expect(blamed(pool)).toEqual([]);
  });

  it('nobody when it was told to stop, or drained', () => {
    const pool = readySince(0);
    pool.arrive('runs', 'a');
    pool.shutDown();
    expect(pool.stateOf('r1')).toBe('draining');
    pool.exited('r1');
    expect(blamed(pool)).toEqual([]);
  });

  it('nobody when it was a standby', () => {
    const pool = new PoolDriver({ standbys: 1 });
    pool.tick(0);
    pool.exited('r1');
    expect(blamed(pool)).toEqual([]);
  });

  it('the process when it was a standby until just now', () => {
    const pool = new PoolDriver({ standbys: 1 });
    pool.tick(0);
    pool.up('r1');
    pool.arrive('q1', 'a');
    expect(pool.exited('r1')).toEqual(['spawn r2 a']);
    expect(blamed(pool)).toEqual([]);
    expect(pool.exited('r2')).toEqual(['reject q1 start_failed']);
    expect(blamed(pool)).toEqual(['base a#r1']);
  });

  it('what it was about when its connection broke, once its exit shows that it died by itself', () => {
    const pool = readySince(0);
    pool.failed('r1', LOST);
    expect(blamed(pool)).toEqual([]);
    pool.exited('r1');
    expect(blamed(pool)).toEqual(['base a#r1']);
    expect(pool.state.culprits.size).toBe(0);
  });

  it('nobody when its connection broke because somebody else had ended it', () => {
    const pool = readySince(0);
    pool.failed('r1', LOST);
    pool.killed('r1');
    expect(blamed(pool)).toEqual([]);
    expect(pool.state.culprits.size).toBe(0);
  });

  it('what it was about once, when it fails and exits then', () => {
    const pool = readySince(0);
    pool.failed('r1');
    pool.exited('r1');
    expect(pool.state.quarantines.get('base a#r1')?.failures).toBe(1);
  });
});

describe('decide(), when a base dies again and again just after its load,', () => {
  it('quarantines it', () => {
    const pool = new PoolDriver();
    for (const runner of ['r1', 'r2']) {
      pool.bring(runner, 'a');
      pool.exited(runner);
    }
    expect(pool.arrive('q3', 'a')).toEqual(['reject q3 quarantined']);
  });
});
