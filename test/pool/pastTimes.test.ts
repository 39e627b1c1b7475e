import { describe, expect, it } from 'vitest';
import type { PastTime } from '../../gateway/pool/pastTimes.ts';
import { expectedStartMs } from '../../gateway/pool/startTimes.ts';
import { catalogueOf, model } from './builders.ts';
import { PoolDriver } from './driver.ts';

/** A pool that was told what its predecessor has measured: `[combo, kind, ms]`. */
function told(times: readonly (readonly [string, PastTime['kind'], number])[]): PoolDriver {
  const pool = new PoolDriver(
    { queueLimitPerCombo: 1 },
    catalogueOf([model('a', { sequences: 1 }), model('b')]),
  );
  const known = times.map(([name, kind, tookMs]) => ({ combo: pool.combo(name), kind, tookMs }));
  expect(pool.tell({ type: 'timesKnown', times: known })).toEqual([]);
  return pool;
}

describe('decide(), told what was measured before a restart,', () => {
  it('refuses the first request whose deadline the start cannot meet, and says when to come again', () => {
    const pool = told([['a', 'cold', 4000]]);
    const failures = pool.rejections(() =>
      expect(pool.ask('one', 'a', { deadlineAtMs: 3999 })).toEqual([
        'reject one start_exceeds_deadline',
        'spawn r1 a',
      ]),
    );
    expect(failures[0]?.retryAfterMs).toBe(4000);
    expect(pool.ask('two', 'b', { deadlineAtMs: 3999 })).toEqual(['spawn r2 b']);
  });

  it('knows how long requests run', () => {
    const pool = told([
      ['a', null, 100],
      ['a', null, 300],
      ['a', null, 200],
    ]);
    pool.bring('r1', 'a');
    pool.arrive('runs', 'a');
    pool.arrive('waits', 'a');
    const [failure] = pool.rejections(() => pool.arrive('late', 'a'));
    // Two turns of 100 ms, the lower one in the middle of these and the 0 ms of bring().
    expect(failure).toMatchObject({ code: 'queue_full', retryAfterMs: 200 });
  });

  it('goes by what it measures itself once that is half of what it remembers', () => {
    const pool = told(Array.from({ length: 16 }, () => ['a', 'cold', 900] as const));
    for (let at = 1; at <= 8; at += 1) {
      expect(expectedStartMs(pool.state, pool.combo('a'))).toBe(900);
      pool.arrive(`q${at}`, 'a');
      pool.up(`r${at}`);
      pool.nowMs += 50;
      pool.loaded(`r${at}`);
      pool.ready(`r${at}`, 'a');
      pool.killed(`r${at}`);
      pool.end(`q${at}`);
    }
    expect(expectedStartMs(pool.state, pool.combo('a'))).toBe(50);
  });
});
