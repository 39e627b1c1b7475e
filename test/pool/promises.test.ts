import { describe, expect, it } from 'vitest';
import { requestId, runnerId } from '../../gateway/domain/ids.ts';
import { holdsPromise, isPromised } from '../../gateway/pool/promises.ts';
import { fixedStart, promisedStart } from '../../gateway/pool/queries.ts';
import type { PoolSettings } from '../../gateway/pool/settings.ts';
import { PoolDriver } from './driver.ts';

class Promising extends PoolDriver {
  promise(id: string): string[] {
    return this.tell({ type: 'promiseAsked', requestId: requestId(id) });
  }

  /** What the client of that request has been told. */
  told(id: string): string | null {
    const start = promisedStart(this.state, id);
    return start && `${start.runnerId} ${start.kind}${start.joined ? ' joined' : ''}`;
  }
}

/** `a` is ready on r1, both of its sequences are taken by q1 and q2. */
function full(settings: Partial<PoolSettings> = {}): Promising {
  const pool = new Promising({ maxRunners: 1, ...settings });
  pool.bring('r1', 'a');
  pool.arrive('q1', 'a');
  pool.arrive('q2', 'a');
  return pool;
}

describe('a promise', () => {
  it('is the start that the request waits on, begun or joined', () => {
    const pool = new Promising();
    pool.arrive('q1', 'a');
    pool.arrive('q2', 'a');
    expect(pool.told('q1')).toBeNull();
    expect(fixedStart(pool.state, 'q1')).toMatchObject({ runnerId: 'r_t_1', kind: 'cold', joined: false });
    expect(pool.promise('q1')).toEqual([]);
    pool.promise('q2');
    expect(pool.told('q1')).toBe('r_t_1 cold');
    expect(pool.told('q2')).toBe('r_t_1 cold joined');
  });

  it('is the runner that has the combo, for one that waits for a free sequence', () => {
    const pool = full();
    pool.arrive('q3', 'a');
    pool.promise('q3');
    expect(pool.told('q3')).toBe('r_t_1 warm');
    expect(pool.end('q1')).toEqual(['grant q3 r1 warm']);
  });

  it('is made to nobody for whom no runner is chosen, nor who does not wait', () => {
    const pool = full();
    pool.arrive('other', 'b');
    for (const id of ['other', 'q1', 'nobody']) {
      pool.promise(id);
      expect(pool.told(id)).toBeNull();
      expect(fixedStart(pool.state, id)).toBeNull();
    }
  });

  it('is not made of a sequence while somebody who came before waits for room', () => {
    const pool = full();
    pool.nowMs = 1;
    pool.arrive('other', 'b');
    pool.nowMs = 2;
    pool.arrive('q3', 'a');
    pool.promise('q3');
    expect(pool.told('q3')).toBeNull();
    const later = full();
    later.nowMs = 1;
    later.arrive('q3', 'a');
    later.nowMs = 2;
    later.arrive('other', 'b');
    later.promise('q3');
    expect(later.told('q3')).toBe('r_t_1 warm');
  });

  it('is made of a start under way although somebody waits for room', () => {
    const pool = new Promising({ maxRunners: 1 });
    pool.arrive('q1', 'a');
    pool.arrive('other', 'b');
    pool.nowMs = 1;
    pool.arrive('q2', 'a');
    pool.promise('q2');
    expect(pool.told('q2')).toBe('r_t_1 cold joined');
  });

  it('is not made to flex work that is held, once somebody has waited longer than the watermark', () => {
    for (const [waitedMs, promised] of [
      [1000, 'r_t_1 warm'],
      [1001, null],
    ] as const) {
      const pool = full({ flexWatermarkMs: 1000 });
      pool.bring('r1', 'a+x');
      for (const id of ['x1', 'x2', 'x3']) pool.arrive(id, 'a+x');
      pool.ask('f1', 'a', { tier: 'flex' });
      pool.arrive('q3', 'a');
      const lineMs = pool.state.queues.get(pool.combo('a+x').key)?.waiters[0]?.lineMs ?? 0;
      pool.nowMs = lineMs + waitedMs;
      pool.promise('f1');
      expect(pool.told('f1')).toBe(promised);
      pool.promise('q3');
      expect(pool.told('q3')).toBe('r_t_1 warm');
    }
  });

  it('is made to flex work of a start under way', () => {
    const pool = new Promising({ flexWatermarkMs: 0 });
    pool.arrive('q1', 'a');
    pool.ask('f1', 'a', { tier: 'flex' });
    pool.nowMs = 5000;
    pool.promise('f1');
    expect(pool.told('f1')).toBe('r_t_1 cold joined');
  });

  it('that cannot be kept answers its client, and nobody else', () => {
    const pool = full();
    for (const id of ['q3', 'q4', 'q5']) pool.arrive(id, 'a');
    pool.promise('q4');
    const failures = pool.rejections(() =>
      expect(pool.exited('r1')).toEqual(['reject q4 runner_died', 'spawn r2 a']),
    );
    expect(failures).toEqual([
      {
        code: 'runner_died',
        message: 'Cannot serve "a": the runner that was to serve it has gone',
      },
    ]);
    expect(fixedStart(pool.state, 'q3')).toMatchObject({ runnerId: 'r_t_2', kind: 'cold', joined: false });
    expect(fixedStart(pool.state, 'q5')).toMatchObject({ runnerId: 'r_t_2', kind: 'cold', joined: true });
  });

  it('is of one runner: another one that has the combo goes on serving others', () => {
    const pool = new Promising({ maxRunners: 3 });
    pool.pin('p1', 'a', { count: 2 });
    for (const id of ['r1', 'r2']) {
      pool.up(id);
      pool.loaded(id);
      pool.ready(id, 'a');
    }
    for (const id of ['q1', 'q2', 'q3', 'q4', 'q5', 'q6']) pool.arrive(id, 'a');
    pool.promise('q5');
    expect(pool.told('q5')).toBe('r_t_1 warm');
    // q5 was told r1: what comes free on r2 is for q6.
    expect(pool.end('q3')).toEqual(['grant q6 r2 warm']);
    expect(pool.drain('o1', 'r1')).toContain('reject q5 runner_died');
  });

  it('that is made stays as it is', () => {
    const pool = new Promising({ maxRunners: 3 });
    pool.pin('p1', 'a', { count: 2 });
    pool.up('r1');
    pool.loaded('r1');
    pool.arrive('q1', 'a');
    pool.promise('q1');
    expect(pool.told('q1')).toBe('r_t_1 cold joined');
    pool.up('r2');
    pool.loaded('r2');
    pool.ready('r2', 'a');
    expect(pool.told('q1')).toBe('r_t_1 cold joined');
    pool.promise('q1');
    expect(pool.told('q1')).toBe('r_t_1 cold joined');
    expect(pool.ready('r1', 'a')).toEqual(['grant q1 r1 cold joined']);
  });

  it('is known of its runner and combo, whoever else waits for that', () => {
    const pool = full();
    for (const id of ['q3', 'q4']) pool.arrive(id, 'a');
    const { key } = pool.combo('a');
    const runner = pool.state.runners.get(pool.runnerId('r1'));
    if (!runner) throw new Error('there is no r1');
    expect(isPromised(pool.state, key, runner.id)).toBe(false);
    expect(holdsPromise(pool.state, runner)).toBe(false);
    pool.promise('q4');
    expect(isPromised(pool.state, key, runner.id)).toBe(true);
    expect(isPromised(pool.state, key, runnerId('r_t_9'))).toBe(false);
    expect(isPromised(pool.state, pool.combo('b').key, runner.id)).toBe(false);
    expect(holdsPromise(pool.state, runner)).toBe(true);
  });

  it('is not made to flex work that was held until now: it is granted by the next tick', () => {
    const pool = new Promising({ maxRunners: 1, flexWatermarkMs: 1000 });
    pool.bring('r1', 'a');
    pool.bring('r1', 'a+x');
    for (const id of ['x1', 'x2', 'x3']) pool.arrive(id, 'a+x');
    pool.nowMs = 2000;
    expect(pool.ask('f1', 'a', { tier: 'flex' })).toEqual([]);
    pool.gone('x3');
    pool.promise('f1');
    expect(pool.told('f1')).toBeNull();
    expect(pool.tick(0)).toEqual(['grant f1 r1 warm']);
  });
});
