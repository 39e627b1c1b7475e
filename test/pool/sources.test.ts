import { describe, expect, it } from 'vitest';
import { freeBytes } from '../../gateway/pool/memory.ts';
import { catalogueOf, model } from './builders.ts';
import { PoolDriver } from './driver.ts';
import { bring, CUDA0, CUDA1, poolWith, readyOn, withContext } from './onDevices.ts';

/** The same as `bring`, with a load and an attach that take so long. */
function bringSlowly(
  pool: PoolDriver,
  runner: string,
  name: string,
  took: { loadMs?: number; attachMs?: number },
): void {
  const isNew = pool.stateOf(runner) === undefined;
  pool.arrive(`bring ${name}`, name);
  if (isNew) {
    pool.up(runner);
    pool.nowMs += took.loadMs ?? 0;
    pool.tell({ type: 'runnerLoaded', runnerId: pool.runnerId(runner), weightBytes: 1000 });
  }
  pool.nowMs += took.attachMs ?? 0;
  readyOn(pool, runner, name);
  pool.end(`bring ${name}`);
}

const SPREAD = { a: { device: CUDA0 }, b: { device: CUDA1 } };

describe('a start that fits on none of several devices', () => {
  it('takes the one whose idle base is the fastest to get back, of equal ones the first', () => {
    const pool = poolWith({ CUDA0: 1500, CUDA1: 1500 }, SPREAD);
    bringSlowly(pool, 'r1', 'a', { loadMs: 4000 });
    bringSlowly(pool, 'r2', 'b', {});
    expect(pool.arrive('q1', 'c')).toEqual(['stop r2 evicted 10000']);
    expect(pool.exited('r2')).toEqual(['spawn r3 c on CUDA1']);
    const equal = poolWith({ CUDA0: 1500, CUDA1: 1500 }, SPREAD);
    bringSlowly(equal, 'r1', 'a', {});
    bringSlowly(equal, 'r2', 'b', {});
    expect(equal.arrive('q1', 'c')).toEqual(['stop r1 evicted 10000']);
  });

  it('takes the one whose idle combo is the fastest to get back', () => {
    const pool = poolWith({ CUDA0: 2040, CUDA1: 2040 }, SPREAD);
    bringSlowly(pool, 'r1', 'a', {});
    bringSlowly(pool, 'r1', 'a+x', { attachMs: 3000 });
    bringSlowly(pool, 'r2', 'b', {});
    bringSlowly(pool, 'r2', 'b+z', {});
    pool.arrive('busy a', 'a');
    pool.arrive('busy b', 'b');
    expect(pool.arrive('q1', 'c')).toEqual(['detach r2 b+z']);
  });

  it('waits, while all is busy, for the one of which the least is pinned', () => {
    const full = (pinned: 'a' | 'b' | null): PoolDriver => {
      const pool = poolWith({ CUDA0: 1500, CUDA1: 1500 }, SPREAD, { swapAfterMs: 100 });
      bring(pool, 'r1', 'a');
      bring(pool, 'r2', 'b');
      if (pinned) pool.pin('p1', pinned);
      pool.arrive('busy a', 'a');
      pool.arrive('busy b', 'b');
      pool.arrive('q1', 'c');
      pool.tick(100);
      return pool;
    };
    const states = (pool: PoolDriver) => [pool.stateOf('r1'), pool.stateOf('r2')];
    expect(states(full('a'))).toEqual(['ready', 'draining']);
    expect(states(full('b'))).toEqual(['draining', 'ready']);
    expect(states(full(null))).toEqual(['draining', 'ready']);
  });
});

describe('a start for a base that sleeps', () => {
  const SLEEPS = { a: { device: CUDA0, sleeps: true }, b: { device: CUDA0 } };
  /** a sleeps on CUDA0, and may be anywhere from then on unless fixed. */
  const asleep = (
    deviceBytes: Readonly<Record<string, number>>,
    device: typeof CUDA0 | null,
    contextBytes = 0,
  ) => {
    const pool = withContext(poolWith(deviceBytes, SLEEPS), contextBytes);
    bring(pool, 'r1', 'a');
    pool.sleep('s1', 'r1');
    pool.asleep('r1');
    const models = [...pool.state.catalogue.models.values()];
    pool.change(catalogueOf(models.map((one) => (one.id === 'a' ? { ...one, device } : one))));
    return pool;
  };

  it('takes another device that has room now, when that where it sleeps has room on its way', () => {
    const pool = asleep({ CUDA0: 1500, CUDA1: 1500 }, null);
    bring(pool, 'r2', 'b');
    expect(pool.drain('d1', 'r2')).toEqual(['stop r2 drained 10000', 'answer d1 stopping']);
    expect(pool.arrive('q1', 'a')).toEqual(['spawn r3 a on CUDA1']);
  });

  it('wakes it where that fits, rather than to start where more is free', () => {
    expect(asleep({ CUDA0: 1500, CUDA1: 9000 }, null).arrive('q1', 'a')).toEqual(['wake r1 4']);
  });

  it('wakes it when all but its process’s own context is free, which that has already', () => {
    const pool = asleep({ CUDA0: 1050 }, CUDA0, 30);
    expect(freeBytes(pool.state, CUDA0)).toBe(1020);
    expect(pool.arrive('q1', 'a')).toEqual(['wake r1 4']);
  });

  it('does not wake it on a device where its model may not be any more', () => {
    expect(asleep({ CUDA0: 1500, CUDA1: 1500 }, CUDA1).arrive('q1', 'a')).toEqual(['spawn r2 a on CUDA1']);
  });

  it('has a base that is hot started anew while its second runner is falling asleep', () => {
    const hot = { sequences: 1, maxSequences: 1, maxRunners: 2, sleeps: true };
    const settings = { maxRunners: 9, panicWindowMs: 100, scaleUpDelayMs: 0 };
    const pool = new PoolDriver(settings, catalogueOf([model('a', hot)]));
    pool.pin('p1', 'a', { count: 2 });
    for (const runner of ['r1', 'r2']) {
      pool.up(runner);
      pool.loaded(runner);
      pool.ready(runner, 'a');
    }
    pool.unpin('u1', 'a');
    pool.sleep('s1', 'r2');
    for (const id of ['q1', 'q2', 'q3', 'q4']) pool.arrive(id, 'a');
    pool.tick(0);
    expect(pool.tick(1000)).toContain('spawn r3 a');
    expect(pool.stateOf('r2')).toBe('dozing');
  });
});
