import { describe, expect, it } from 'vitest';
import { runnerId } from '../../gateway/domain/ids.ts';
import { catalogueOf, model } from './builders.ts';
import { BROKEN, PoolDriver } from './driver.ts';

/** `a` is ready on r1 and used by q1. */
function busy(settings: ConstructorParameters<typeof PoolDriver>[0] = {}): PoolDriver {
  const pool = new PoolDriver(settings);
  pool.bring('r1', 'a');
  pool.arrive('q1', 'a');
  return pool;
}

describe('decide() on an order to drain a runner', () => {
  it('that there is not says so', () => {
    const pool = new PoolDriver();
    const answers = pool.answers(() => pool.drain('o1', 'r9'));
    const message = 'Cannot drain runner "r_t_9": there is none';
    expect(answers).toEqual([{ ok: false, error: { code: 'not_found', message } }]);
  });

  it('that is idle stops it', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    const answers = pool.answers(() =>
      expect(pool.drain('o1', 'r1')).toEqual(['stop r1 drained 10000', 'answer o1 stopping']),
    );
    expect(answers).toEqual([{ ok: true, value: { order: 'drain', state: 'stopping' } }]);
    expect(pool.drain('o2', 'r1')).toEqual(['answer o2 stopping']);
  });

  it('that is busy lets what runs finish, for so long', () => {
    const pool = busy();
    const notes = pool.notes(() => expect(pool.drain('o1', 'r1')).toEqual(['answer o1 draining']));
    expect(notes).toEqual([
      {
        type: 'note',
        note: 'runner_draining',
        runnerId: runnerId('r_t_1'),
        detail: { reason: 'drained', active: 1 },
      },
    ]);
    expect(pool.arrive('q2', 'a')).toEqual(['spawn r2 a']);
    expect(pool.tick(5000)).toEqual([]);
    expect(pool.drain('o2', 'r1')).toEqual(['answer o2 draining']);
    expect(pool.tick(4999)).toEqual([]);
    expect(pool.tick(1)).toEqual(['stop r1 drained 0']);
  });

  it('that is busy stops it when what runs has ended', () => {
    const pool = busy();
    pool.drain('o1', 'r1');
    expect(pool.end('q1')).toEqual(['stop r1 drained 10000']);
  });

  it('that starts stops it, and who waits for it is served by the next', () => {
    const pool = new PoolDriver();
    pool.arrive('q1', 'a');
    expect(pool.drain('o1', 'r1')).toEqual(['stop r1 drained 0', 'answer o1 stopping', 'spawn r2 a']);
  });

  it('gives one a limit that drains to be replaced', () => {
    const pool = busy({ maxRunners: 1, swapAfterMs: 100 });
    pool.arrive('q2', 'b');
    pool.tick(100);
    expect(pool.stateOf('r1')).toBe('draining');
    expect(pool.tick(20_000)).toEqual([]);
    expect(pool.drain('o1', 'r1')).toEqual(['answer o1 draining']);
    expect(pool.tick(9999)).toEqual(['reject q2 no_capacity']);
    expect(pool.tick(1)).toEqual(['stop r1 drained 0']);
  });

  it('gives one a limit whose base was replaced', () => {
    const pool = busy();
    pool.change(catalogueOf([model('a', { revision: 'r2' })]));
    expect(pool.stateOf('r1')).toBe('draining');
    expect(pool.tick(20_000)).toEqual([]);
    pool.drain('o1', 'r1');
    expect(pool.tick(9999)).toEqual([]);
    expect(pool.end('q1')).toEqual(['stop r1 drained 10000']);
  });
});

describe('decide() on an order to evict', () => {
  const error = (message: string) => [{ ok: false, error: { code: 'conflict', message } }];

  it('says what keeps the combo', () => {
    const pool = busy({ maxRunners: 2 });
    expect(pool.answers(() => pool.evict('o1', 'a'))).toEqual(error('Cannot evict "a": it is busy'));
    pool.arrive('q2', 'a+x');
    expect(pool.answers(() => pool.evict('o2', 'a+x'))).toEqual(
      error('Cannot evict "a+x": it is being started'),
    );
    pool.pin('p1', 'a+x');
    expect(pool.answers(() => pool.evict('o3', 'a+x'))).toEqual(error('Cannot evict "a+x": it is pinned'));
    const waiting = busy({ maxRunners: 1 });
    waiting.arrive('q2', 'b');
    expect(waiting.answers(() => waiting.evict('o1', 'b'))).toEqual(
      error('Cannot evict "b": it is waited for'),
    );
  });

  it('leaves one that drains to who uses it, and one that goes to its going', () => {
    const pool = busy({ maxCombosPerRunner: 1, swapAfterMs: 100 });
    pool.arrive('q2', 'a+x');
    pool.tick(100);
    expect(pool.state.runners.get(pool.runnerId('r1'))?.combos.get(pool.combo('a').key)?.state).toBe(
      'draining',
    );
    expect(pool.answers(() => pool.evict('o1', 'a'))).toEqual(error('Cannot evict "a": it is busy'));
    expect(pool.end('q1')).toEqual(['detach r1 a']);
    expect(pool.evict('o2', 'a')).toEqual(['answer o2 evicted false']);
  });

  it('forgets quarantines in the operator’s name', () => {
    const pool = new PoolDriver();
    for (const id of ['r1', 'r2']) {
      pool.arrive(`q ${id}`, 'a');
      pool.failed(id);
      pool.exited(id);
    }
    const notes = pool.notes(() => expect(pool.lift('o1', 'a')).toEqual(['answer o1 lifted true']));
    expect(notes).toMatchObject([
      { note: 'quarantine_lifted', detail: { reason: 'operator', scope: 'base', failures: 2 } },
    ]);
    pool.bring('r3', 'a');
    for (const id of ['q1', 'q2']) {
      pool.arrive(id, 'a+x');
      pool.attachFailed('r3', 'a+x', BROKEN);
    }
    expect(pool.notes(() => pool.lift('o2', 'a+x'))).toMatchObject([
      { note: 'quarantine_lifted', combo: 'a+x', detail: { reason: 'operator', scope: 'combo' } },
    ]);
    expect(pool.lift('o3', 'a+x')).toEqual(['answer o3 lifted false']);
  });
});
