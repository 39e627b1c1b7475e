import { describe, expect, it } from 'vitest';
import { nextDeadlineMs, takeOverdue, watchDeadline } from '../../gateway/pool/deadlines.ts';
import { noDurations } from '../../gateway/pool/durations.ts';
import type { PoolSettings } from '../../gateway/pool/settings.ts';
import type { Waiter } from '../../gateway/pool/state.ts';
import { randomOf } from './agenda.ts';
import { catalogueOf, model } from './builders.ts';
import { PoolDriver } from './driver.ts';

/** A combo whose last start took `startMs`, in a pool where it is not started now. */
function startedOnce(startMs: number, settings: Partial<PoolSettings> = {}): PoolDriver {
  const pool = new PoolDriver(settings);
  pool.arrive('before', 'a');
  pool.up('r1');
  pool.nowMs += startMs;
  pool.loaded('r1');
  pool.ready('r1', 'a');
  pool.end('before');
  pool.exited('r1');
  return pool;
}

/** One sequence, ready, that the last request had for `serviceMs`; `waiting` requests wait for it, one runs. */
function crowded(serviceMs: number, waiting: number): PoolDriver {
  const pool = new PoolDriver({}, catalogueOf([model('a', { sequences: 1 })]));
  pool.bring('r1', 'a');
  Object.assign(pool.state.serviceTimes, noDurations());
  pool.arrive('before', 'a');
  pool.nowMs += serviceMs;
  pool.end('before');
  pool.arrive('runs', 'a');
  for (let at = 0; at < waiting; at += 1) pool.ask(`w${at}`, 'a', { tenant: `t${at}` });
  return pool;
}

const within = (pool: PoolDriver, ms: number): { deadlineAtMs: number } => ({
  deadlineAtMs: pool.nowMs + ms,
});

describe('a request whose deadline cannot be met', () => {
  it('is refused at once when the combo has taken longer to start, which begins for who comes next', () => {
    const pool = startedOnce(4000);
    const [failure] = pool.rejections(() =>
      expect(pool.ask('one', 'a', within(pool, 3999))).toEqual([
        'reject one start_exceeds_deadline',
        'spawn r2 a',
      ]),
    );
    expect(failure).toEqual({
      code: 'start_exceeds_deadline',
      message:
        'Cannot serve "a" by its deadline: it takes 4000 ms (start 4000, queue 0), expected at most 3999 ms',
      retryAfterMs: 4000,
    });
  });

  it('waits when the start has taken just as long', () => {
    const pool = startedOnce(4000);
    expect(pool.ask('one', 'a', within(pool, 4000))).toEqual(['spawn r2 a']);
  });

  it('waits when the combo was never started: a prediction refuses nobody', () => {
    const pool = new PoolDriver({}, catalogueOf([model('a', { weightBytes: 50e9 })]));
    expect(pool.ask('one', 'a', within(pool, 1))).toEqual(['spawn r1 a']);
  });

  it('is measured by what is left of the start that it would join', () => {
    const pool = startedOnce(4000);
    pool.arrive('begins', 'a');
    pool.nowMs += 3000;
    expect(pool.ask('late', 'a', within(pool, 999))).toEqual(['reject late start_exceeds_deadline']);
    expect(pool.ask('joins', 'a', within(pool, 1000))).toEqual([]);
  });

  it('is measured by the base when another combo of it was started', () => {
    const pool = startedOnce(4000);
    expect(pool.ask('one', 'a+x', within(pool, 3999))[0]).toBe('reject one start_exceeds_deadline');
  });

  it('is measured by attaching when the base is there', () => {
    const pool = startedOnce(4000);
    pool.bring('r2', 'a');
    expect(pool.ask('first', 'a+x', within(pool, 10))).toEqual(['attach r2 a+x']);
    pool.nowMs += 10;
    pool.ready('r2', 'a+x');
    const refused = ['reject next start_exceeds_deadline', 'attach r2 a+y'];
    expect(pool.ask('next', 'a+y', within(pool, 9))).toEqual(refused);
    expect(pool.ask('other', 'a+y', within(pool, 10))).toEqual([]);
  });

  it('begins no start for the next one where such starts are to be dropped, or one is under way', () => {
    const pool = startedOnce(4000, { abandonedStarts: 'drop' });
    expect(pool.ask('one', 'a', within(pool, 10))).toEqual(['reject one start_exceeds_deadline']);
    const kept = startedOnce(4000);
    kept.ask('one', 'a', within(kept, 10));
    expect(kept.ask('two', 'a', within(kept, 10))).toEqual(['reject two start_exceeds_deadline']);
    kept.up('r2');
    kept.loaded('r2');
    expect(kept.ready('r2', 'a')).toEqual(['answer next a#r1 r2 cold']);
    expect(kept.ask('three', 'a', within(kept, 10))).toEqual(['grant three r2 warm']);
  });

  it('is refused with 429 when it is those in front of it', () => {
    const pool = crowded(1000, 2);
    const [failure] = pool.rejections(() =>
      expect(pool.ask('one', 'a', { tenant: 'new', ...within(pool, 2999) })).toEqual([
        'reject one queue_exceeds_deadline',
      ]),
    );
    expect(failure).toEqual({
      code: 'queue_exceeds_deadline',
      message:
        'Cannot serve "a" by its deadline: it takes 3000 ms (start 0, queue 3000), expected at most 2999 ms',
      retryAfterMs: 3000,
    });
    expect(pool.ask('two', 'a', { tenant: 'new', ...within(pool, 3000) })).toEqual([]);
  });

  it('counts of another tenant only as many in front as it has itself, and one', () => {
    const pool = crowded(1000, 0);
    for (const id of ['f1', 'f2', 'f3']) pool.ask(id, 'a', { tenant: 'flood' });
    expect(pool.ask('own', 'a', { tenant: 'flood', ...within(pool, 3999) })).toEqual([
      'reject own queue_exceeds_deadline',
    ]);
    expect(pool.ask('late', 'a', { tenant: 'quiet', ...within(pool, 1999) })).toEqual([
      'reject late queue_exceeds_deadline',
    ]);
    expect(pool.ask('other', 'a', { tenant: 'quiet', ...within(pool, 2000) })).toEqual([]);
  });

  it('counts no flex work in front of an interactive request, and all others in front of flex work', () => {
    const pool = crowded(1000, 1);
    pool.ask('f1', 'a', { tier: 'flex' });
    expect(pool.ask('one', 'a', { tenant: 'new', ...within(pool, 2000) })).toEqual([]);
    const flex = { tier: 'flex', tenant: 'new' } as const;
    expect(pool.ask('two', 'a', { ...flex, ...within(pool, 3999) })).toEqual([
      'reject two queue_exceeds_deadline',
    ]);
    expect(pool.ask('three', 'a', { ...flex, ...within(pool, 4000) })).toEqual([]);
  });

  it('is granted what is free, however short its deadline', () => {
    const pool = crowded(1000, 0);
    pool.end('runs');
    expect(pool.ask('one', 'a', within(pool, 1))).toEqual(['grant one r1 warm']);
  });

  it('is refused when the deadline has passed on its way', () => {
    const pool = crowded(1000, 0);
    pool.end('runs');
    expect(pool.ask('one', 'a', within(pool, 0))).toEqual(['reject one start_exceeds_deadline']);
  });
});

describe('a request that waits to its deadline', () => {
  it('is refused by the first event from then on, once', () => {
    const pool = new PoolDriver();
    pool.ask('one', 'a', within(pool, 500));
    expect(pool.tick(499)).toEqual([]);
    const [failure] = pool.rejections(() => pool.tick(1));
    expect(failure).toMatchObject({
      code: 'start_exceeds_deadline',
      message: 'Cannot serve "a" by its deadline: not ready after 500 ms of waiting',
    });
    expect(pool.tick(200)).toEqual([]);
    expect(pool.gone('one')).toEqual([]);
  });

  it('is refused before what comes too late could serve it', () => {
    const pool = new PoolDriver();
    pool.ask('one', 'a', within(pool, 500));
    pool.up('r1');
    pool.loaded('r1');
    pool.nowMs = 500;
    expect(pool.ready('r1', 'a')).toEqual(['reject one start_exceeds_deadline']);
  });

  it('is told that it was the queue when the combo is ready', () => {
    const pool = crowded(1000, 0);
    pool.ask('one', 'a', within(pool, 1500));
    pool.nowMs += 1500;
    const [failure] = pool.rejections(() =>
      expect(pool.end('other')).toEqual(['reject one queue_exceeds_deadline']),
    );
    expect(failure?.message).toBe(
      'Cannot serve "a" by its deadline: no free sequence after 1500 ms of waiting',
    );
    expect(failure?.retryAfterMs).toBe(2000);
  });

  it('is refused in the very moment when the loop says that it has come, which is no tick', () => {
    const pool = new PoolDriver({ standbys: 1 });
    pool.ask('one', 'a', within(pool, 500));
    pool.nowMs = 499;
    expect(pool.tell({ type: 'deadlineDue' })).toEqual([]);
    pool.nowMs = 500;
    expect(pool.tell({ type: 'deadlineDue' })).toEqual(['reject one start_exceeds_deadline']);
    pool.up('r1');
    pool.loaded('r1');
    pool.ready('r1', 'a');
    // A tick would start the standby.
    expect(pool.tell({ type: 'deadlineDue' })).toEqual([]);
    expect(pool.tick(0)).toEqual(['spawn r2 standby']);
  });

  it('is not refused when its client leaves in that moment', () => {
    const pool = new PoolDriver();
    pool.ask('one', 'a', within(pool, 500));
    pool.nowMs = 500;
    expect(pool.gone('one')).toEqual([]);
  });

  it('leaves the others of its combo waiting', () => {
    const pool = new PoolDriver();
    pool.ask('one', 'a', within(pool, 500));
    pool.arrive('two', 'a');
    expect(pool.tick(500)).toEqual(['reject one start_exceeds_deadline']);
    pool.up('r1');
    pool.loaded('r1');
    expect(pool.ready('r1', 'a')).toEqual(['grant two r1 cold joined']);
  });

  it('is refused also after its client was promised the runner', () => {
    const pool = crowded(1000, 0);
    pool.ask('one', 'a', within(pool, 1500));
    pool.tell({ type: 'promiseAsked', requestId: [...pool.state.waitingIn.keys()][0] as never });
    expect(pool.tick(1500)).toEqual(['reject one queue_exceeds_deadline']);
  });

  it('has no other deadline when it comes again under the same id', () => {
    const pool = crowded(1000, 0);
    pool.ask('one', 'a', within(pool, 1500));
    pool.gone('one');
    pool.arrive('one', 'a');
    expect(pool.tick(1500)).toEqual([]);
  });
});

describe('the queue of deadlines', () => {
  const waiter = (id: string, deadlineAtMs: number): Waiter => ({ id, deadlineAtMs }) as Waiter;

  it('gives them out in their order, whatever the order in which they came', () => {
    const pool = new PoolDriver();
    const random = randomOf(7);
    const atMs = Array.from({ length: 60 }, () => Math.floor(random() * 50));
    for (const [at, ms] of atMs.entries()) watchDeadline(pool.state, waiter(`${at}`, ms));
    const seen: number[] = [];
    for (let nowMs = 0; nowMs < 50; nowMs += 1) {
      for (const id of takeOverdue(pool.state, nowMs)) {
        expect(atMs[Number(id)]).toBe(nowMs);
        seen.push(nowMs);
      }
    }
    expect(seen).toHaveLength(60);
  });

  it('forgets those who were answered long before their deadline', () => {
    const pool = crowded(1, 0);
    for (let at = 0; at < 500; at += 1) {
      pool.ask(`q${at}`, 'a', within(pool, 1e6 - at));
      pool.gone(`q${at}`);
    }
    expect(pool.state.deadlines.length).toBeLessThan(64);
    pool.ask('stays', 'a', within(pool, 1000));
    for (let at = 0; at < 500; at += 1) {
      pool.ask(`p${at}`, 'a', within(pool, 1e6 - at));
      pool.gone(`p${at}`);
    }
    expect(pool.tick(1000)).toEqual(['reject stays queue_exceeds_deadline']);
  });

  it('says when the next one is, of those who still wait', () => {
    const pool = crowded(1000, 1);
    expect(nextDeadlineMs(pool.state)).toBe(Number.POSITIVE_INFINITY);
    pool.ask('late', 'a', within(pool, 5000));
    pool.ask('soon', 'a', within(pool, 3000));
    pool.ask('between', 'a', within(pool, 4000));
    expect(nextDeadlineMs(pool.state)).toBe(pool.nowMs + 3000);
    pool.gone('between');
    expect(nextDeadlineMs(pool.state)).toBe(pool.nowMs + 3000);
    pool.gone('soon');
    expect(nextDeadlineMs(pool.state)).toBe(pool.nowMs + 5000);
    pool.end('runs');
    pool.end('w0');
    expect(nextDeadlineMs(pool.state)).toBe(Number.POSITIVE_INFINITY);
  });

  it('holds nothing of those without a deadline', () => {
    const pool = crowded(1, 3);
    expect(pool.state.deadlines).toEqual([]);
  });
});
