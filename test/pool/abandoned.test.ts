import { describe, expect, it } from 'vitest';
import { adapter, catalogueOf, model } from './builders.ts';
import { PoolDriver } from './driver.ts';

const CATALOGUE = catalogueOf([model('a', { sequences: 1 })], [adapter('x', 'a')]);

describe('a start that nobody waits for any more', () => {
  it('is kept unless the operator wants otherwise', () => {
    const pool = new PoolDriver();
    pool.arrive('one', 'a');
    expect(pool.gone('one')).toEqual([]);
    pool.up('r1');
    pool.loaded('r1');
    expect(pool.ready('r1', 'a')).toEqual([]);
    expect(pool.arrive('two', 'a')).toEqual(['grant two r1 warm']);
  });

  it('is stopped, when it is to be dropped, while its base is not there', () => {
    const pool = new PoolDriver({ abandonedStarts: 'drop' });
    pool.arrive('one', 'a');
    pool.arrive('two', 'a');
    expect(pool.gone('one')).toEqual([]);
    expect(pool.gone('two')).toEqual(['stop r1 abandoned 0']);
  });

  it('goes on for another combo that is wanted of its base', () => {
    const pool = new PoolDriver({ abandonedStarts: 'drop' });
    pool.arrive('one', 'a');
    pool.arrive('two', 'a+x');
    expect(pool.gone('one')).toEqual([]);
    pool.up('r1');
    expect(pool.loaded('r1')).toEqual(['attach r1 a+x']);
  });

  it('goes on for an operator that waits for it', () => {
    const pool = new PoolDriver({ abandonedStarts: 'drop' });
    pool.arrive('one', 'a');
    pool.warm('o1', 'a');
    expect(pool.gone('one')).toEqual([]);
  });

  it('has its combo let go when it can be called back no more', () => {
    const pool = new PoolDriver({ abandonedStarts: 'drop' });
    pool.arrive('one', 'a');
    pool.up('r1');
    pool.loaded('r1');
    expect(pool.gone('one')).toEqual([]);
    expect(pool.ready('r1', 'a')).toEqual(['detach r1 a']);
  });

  it('is dropped also when the last deadline of those who waited has passed', () => {
    const pool = new PoolDriver({ abandonedStarts: 'drop' });
    pool.ask('one', 'a', { deadlineAtMs: 100 });
    expect(pool.tick(100)).toEqual(['reject one start_exceeds_deadline', 'stop r1 abandoned 0']);
  });

  it('is nothing to a process that has gone in that moment', () => {
    const pool = new PoolDriver({ abandonedStarts: 'drop' });
    pool.ask('one', 'a', { deadlineAtMs: 100 });
    pool.nowMs = 100;
    expect(pool.exited('r1')).toEqual(['reject one start_failed']);
  });

  it('leaves what is ready alone', () => {
    const pool = new PoolDriver({ abandonedStarts: 'drop' }, CATALOGUE);
    pool.bring('r1', 'a');
    pool.arrive('runs', 'a');
    pool.arrive('waits', 'a');
    expect(pool.gone('waits')).toEqual([]);
  });
});
