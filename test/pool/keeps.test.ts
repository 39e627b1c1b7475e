import { describe, expect, it } from 'vitest';
import { holdsKept, isKept, keepFailed, keepLost } from '../../gateway/pool/keeps.ts';
import type { Runner } from '../../gateway/pool/state.ts';
import { BROKEN, PoolDriver } from './driver.ts';

function runnerOf(pool: PoolDriver, name: string): Runner {
  const runner = pool.state.runners.get(pool.runnerId(name));
  if (!runner) throw new Error(`there is no ${name}`);
  return runner;
}

/** On which of r1 to r3 the combo is kept. */
function keptOn(pool: PoolDriver, name: string): string[] {
  const there = ['r1', 'r2', 'r3'].filter((id) => pool.stateOf(id) !== undefined);
  return there.filter((id) => isKept(pool.state, runnerOf(pool, id), pool.combo(name).key));
}

/** Two runners of one base, which are up and have it. */
function pair(): PoolDriver {
  const pool = new PoolDriver({ maxRunners: 3 });
  pool.pin('p1', 'a', { count: 2 });
  for (const id of ['r1', 'r2']) {
    pool.up(id);
    pool.loaded(id);
    pool.ready(id, 'a');
  }
  return pool;
}

describe('isKept() counts', () => {
  it('on the oldest of those that serve the combo', () => {
    const pool = pair();
    expect(keptOn(pool, 'a')).toEqual(['r1', 'r2']);
    pool.pin('p2', 'a');
    expect(keptOn(pool, 'a')).toEqual(['r1']);
  });

  it('on one that serves the combo before an older one that will', () => {
    const pool = pair();
    expect(pool.pin('p2', 'a+x', { count: 2 })).toEqual([
      'answer p2 pinned',
      'attach r1 a+x',
      'attach r2 a+x',
    ]);
    pool.ready('r2', 'a+x');
    expect(keptOn(pool, 'a+x')).toEqual(['r1', 'r2']);
    pool.pin('p3', 'a+x');
    expect(keptOn(pool, 'a+x')).toEqual(['r2']);
  });

  it('on the oldest of those that will serve it, while their base comes and while they attach it', () => {
    const pool = new PoolDriver({ maxRunners: 3 });
    pool.pin('p1', 'a', { count: 2 });
    pool.pin('p2', 'a');
    expect(keptOn(pool, 'a')).toEqual(['r1']);
    for (const id of ['r1', 'r2']) {
      pool.up(id);
      pool.loaded(id);
    }
    expect(keptOn(pool, 'a')).toEqual(['r1']);
    pool.ready('r1', 'a');
    expect(keptOn(pool, 'a')).toEqual(['r1']);
  });

  it('on none that lets the combo go, drains or has nothing of it', () => {
    const pool = pair();
    pool.pin('p2', 'a');
    pool.bring('r1', 'a+x');
    pool.evict('o1', 'a+x');
    pool.pin('p3', 'a+x', { count: 2 });
    expect(pool.state.keeps.get(pool.combo('a+x').key)?.count).toBe(2);
    expect(keptOn(pool, 'a+x')).toEqual(['r2']);
    pool.arrive('q1', 'a');
    pool.drain('o2', 'r1');
    expect(pool.stateOf('r1')).toBe('draining');
    expect(keptOn(pool, 'a')).toEqual(['r2']);
    expect(holdsKept(pool.state, runnerOf(pool, 'r1'))).toBe(false);
    expect(holdsKept(pool.state, runnerOf(pool, 'r2'))).toBe(true);
  });
});

describe('a replica that is lost', () => {
  const BEGAN_MS = 100_000;
  const keepOf = (pool: PoolDriver) => pool.state.keeps.get(pool.combo('a').key);

  it('was no sound one when it lived for less than a second, however late that was', () => {
    const pool = pair();
    const { key } = pool.combo('a');
    keepLost(pool.state, key, BEGAN_MS, BROKEN, BEGAN_MS + 999);
    expect(keepOf(pool)).toMatchObject({
      failuresInARow: 1,
      retryAtMs: BEGAN_MS + 999 + 250,
      lastFailure: BROKEN,
    });
    keepLost(pool.state, key, BEGAN_MS, BROKEN, BEGAN_MS + 1000);
    expect(keepOf(pool)).toMatchObject({
      failuresInARow: 0,
      retryAtMs: Number.NEGATIVE_INFINITY,
      lastFailure: null,
    });
  });

  it('puts the next start off twice as long each time, up to a minute', () => {
    const pool = pair();
    const waits: number[] = [];
    for (let at = 0; at < 10; at += 1) {
      keepFailed(pool.state, pool.combo('a').key, BROKEN, BEGAN_MS);
      waits.push((keepOf(pool)?.retryAtMs ?? 0) - BEGAN_MS);
    }
    expect(waits).toEqual([250, 500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
  });

  it('is nobody’s concern when the combo is not kept', () => {
    const pool = pair();
    pool.bring('r1', 'a+x');
    pool.nowMs = 5000;
    const { key } = pool.combo('a+x');
    keepLost(pool.state, key, 0, BROKEN, 5000);
    keepFailed(pool.state, key, BROKEN, 5000);
    expect([...pool.state.keeps.keys()]).toEqual([pool.combo('a').key]);
    expect(pool.exited('r1')).toEqual(['spawn r3 a']);
  });
});
