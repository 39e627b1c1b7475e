import { describe, expect, it } from 'vitest';
import type { Failure } from '../../gateway/domain/errors.ts';
import { runnerId } from '../../gateway/domain/ids.ts';
import { catalogueOf, model } from './builders.ts';
import { BROKEN, PoolDriver } from './driver.ts';

const R1 = runnerId('r_t_1');
const note = (name: string, rest: object = {}) => ({ type: 'note', note: name, runnerId: R1, ...rest });

describe('the event log', () => {
  it('tells of a runner and a combo from start to end', () => {
    const pool = new PoolDriver();
    expect(pool.notes(() => pool.arrive('q1', 'a'))).toEqual([note('runner_spawned', { combo: 'a' })]);
    pool.up('r1');
    expect(pool.notes(() => pool.loaded('r1'))).toEqual([
      note('runner_ready', { detail: { base: 'a', weightBytes: 7 } }),
      note('combo_attaching', { combo: 'a' }),
    ]);
    expect(pool.notes(() => pool.ready('r1', 'a'))).toEqual([
      note('combo_ready', { combo: 'a', detail: { kvBytes: 2, computeBytes: 1 } }),
    ]);
    pool.end('q1');
    pool.evict('o1', 'a');
    expect(pool.notes(() => pool.detached('r1', 'a'))).toEqual([note('combo_detached', { combo: 'a' })]);
    expect(pool.notes(() => pool.drain('o2', 'r1'))).toEqual([
      note('runner_stopping', { detail: { reason: 'drained', base: 'a' } }),
    ]);
    expect(pool.notes(() => pool.exited('r1'))).toEqual([
      note('runner_exited', { detail: { message: BROKEN.message, state: 'stopping', expected: true } }),
    ]);
  });

  it('tells of an exit that nobody ordered', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    expect(pool.notes(() => pool.exited('r1'))).toEqual([
      note('runner_exited', { detail: { message: BROKEN.message, state: 'ready', expected: false } }),
    ]);
  });

  it('tells what failed, and as what', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    pool.arrive('q1', 'a+x');
    expect(pool.notes(() => pool.attachFailed('r1', 'a+x'))).toEqual([
      note('combo_failed', { combo: 'a+x', detail: { code: 'start_failed', message: BROKEN.message } }),
    ]);
    expect(pool.notes(() => pool.failed('r1'))[0]).toEqual(
      note('runner_failed', { detail: { code: 'start_failed', message: BROKEN.message, state: 'ready' } }),
    );
    expect(pool.notes(() => pool.failed('r1'))).toEqual([]);
    expect(pool.notes(() => pool.hung('r1')).map((one) => one.note)).toEqual(['runner_hung']);
  });

  it('tells of a standby', () => {
    const pool = new PoolDriver({ standbys: 1 });
    expect(pool.notes(() => pool.tick(0))).toEqual([note('standby_spawned')]);
    expect(pool.notes(() => pool.up('r1'))).toEqual([note('standby_ready')]);
    const adopting = new PoolDriver({ standbys: 1 });
    const adopted = () => adopting.tell({ type: 'standbyAdopted', runnerId: R1, device: null });
    expect(adopting.notes(adopted)).toEqual([note('standby_adopted')]);
  });
});

describe('decide() stays as it is', () => {
  it('on what a runner that is not there, or that does something else, says', () => {
    const pool = new PoolDriver();
    expect(pool.detached('r9', 'a')).toEqual([]);
    expect(pool.ready('r9', 'a')).toEqual([]);
    expect(pool.attachFailed('r9', 'a')).toEqual([]);
    pool.bring('r1', 'a');
    expect(pool.detached('r1', 'a')).toEqual([]);
    expect(pool.attachFailed('r1', 'a')).toEqual([]);
    expect(pool.detached('r1', 'a+x')).toEqual([]);
    pool.arrive('q1', 'a');
    pool.drain('o1', 'r1');
    expect(pool.ready('r1', 'a')).toEqual([]);
    expect(pool.end('q1')).toEqual(['stop r1 drained 10000']);
  });
});

describe('a start that takes too long says', () => {
  const late = (pool: PoolDriver): Failure[] => pool.rejections(() => pool.tick(30_000));

  it('that its process never took orders', () => {
    const pool = new PoolDriver();
    pool.arrive('q1', 'a');
    pool.tick(29_999);
    expect(pool.stateOf('r1')).toBe('starting');
    expect(late(pool)).toMatchObject([
      { code: 'start_timed_out', message: 'Cannot start "a": not ready for orders after 30000 ms' },
    ]);
  });

  it('that its base was never loaded', () => {
    const pool = new PoolDriver();
    pool.arrive('q1', 'a');
    pool.up('r1');
    expect(late(pool)).toMatchObject([
      { code: 'start_timed_out', message: 'Cannot start "a": not loaded after 30000 ms' },
    ]);
  });

  it('that its combo was never attached', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    pool.arrive('q1', 'a+x');
    expect(late(pool)).toMatchObject([
      { code: 'start_timed_out', message: 'Cannot attach "a+x": not ready after 30000 ms' },
    ]);
  });

  it('that it was a standby', () => {
    const pool = new PoolDriver({ standbys: 1 });
    pool.tick(0);
    const lost = pool.notes(() => pool.tick(30_000)).find((one) => one.note === 'standby_lost');
    const message = 'Cannot start a standby: not ready for orders after 30000 ms';
    expect(lost?.detail).toMatchObject({ message });
  });
});

describe('decide(), at shutdown,', () => {
  it('says why it refuses, now and to whom comes later', () => {
    const pool = new PoolDriver();
    pool.arrive('q1', 'a');
    const failure = {
      code: 'shutting_down',
      message: 'Cannot serve request: the gateway is shutting down',
    };
    expect(pool.rejections(() => pool.shutDown())).toMatchObject([failure]);
    expect(pool.rejections(() => pool.arrive('q2', 'a'))).toMatchObject([failure]);
    expect(pool.answers(() => pool.pin('p1', 'a'))).toMatchObject([
      { ok: false, error: { message: 'Cannot pin "a": the gateway is shutting down' } },
    ]);
    expect(pool.answers(() => pool.warm('o1', 'a'))).toMatchObject([
      { ok: false, error: { message: 'Cannot warm "a": the gateway is shutting down' } },
    ]);
  });

  it('gives who runs its time once, and wants nothing more', () => {
    const pool = new PoolDriver({ maxRunners: 1 });
    pool.bring('r1', 'b');
    pool.arrive('q1', 'b');
    pool.pin('p1', 'a');
    expect(pool.state.replicas.size).toBe(1);
    pool.shutDown();
    expect(pool.state.replicas.size).toBe(0);
    expect(pool.state.unplaced.bases.size).toBe(0);
    expect(pool.tick(5000)).toEqual([]);
    expect(pool.state.replicas.size).toBe(0);
    expect(pool.shutDown()).toEqual([]);
    expect(pool.tick(4999)).toEqual([]);
    expect(pool.tick(1)).toEqual(['stop r1 shutdown 0']);
  });
});

describe('a catalogue that changes', () => {
  it('says to who waits whether the combo was removed or replaced', () => {
    const waiting = (): PoolDriver => {
      const pool = new PoolDriver({ maxRunners: 1 });
      pool.bring('r1', 'b');
      pool.arrive('q1', 'b');
      pool.arrive('q2', 'a');
      return pool;
    };
    const removed = waiting();
    expect(removed.rejections(() => removed.change(catalogueOf([model('b')])))).toMatchObject([
      { code: 'model_not_found', message: 'Cannot start "a": it was removed from the catalogue' },
    ]);
    const replaced = waiting();
    const changed = catalogueOf([model('a', { revision: 'r2' }), model('b')]);
    const message = 'Cannot start "a": it was replaced in the catalogue while the request waited';
    expect(replaced.rejections(() => replaced.change(changed))).toMatchObject([
      { code: 'start_failed', message },
    ]);
  });

  it('lets a busy combo of a replaced base drain, and one that is being attached be', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    pool.arrive('q1', 'a');
    const changed = catalogueOf([model('a', { revision: 'r2' })]);
    pool.change(changed);
    expect(pool.stateOf('r1')).toBe('draining');
    expect(pool.change(changed)).toEqual([]);
    const attaching = new PoolDriver();
    attaching.bring('r1', 'a');
    attaching.warm('o1', 'a+x');
    expect(attaching.change(changed)).toEqual([]);
    expect(attaching.stateOf('r1')).toBe('ready');
    attaching.gone('q1');
    expect(attaching.ready('r1', 'a+x')).toContain('answer o1 r1 attach');
  });
});
