import { describe, expect, it } from 'vitest';
import { adapter, catalogueOf, model } from './builders.ts';
import { PoolDriver } from './driver.ts';

function ready(pool: PoolDriver, id: string, name = 'a'): string[] {
  pool.up(id);
  pool.loaded(id);
  return pool.ready(id, name);
}

describe('one that waits on a start', () => {
  it('stays the one that began it when a pin begins another', () => {
    const pool = new PoolDriver({ maxRunners: 3 });
    pool.arrive('q1', 'a');
    expect(pool.pin('p1', 'a', { count: 2 })).toEqual(['answer p1 pinned', 'spawn r2 a']);
    expect(ready(pool, 'r1')).toEqual(['grant q1 r1 cold']);
  });

  it('stays the one that began it when another one is lost', () => {
    const pool = new PoolDriver({ maxRunners: 3 });
    pool.arrive('q1', 'a');
    pool.pin('p1', 'a', { count: 2 });
    expect(pool.failed('r2')).toEqual(['stop r2 failed 0']);
    expect(ready(pool, 'r1')).toEqual(['grant q1 r1 cold']);
  });

  it('joins another one when its own is lost', () => {
    const pool = new PoolDriver({ maxRunners: 3 });
    pool.arrive('q1', 'a');
    pool.pin('p1', 'a', { count: 2 });
    expect(pool.failed('r1')).toEqual(['stop r1 failed 0']);
    expect(ready(pool, 'r2')).toEqual(['grant q1 r2 cold joined']);
  });
});

describe('one that waits for a sequence', () => {
  it('joins the start of another runner when its own is lost', () => {
    const pool = new PoolDriver({ maxRunners: 3 });
    pool.bring('r1', 'a');
    pool.pin('p1', 'a', { count: 2 });
    for (const id of ['q1', 'q2', 'q3']) pool.arrive(id, 'a');
    expect(pool.exited('r1')).toEqual([]);
    expect(ready(pool, 'r2')).toEqual(['grant q3 r2 cold joined']);
  });

  it('is granted as warm by a start of a pin that ends first', () => {
    const pool = new PoolDriver({ maxRunners: 3 });
    pool.bring('r1', 'a');
    pool.pin('p1', 'a', { count: 2 });
    for (const id of ['q1', 'q2', 'q3']) pool.arrive(id, 'a');
    expect(ready(pool, 'r2')).toContain('grant q3 r2 warm');
  });
});

describe('where a combo is started', () => {
  it('is a runner that is ready, before an older one that is not', () => {
    const pool = new PoolDriver({ maxRunners: 3 });
    pool.pin('p1', 'a', { count: 2 });
    ready(pool, 'r2');
    expect(pool.stateOf('r1')).toBe('starting');
    expect(pool.arrive('q1', 'a+x')).toEqual(['attach r2 a+x']);
  });

  it('is one that has a place, although it is not ready', () => {
    const pool = new PoolDriver({ maxRunners: 3, maxCombosPerRunner: 2 });
    pool.pin('p1', 'a', { count: 2 });
    ready(pool, 'r2');
    pool.arrive('q1', 'a+x');
    expect(pool.arrive('q2', 'a+y')).toEqual([]);
    pool.up('r1');
    expect(pool.loaded('r1')).toEqual(['attach r1 a', 'attach r1 a+y']);
  });

  it('has an idle combo go on a full runner that is ready, before one that starts', () => {
    const catalogue = catalogueOf([model('a', { maxRunners: 2 })], [adapter('x', 'a'), adapter('y', 'a')]);
    const pool = new PoolDriver({ maxCombosPerRunner: 1 }, catalogue);
    pool.arrive('q1', 'a');
    pool.adopt('r9', 'a', [pool.combo('a+y').key]);
    expect(pool.arrive('q2', 'a+x')).toEqual(['detach r9 a+y']);
    expect(pool.arrive('q3', 'a+x')).toEqual([]);
    expect(pool.detached('r9', 'a+y')).toEqual(['attach r9 a+x']);
  });
});
