import { describe, expect, it } from 'vitest';
import { accountOf } from '../../gateway/pool/fairness.ts';
import type { PoolSettings } from '../../gateway/pool/settings.ts';
import { adapter, catalogueOf, model } from './builders.ts';
import { PoolDriver } from './driver.ts';

/** One sequence, so that whoever ends lets exactly one in. */
function single(settings: Partial<PoolSettings> = {}): PoolDriver {
  const catalogue = catalogueOf([model('a', { sequences: 1 })], [adapter('x', 'a')]);
  const pool = new PoolDriver(settings, catalogue);
  pool.warm('before', 'a');
  pool.up('r1');
  pool.loaded('r1');
  pool.ready('r1', 'a');
  return pool;
}

const counterOf = (pool: PoolDriver, tenant: string): number | undefined =>
  pool.state.fairness.accounts.get(tenant)?.counter;

describe('the order among tenants', () => {
  it('lets a tenant that comes late in before the crowd of another one', () => {
    const pool = single();
    for (const id of ['f1', 'f2', 'f3', 'f4']) pool.ask(id, 'a', { tenant: 'flood' });
    pool.ask('q1', 'a', { tenant: 'quiet' });
    expect(pool.used('f1', 10, 10)).toEqual(['grant q1 r1 warm']);
    expect(pool.used('q1', 10, 10)).toEqual(['grant f2 r1 warm']);
  });

  it('is that of arrival within a tenant', () => {
    const pool = single();
    for (const id of ['f1', 'f2', 'f3']) pool.ask(id, 'a', { tenant: 'flood' });
    expect(pool.used('f1', 10, 10)).toEqual(['grant f2 r1 warm']);
    expect(pool.used('f2', 10, 10)).toEqual(['grant f3 r1 warm']);
  });

  it('goes by what was used: one long answer is made up for by several short ones', () => {
    const pool = single();
    pool.ask('l1', 'a', { tenant: 'long' });
    pool.ask('l2', 'a', { tenant: 'long' });
    for (const id of ['s1', 's2', 's3']) pool.ask(id, 'a', { tenant: 'short' });
    expect(pool.used('l1', 0, 500)).toEqual(['grant s1 r1 warm']);
    expect(pool.used('s1', 0, 10)).toEqual(['grant s2 r1 warm']);
    expect(pool.used('s2', 0, 10)).toEqual(['grant s3 r1 warm']);
    expect(pool.used('s3', 0, 10)).toEqual(['grant l2 r1 warm']);
  });

  it('gives a tenant of twice the weight twice as much', () => {
    const pool = single();
    const ids = [1, 2, 3, 4, 5, 6];
    pool.ask('first', 'a', {});
    for (const at of ids) pool.ask(`h${at}`, 'a', { tenant: 'heavy', weight: 2 });
    for (const at of ids) pool.ask(`l${at}`, 'a', { tenant: 'light' });
    const order: string[] = [];
    for (let last = 'first'; order.length < 6; ) {
      last = pool.used(last, 100, 100)[0]?.split(' ')[1] ?? '';
      order.push(last[0] ?? '');
    }
    expect(order.filter((tenant) => tenant === 'h')).toHaveLength(4);
  });

  it('holds among those that are let in at one time', () => {
    const catalogue = catalogueOf([model('a', { sequences: 3 })]);
    const pool = new PoolDriver({}, catalogue);
    for (const id of ['f1', 'f2', 'f3']) pool.ask(id, 'a', { tenant: 'flood' });
    pool.ask('q1', 'a', { tenant: 'quiet' });
    pool.up('r1');
    pool.loaded('r1');
    expect(pool.ready('r1', 'a')).toEqual([
      'grant f1 r1 cold',
      'grant q1 r1 cold joined',
      'grant f2 r1 cold joined',
    ]);
  });
});

describe('a counter', () => {
  it('grows by input tokens, and by output tokens that count twice', () => {
    const pool = single();
    pool.ask('one', 'a', { tenant: 't' });
    pool.used('one', 100, 30);
    expect(counterOf(pool, 't')).toBe(160);
  });

  it('grows by what the operator says that tokens count', () => {
    const pool = single({ fairWeights: { inputToken: 3, outputToken: 0, startSecond: 0 } });
    pool.ask('one', 'a', { tenant: 't' });
    pool.used('one', 100, 30);
    expect(counterOf(pool, 't')).toBe(300);
  });

  it('grows by less for a tenant of more weight', () => {
    const pool = single();
    pool.ask('one', 'a', { tenant: 't', weight: 4 });
    expect(counterOf(pool, 't')).toBe(0.25);
    pool.used('one', 100, 30);
    expect(counterOf(pool, 't')).toBe(40);
  });

  it('is charged when a request is granted what the last ones took, and keeps that when nobody knows better', () => {
    const pool = single();
    pool.ask('one', 'a', { tenant: 't' });
    expect(counterOf(pool, 't')).toBe(1);
    pool.end('one');
    expect(counterOf(pool, 't')).toBe(1);
    pool.ask('two', 'a', { tenant: 't' });
    pool.used('two', 101, 0);
    expect(counterOf(pool, 't')).toBe(102);
    pool.ask('three', 'a', { tenant: 't' });
    // A tenth of the way from 1 to 101.
    expect(counterOf(pool, 't')).toBe(113);
  });

  it('is not charged for one that waits', () => {
    const pool = single();
    pool.ask('one', 'a', { tenant: 't' });
    pool.ask('two', 'a', { tenant: 't' });
    expect(counterOf(pool, 't')).toBe(1);
  });

  it('is lifted to the least of those who wait when its tenant comes back', () => {
    const pool = single();
    pool.ask('b1', 'a', { tenant: 'busy' });
    pool.ask('b2', 'a', { tenant: 'busy' });
    pool.used('b1', 1000, 0);
    pool.ask('b3', 'a', { tenant: 'busy' });
    const busy = counterOf(pool, 'busy') ?? 0;
    expect(busy).toBeGreaterThan(1000);
    pool.ask('n1', 'a', { tenant: 'new' });
    expect(counterOf(pool, 'new')).toBe(busy);
    pool.ask('n2', 'a', { tenant: 'new' });
    expect(counterOf(pool, 'new')).toBe(busy);
  });

  it('is lifted to that of the tenant that waited last when nobody waits', () => {
    const pool = single();
    pool.ask('one', 'a', { tenant: 'old' });
    pool.used('one', 1000, 0);
    pool.ask('two', 'a', { tenant: 'new' });
    pool.used('two', 0, 0);
    expect(counterOf(pool, 'new')).toBeCloseTo(1000);
  });

  it('is never lowered', () => {
    const pool = single();
    pool.ask('one', 'a', { tenant: 'rich' });
    pool.used('one', 1000, 0);
    pool.ask('two', 'a', { tenant: 'rich' });
    pool.ask('three', 'a', { tenant: 'rich' });
    pool.ask('four', 'a', { tenant: 'poor' });
    pool.used('two', 0, 0);
    pool.gone('four');
    pool.ask('five', 'a', { tenant: 'rich' });
    expect(counterOf(pool, 'rich')).toBeGreaterThanOrEqual(1000);
  });

  it('of a tenant that waits elsewhere does not lift others above it', () => {
    const pool = single();
    pool.ask('far', 'a+x', { tenant: 'far' });
    pool.ask('one', 'a', { tenant: 'old' });
    pool.used('one', 1000, 0);
    pool.ask('two', 'a', { tenant: 'new' });
    pool.used('two', 0, 0);
    expect(counterOf(pool, 'new')).toBe(0);
  });
});

describe('a start', () => {
  it('counts for the tenant that began it', () => {
    const pool = new PoolDriver();
    pool.ask('one', 'a', { tenant: 'first' });
    pool.ask('two', 'a', { tenant: 'second' });
    pool.nowMs = 1000;
    pool.up('r1');
    pool.loaded('r1');
    pool.nowMs = 3000;
    pool.ready('r1', 'a');
    expect(counterOf(pool, 'first')).toBe(301);
    expect(counterOf(pool, 'second')).toBe(1);
  });

  it('counts over the weight of the tenant', () => {
    const pool = new PoolDriver();
    pool.ask('one', 'a', { tenant: 'first', weight: 2 });
    pool.up('r1');
    pool.loaded('r1');
    pool.nowMs = 3000;
    pool.ready('r1', 'a');
    expect(counterOf(pool, 'first')).toBe(150.5);
  });

  it('counts up to then for a tenant that leaves before its end', () => {
    const pool = new PoolDriver();
    pool.ask('one', 'a', { tenant: 'first' });
    pool.ask('two', 'a', { tenant: 'second' });
    pool.nowMs = 2000;
    pool.gone('two');
    pool.gone('one');
    expect(counterOf(pool, 'first')).toBe(200);
    expect(counterOf(pool, 'second')).toBe(0);
  });

  it('counts for nobody when an operator asked for it', () => {
    const pool = new PoolDriver();
    pool.warm('o1', 'a');
    pool.ask('one', 'a', { tenant: 'first' });
    pool.up('r1');
    pool.loaded('r1');
    pool.nowMs = 3000;
    pool.ready('r1', 'a');
    expect(counterOf(pool, 'first')).toBe(1);
  });

  it('that is over counts no more for one that waited on for a sequence and leaves', () => {
    const pool = single();
    pool.ask('one', 'a', { tenant: 'first' });
    pool.ask('two', 'a', { tenant: 'second' });
    const before = counterOf(pool, 'second');
    pool.nowMs = 2000;
    pool.gone('two');
    expect(counterOf(pool, 'second')).toBe(before);
  });
});

it('accounts of idle tenants go when there are more than 10,000, the longest unused first', () => {
  const pool = single();
  pool.ask('held', 'a', { tenant: 'runs' });
  pool.ask('waits', 'a', { tenant: 'waits' });
  const { accounts } = pool.state.fairness;
  // Not through the driver, which would go through all of them in the books after each.
  for (let at = accounts.size; at < 10_000; at += 1) accountOf(pool.state, `t${at}`, 1, 0);
  expect([...accounts.keys()].slice(0, 4)).toEqual(['runs', 'waits', 't2', 't3']);
  pool.ask('more', 'a', { tenant: 'more' });
  expect(accounts.size).toBe(10_000);
  expect([...accounts.keys()].slice(0, 3)).toEqual(['runs', 'waits', 't3']);
  pool.ask('again', 'a', { tenant: 't3' });
  pool.ask('last', 'a', { tenant: 'last' });
  expect([...accounts.keys()].slice(0, 3)).toEqual(['runs', 'waits', 't5']);
});
