import { describe, expect, it } from 'vitest';
import { adapter, catalogueOf, model } from './builders.ts';
import { PoolDriver } from './driver.ts';

const CATALOGUE = catalogueOf([model('a', { sequences: 1 })], [adapter('x', 'a')]);

describe('a tenant’s share of the queue', () => {
  /** One runs; what comes now waits. */
  function queued(limits: { queueLimit?: number; queueLimitPerCombo?: number }): PoolDriver {
    const pool = new PoolDriver({ queueShare: 0.5, ...limits }, CATALOGUE);
    pool.bring('r1', 'a');
    pool.nowMs = 1e6;
    pool.ask('runs', 'a', { tenant: 'flood' });
    return pool;
  }

  it('is all of it while nobody else asks', () => {
    const pool = queued({ queueLimit: 4 });
    for (const id of ['f1', 'f2', 'f3', 'f4']) expect(pool.ask(id, 'a', { tenant: 'flood' })).toEqual([]);
    expect(pool.ask('f5', 'a', { tenant: 'flood' })).toEqual(['reject f5 queue_full']);
  });

  it('is a part of it while another one asks too', () => {
    const pool = queued({ queueLimit: 5 });
    pool.ask('q1', 'a', { tenant: 'quiet' });
    for (const id of ['f1', 'f2']) expect(pool.ask(id, 'a', { tenant: 'flood' })).toEqual([]);
    const [failure] = pool.rejections(() =>
      expect(pool.ask('f3', 'a', { tenant: 'flood' })).toEqual(['reject f3 queue_full']),
    );
    expect(failure?.message).toBe(
      'Cannot queue request: 2 of this API key are waiting, expected at most 2 while others ask',
    );
    expect(pool.ask('q2', 'a', { tenant: 'quiet' })).toEqual([]);
  });

  it('is all of it again a minute after the other one asked for the last time', () => {
    const pool = queued({ queueLimit: 2 });
    pool.ask('q1', 'a', { tenant: 'quiet' });
    pool.gone('q1');
    pool.ask('f1', 'a', { tenant: 'flood' });
    pool.nowMs += 59_999;
    expect(pool.ask('f2', 'a', { tenant: 'flood' })).toEqual(['reject f2 queue_full']);
    pool.nowMs += 1;
    expect(pool.ask('f3', 'a', { tenant: 'flood' })).toEqual([]);
  });

  it('is a part of the queue of each combo, too', () => {
    const pool = queued({ queueLimitPerCombo: 4 });
    pool.ask('elsewhere', 'a+x', { tenant: 'flood' });
    pool.ask('q1', 'a', { tenant: 'quiet' });
    for (const id of ['f1', 'f2']) expect(pool.ask(id, 'a', { tenant: 'flood' })).toEqual([]);
    const [failure] = pool.rejections(() =>
      expect(pool.ask('f3', 'a', { tenant: 'flood' })).toEqual(['reject f3 queue_full']),
    );
    expect(failure?.message).toBe(
      'Cannot queue request for "a": 2 of this API key are waiting, expected at most 2 while others ask',
    );
    expect(pool.ask('q2', 'a', { tenant: 'quiet' })).toEqual([]);
  });

  it('is one place at least', () => {
    const pool = queued({ queueLimit: 1000, queueLimitPerCombo: 1 });
    pool.ask('q1', 'a+x', { tenant: 'quiet' });
    expect(pool.ask('f1', 'a', { tenant: 'flood' })).toEqual([]);
    const tight = queued({ queueLimit: 1 });
    tight.ask('q1', 'a', { tenant: 'quiet' });
    tight.gone('q1');
    expect(tight.ask('f1', 'a', { tenant: 'flood' })).toEqual([]);
  });
});
