import { describe, expect, it } from 'vitest';
import { runnerId } from '../../gateway/domain/ids.ts';
import { strike } from '../../gateway/pool/quarantine.ts';
import { isIdle } from '../../gateway/pool/state.ts';
import { BROKEN, PoolDriver } from './driver.ts';

/** `b` is idle on r1, the full r2 has `a` and `a+x`, idle. */
function full(): PoolDriver {
  const pool = new PoolDriver({ maxCombosPerRunner: 2 });
  pool.bring('r1', 'b');
  pool.nowMs = 1;
  pool.bring('r2', 'a');
  pool.bring('r2', 'a+x');
  return pool;
}

describe('a pin that lacks a place', () => {
  it('gets that of one combo on a full runner of its base, and no other runner goes', () => {
    const pool = full();
    expect(pool.pin('p1', 'a+y')).toEqual(['answer p1 pinned', 'detach r2 a']);
    expect(pool.stateOf('r1')).toBe('ready');
    expect(pool.tick(1)).toEqual([]);
    expect(pool.detached('r2', 'a')).toEqual(['attach r2 a+y']);
  });

  it('gets that of an idle runner when those of its base have the combo already', () => {
    const pool = full();
    expect(pool.pin('p1', 'a', { count: 2 })).toEqual(['answer p1 pinned', 'stop r1 evicted 10000']);
    expect(pool.exited('r1')).toEqual(['spawn r3 a']);
  });

  it('gets that of an idle runner beside who waits for a place on a full one', () => {
    const pool = full();
    for (const name of ['a', 'a+x']) pool.arrive(`busy ${name}`, name);
    expect(pool.arrive('q1', 'a+y')).toEqual([]);
    expect(pool.pin('p1', 'a', { count: 2 })).toEqual(['answer p1 pinned', 'stop r1 evicted 10000']);
  });

  it('shares what is made with who waits for one, too', () => {
    const pool = full();
    pool.arrive('busy', 'a');
    pool.pin('p1', 'a+y');
    pool.arrive('q1', 'a+x@0.5');
    expect(pool.stateOf('r1')).toBe('ready');
    expect(pool.detached('r2', 'a+x')).toEqual(['attach r2 a+y']);
    expect(pool.stateOf('r1')).toBe('ready');
  });
});

describe('who waits while what is there turns out to be more than fits', () => {
  it('is refused when its turn comes', () => {
    const pool = new PoolDriver({ memoryBytes: 1500, maxCombosPerRunner: 1 });
    pool.arrive('q1', 'a');
    pool.arrive('q2', 'a+x');
    pool.up('r1');
    pool.tell({ type: 'runnerLoaded', runnerId: runnerId('r_t_1'), weightBytes: 2000 });
    pool.ready('r1', 'a');
    expect(pool.end('q1')).toEqual(['detach r1 a']);
    expect(pool.detached('r1', 'a')).toEqual(['reject q2 no_capacity']);
  });
});

describe('a quarantine', () => {
  it('ends the want for a replica at once, and nobody waits for it', () => {
    const pool = new PoolDriver({ maxRunners: 1 });
    pool.bring('r1', 'b');
    pool.arrive('busy', 'b');
    pool.pin('p1', 'a');
    pool.arrive('q1', 'a');
    expect(pool.state.replicas.size).toBe(1);
    for (let at = 0; at < 2; at += 1)
      strike(pool.state, { scope: 'base', model: pool.combo('a').model }, BROKEN, 0, []);
    expect(pool.gone('nobody')).toEqual(['reject q1 quarantined']);
    expect(pool.state.replicas.size).toBe(0);
  });

  it('bars nobody who waits for a place where the base is', () => {
    const pool = full();
    for (const name of ['a', 'a+x']) pool.arrive(`busy ${name}`, name);
    pool.arrive('q1', 'a+y');
    for (let at = 0; at < 2; at += 1)
      strike(pool.state, { scope: 'base', model: pool.combo('a').model }, BROKEN, 0, []);
    expect(pool.gone('nobody')).toEqual([]);
    expect(pool.state.queues.size).toBe(1);
  });
});

describe('isIdle()', () => {
  it('is true of a ready runner that does nothing', () => {
    const pool = new PoolDriver();
    const idle = (): boolean => {
      const runner = pool.state.runners.get(runnerId('r_t_1'));
      return runner !== undefined && isIdle(runner);
    };
    pool.arrive('q1', 'a');
    expect(idle()).toBe(false);
    pool.up('r1');
    pool.loaded('r1');
    expect(idle()).toBe(false);
    pool.ready('r1', 'a');
    expect(idle()).toBe(false);
    pool.end('q1');
    expect(idle()).toBe(true);
    pool.warm('o1', 'a+x');
    expect(idle()).toBe(false);
    pool.ready('r1', 'a+x');
    expect(idle()).toBe(true);
    pool.evict('o2', 'a+x');
    expect(idle()).toBe(true);
  });
});
