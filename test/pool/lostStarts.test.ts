import { describe, expect, it } from 'vitest';
import type { Failure } from '../../gateway/domain/errors.ts';
import { BROKEN, PoolDriver } from './driver.ts';

const LOST: Failure = { code: 'runner_died', message: 'Cannot use runner "r1": other side closed' };

describe('decide(), when somebody else ends a runner that is being started,', () => {
  for (const phase of ['starting', 'loading'] as const) {
    it(`places everybody anew who waits for one that is ${phase}`, () => {
      const pool = new PoolDriver();
      pool.arrive('q1', 'a');
      pool.arrive('q2', 'a+x');
      pool.warm('o1', 'a');
      if (phase === 'loading') pool.up('r1');
      expect(pool.killed('r1')).toEqual(['spawn r2 a']);
      pool.up('r2');
      expect(pool.loaded('r2')).toEqual(['attach r2 a', 'attach r2 a+x']);
      expect(pool.ready('r2', 'a')).toEqual(['answer o1 r2 cold', 'grant q1 r2 cold']);
      expect(pool.ready('r2', 'a+x')).toEqual(['grant q2 r2 cold joined']);
    });
  }

  it('answers who has lost three starts before with the failure, and nobody else', () => {
    const pool = new PoolDriver();
    pool.arrive('q1', 'a');
    pool.warm('o1', 'a');
    for (const runner of ['r1', 'r2']) pool.killed(runner);
    pool.arrive('q2', 'a');
    expect(pool.killed('r3')).toEqual(['spawn r4 a']);
    expect(pool.rejections(() => pool.killed('r4'))).toMatchObject([BROKEN]);
    expect([...pool.state.waitingIn.keys()]).toEqual(['q2']);
    expect(pool.killed('r5')).toEqual(['spawn r6 a']);
    expect(pool.killed('r6')).toEqual(['reject q2 start_failed']);
    expect(pool.state.runners.size).toBe(0);
  });

  it('counts the losses of each one that waits, not those of its combo', () => {
    const pool = new PoolDriver();
    for (const [id, runner] of Object.entries({ q1: 'r1', q2: 'r2', q3: 'r3', q4: 'r4' })) {
      pool.arrive(id, 'a');
      pool.killed(runner);
    }
    expect([...pool.state.waitingIn.keys()]).toEqual(['q2', 'q3', 'q4']);
  });

  it('counts none for those who wait for a free sequence of another runner', () => {
    const pool = new PoolDriver({ maxRunners: 2 });
    pool.bring('r1', 'a');
    for (const id of ['q1', 'q2', 'q3']) pool.arrive(id, 'a');
    pool.pin('p1', 'a', { count: 2 });
    for (const runner of ['r2', 'r3', 'r4', 'r5', 'r6']) {
      expect(pool.stateOf(runner)).toBe('starting');
      expect(pool.killed(runner)).toEqual([]);
      pool.tick(5000);
    }
    expect(pool.end('q1')).toEqual(['grant q3 r1 warm']);
  });

  it('has who began the start begin the next one, and the others join it', () => {
    const pool = new PoolDriver();
    pool.arrive('q1', 'a');
    pool.arrive('q2', 'a');
    pool.killed('r1');
    pool.up('r2');
    pool.loaded('r2');
    expect(pool.ready('r2', 'a')).toEqual(['grant q1 r2 cold', 'grant q2 r2 cold joined']);
  });

  it('lets them join another start of the combo that is under way', () => {
    const pool = new PoolDriver({ maxRunners: 3 });
    pool.arrive('q1', 'a');
    pool.pin('p1', 'a', { count: 2 });
    expect(pool.killed('r1')).toEqual([]);
    pool.up('r2');
    pool.loaded('r2');
    expect(pool.ready('r2', 'a')).toEqual(['grant q1 r2 cold joined']);
  });

  it('answers who was promised that runner: what its client was told would be untrue', () => {
    const pool = new PoolDriver();
    pool.arrive('q1', 'a');
    pool.arrive('q2', 'a');
    pool.tell({ type: 'promiseAsked', requestId: pool.state.waitingIn.get('q1')!.waiter.id as never });
    expect(pool.killed('r1')).toEqual(['reject q1 runner_died', 'spawn r2 a']);
  });

  it('puts a pin back that nobody waits for after its pause', () => {
    const pool = new PoolDriver();
    pool.pin('p1', 'a');
    expect(pool.killed('r1')).toEqual([]);
    expect(pool.tick(249)).toEqual([]);
    expect(pool.tick(1)).toEqual(['spawn r2 a']);
  });
});

describe('decide(), when a ready runner is lost,', () => {
  for (const [how, lose] of [
    ['exits', (pool: PoolDriver) => pool.exited('r1')],
    ['is ended by somebody else', (pool: PoolDriver) => pool.killed('r1')],
    ['breaks a connection', (pool: PoolDriver) => pool.failed('r1', LOST)],
    ['hangs', (pool: PoolDriver) => pool.hung('r1')],
  ] as const) {
    it(`places who only waits for an attach anew when it ${how}`, () => {
      const pool = new PoolDriver();
      pool.bring('r1', 'a');
      pool.arrive('runs', 'a');
      pool.arrive('q1', 'a+x');
      pool.arrive('q2', 'a+y');
      const orders = lose(pool);
      expect(orders.filter((order) => order.startsWith('reject'))).toEqual([]);
      expect(orders.at(-1)).toBe('spawn r2 a');
      pool.exited('r1');
      pool.end('runs');
      pool.up('r2');
      expect(pool.loaded('r2')).toEqual(['attach r2 a+x', 'attach r2 a+y']);
      expect(pool.ready('r2', 'a+x')).toEqual(['grant q1 r2 cold']);
      expect(pool.ready('r2', 'a+y')).toEqual(['grant q2 r2 cold joined']);
    });
  }

  it('answers who waits for an attach that has ended two runners: that combo is in quarantine', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    pool.arrive('q1', 'a+x');
    pool.exited('r1');
    pool.up('r2');
    pool.loaded('r2');
    expect(pool.exited('r2')).toEqual(['reject q1 quarantined']);
  });

  it('answers who has lost three starts in that way with the failure', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    pool.arrive('q1', 'a+x');
    for (const [lost, next] of [
      ['r1', 'r2'],
      ['r2', 'r3'],
      ['r3', 'r4'],
    ] as const) {
      expect(pool.killed(lost)).toEqual([`spawn ${next} a`]);
      pool.up(next);
      pool.loaded(next);
    }
    expect(pool.failed('r4', LOST)).toEqual(['reject q1 runner_died', 'stop r4 failed 0']);
  });
});
