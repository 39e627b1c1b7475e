import { describe, expect, it } from 'vitest';
import { catalogueOf, model } from './builders.ts';
import { PoolDriver } from './driver.ts';

describe('decide() shares the threads', () => {
  it('among the runners that decode, and gives them back to those that go on', () => {
    const pool = new PoolDriver({ cpuThreads: 5 });
    pool.bring('r1', 'a');
    pool.bring('r2', 'b');
    expect(pool.arrive('q1', 'a')).toEqual(['grant q1 r1 warm']);
    expect(pool.arrive('q2', 'b')).toEqual(['grant q2 r2 warm', 'threads r1 2', 'threads r2 2']);
    expect(pool.end('q2')).toEqual(['threads r1 5']);
  });

  it.each(['hung', 'exited'] as const)('anew when one that decodes has %s', (loss) => {
    const pool = new PoolDriver({ cpuThreads: 5 });
    pool.bring('r1', 'a');
    pool.bring('r2', 'b');
    pool.arrive('q1', 'a');
    pool.arrive('q2', 'b');
    expect(pool[loss]('r2')).toContain('threads r1 5');
  });

  it('with at least one for each', () => {
    const pool = new PoolDriver({ cpuThreads: 1 });
    pool.bring('r1', 'a');
    pool.bring('r2', 'b');
    pool.arrive('q1', 'a');
    expect(pool.arrive('q2', 'b')).toEqual(['grant q2 r2 warm']);
  });

  it('up to what a model allows', () => {
    const pool = new PoolDriver({}, catalogueOf([model('a', { maxThreads: 3 })]));
    pool.arrive('q1', 'a');
    expect(pool.up('r1')).toEqual(['load r1 3']);
  });

  it('with a runner that loads while others decode', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    pool.arrive('q1', 'a');
    pool.arrive('q2', 'b');
    expect(pool.up('r2')).toEqual(['load r2 2']);
  });
});
