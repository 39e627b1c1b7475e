import { describe, expect, it } from 'vitest';
import { PoolDriver } from './driver.ts';

describe('decide() on an order to warm', () => {
  it('starts the combo and answers when it is ready', () => {
    const pool = new PoolDriver();
    expect(pool.warm('o1', 'a')).toEqual(['spawn r1 a']);
    pool.up('r1');
    pool.loaded('r1');
    expect(pool.ready('r1', 'a')).toEqual(['answer o1 r1 cold']);
    expect(pool.arrive('q1', 'a')).toEqual(['grant q1 r1 warm']);
  });

  it('answers at once when the combo is ready, also when all its sequences are taken', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    for (const id of ['q1', 'q2', 'q3']) pool.arrive(id, 'a');
    expect(pool.warm('o1', 'a')).toEqual(['answer o1 r1 warm']);
  });

  it('joins a start, and is answered with it although more requests wait than it has sequences', () => {
    const pool = new PoolDriver();
    for (const id of ['q1', 'q2', 'q3']) pool.arrive(id, 'a');
    expect(pool.warm('o1', 'a')).toEqual([]);
    pool.up('r1');
    pool.loaded('r1');
    const grants = ['grant q1 r1 cold', 'grant q2 r1 cold joined'];
    expect(pool.ready('r1', 'a')).toEqual(['answer o1 r1 cold', ...grants]);
  });

  it('is joined by requests', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    pool.warm('o1', 'a+x');
    pool.arrive('q1', 'a+x');
    expect(pool.ready('r1', 'a+x')).toEqual(['answer o1 r1 attach', 'grant q1 r1 attach joined']);
  });

  it('keeps the combo from its idle end', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    pool.arrive('q1', 'a', 1000);
    pool.end('q1');
    pool.nowMs = 999;
    pool.warm('o1', 'a');
    expect(pool.tick(999)).toEqual([]);
    expect(pool.tick(1)).toEqual(['detach r1 a']);
  });

  it('is not refused when the queue is full', () => {
    const pool = new PoolDriver({ queueLimit: 1 });
    pool.arrive('q1', 'a');
    expect(pool.warm('o1', 'b')).toEqual(['spawn r2 b']);
  });
});

describe('decide() on an order to evict', () => {
  it('lets an idle combo go, and has nothing to do the second time', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    expect(pool.evict('o1', 'a')).toEqual(['detach r1 a', 'answer o1 evicted true']);
    expect(pool.evict('o2', 'a')).toEqual(['answer o2 evicted false']);
    pool.detached('r1', 'a');
    expect(pool.evict('o3', 'a')).toEqual(['answer o3 evicted false']);
    expect(pool.evict('o4', 'c')).toEqual(['answer o4 evicted false']);
  });

  it('refuses while requests use the combo', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    pool.arrive('q1', 'a');
    expect(pool.evict('o1', 'a')).toEqual(['answer o1 conflict']);
    pool.end('q1');
    expect(pool.evict('o2', 'a')).toEqual(['detach r1 a', 'answer o2 evicted true']);
  });

  it('refuses while the combo is being started or waited for', () => {
    const pool = new PoolDriver({ maxRunners: 1 });
    pool.arrive('q1', 'a');
    expect(pool.evict('o1', 'a')).toEqual(['answer o1 conflict']);
    pool.arrive('q2', 'b');
    expect(pool.evict('o2', 'b')).toEqual(['answer o2 conflict']);
    pool.gone('q1');
    expect(pool.evict('o3', 'a')).toEqual(['answer o3 conflict']);
  });
});
