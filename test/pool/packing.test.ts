import { describe, expect, it } from 'vitest';
import type { PoolSettings } from '../../gateway/pool/settings.ts';
import { adapter, catalogueOf, model } from './builders.ts';
import { PoolDriver } from './driver.ts';

const MEASURED = { weightBytes: 7, computeBytes: 3 };
const CATALOGUE = catalogueOf(
  [model('a', { ...MEASURED, maxRunners: 2 }), model('b', MEASURED), model('c', MEASURED)],
  [adapter('x', 'a'), adapter('y', 'a')],
);

/** Two runners of one base, each with one pinned combo, and one who waits for a runner since 1000. */
function apart(settings: Partial<PoolSettings> = {}, onFirst = ['a'], onSecond = ['a+x']): PoolDriver {
  const pool = new PoolDriver({ maxRunners: 2, ...settings }, CATALOGUE);
  const keysOf = (names: readonly string[]) => names.map((name) => pool.combo(name).key);
  pool.adopt('r8', 'a', keysOf(onFirst));
  pool.adopt('r9', 'a', keysOf(onSecond));
  pool.pin('p1', 'a');
  pool.pin('p2', 'a+x');
  pool.nowMs = 1000;
  expect(pool.arrive('q1', 'b')).toEqual([]);
  return pool;
}

describe('what is kept on more runners than it needs', () => {
  it('is started on the older one when somebody has waited for room, and the newest gives way', () => {
    const pool = apart();
    expect(pool.tick(1999)).toEqual([]);
    expect(pool.tick(1)).toEqual(['attach r8 a+x']);
    expect(pool.tick(1)).toEqual([]);
    expect(pool.ready('r8', 'a+x')).toEqual(['stop r9 evicted 10000']);
    expect(pool.exited('r9')).toEqual(['spawn r1 b']);
  });

  it('stays while nobody waits', () => {
    const pool = apart();
    pool.gone('q1');
    expect(pool.tick(9000)).toEqual([]);
    expect(pool.stateOf('r9')).toBe('ready');
  });

  it('stays when it needs all of them', () => {
    const pool = new PoolDriver({ maxRunners: 3, maxCombosPerRunner: 2 }, CATALOGUE);
    const [a, ax, b] = ['a', 'a+x', 'b'].map((name) => pool.combo(name).key);
    pool.adopt('r8', 'a', [a ?? '']);
    pool.adopt('r9', 'a', [a ?? '', ax ?? '']);
    pool.adopt('r7', 'b', [b ?? '']);
    pool.pin('p1', 'a', { count: 2 });
    pool.pin('p2', 'a+x');
    pool.arrive('busy', 'b');
    expect(pool.arrive('q1', 'c')).toEqual([]);
    expect(pool.tick(2000)).toEqual([]);
    expect(pool.stateOf('r7')).toBe('draining');
    expect(pool.tick(2000)).toEqual([]);
  });

  it('leaves behind what is not kept', () => {
    const pool = apart({ maxCombosPerRunner: 3 }, ['a'], ['a+y', 'a+x']);
    expect(pool.tick(2000)).toEqual(['attach r8 a+x']);
    expect(pool.ready('r8', 'a+x')).toEqual(['stop r9 evicted 10000']);
  });

  it('has what is idle go from the older one when that is full', () => {
    const pool = apart({ maxCombosPerRunner: 2 }, ['a', 'a+y'], ['a+x']);
    expect(pool.tick(2000)).toEqual(['detach r8 a+y']);
    expect(pool.tick(1)).toEqual([]);
    pool.detached('r8', 'a+y');
    expect(pool.tick(1)).toEqual(['attach r8 a+x']);
  });

  it('has what is idle go for its memory, to the byte', () => {
    expect(apart({ memoryBytes: 26 }, ['a', 'a+y']).tick(2000)).toEqual(['attach r8 a+x']);
    const pool = apart({ memoryBytes: 25 }, ['a', 'a+y']);
    expect(pool.tick(2000)).toEqual(['detach r8 a+y']);
    pool.detached('r8', 'a+y');
    expect(pool.tick(1)).toEqual(['attach r8 a+x']);
  });

  it('stays when the older one is busy with as much as it may hold', () => {
    const pool = apart({ maxCombosPerRunner: 2 }, ['a', 'a+y'], ['a+x']);
    pool.arrive('q2', 'a+y');
    expect(pool.tick(1000)).toEqual([]);
    expect(pool.tick(1000)).toEqual([]);
    expect(pool.end('q2')).toEqual([]);
    expect(pool.tick(1)).toEqual(['detach r8 a+y']);
  });

  it('stays while the newer one is being started, which is room to nobody yet', () => {
    const pool = new PoolDriver({ maxRunners: 2, maxCombosPerRunner: 2 }, CATALOGUE);
    pool.adopt('r8', 'a', [pool.combo('a').key, pool.combo('a+y').key]);
    pool.pin('p1', 'a');
    pool.pin('p2', 'a+y');
    expect(pool.pin('p3', 'a+x')).toEqual(['answer p3 pinned', 'spawn r1 a']);
    pool.unpin('u2', 'a+y');
    pool.arrive('q1', 'b');
    expect(pool.tick(2000)).toEqual([]);
    pool.up('r1');
    pool.loaded('r1');
    pool.ready('r1', 'a+x');
    expect(pool.tick(1)).toEqual(['detach r8 a+y']);
  });
});

describe('what is kept on three runners and needs two', () => {
  function three(holds: Readonly<Record<string, readonly string[]>>, maxCombosPerRunner: number): PoolDriver {
    const pool = new PoolDriver({ maxRunners: 3, maxCombosPerRunner }, catalogueOf(THREE, ADAPTERS));
    for (const [runner, names] of Object.entries(holds)) {
      const keys = names.map((name) => pool.combo(name).key);
      pool.adopt(runner, 'a', keys);
    }
    return pool;
  }
  const THREE = [model('a', { ...MEASURED, maxRunners: 3 }), model('b', MEASURED)];
  const ADAPTERS = ['v', 'x', 'y'].map((id) => adapter(id, 'a'));

  it('is started on one of the older ones that has a place, and on no other while it is', () => {
    const pool = three({ r7: ['a', 'a+y'], r8: ['a+x'], r9: ['a+v'] }, 2);
    for (const name of ['a', 'a+x', 'a+v']) pool.pin(`pin ${name}`, name);
    pool.arrive('busy', 'a+y');
    pool.arrive('q1', 'b');
    expect(pool.tick(2000)).toEqual(['attach r8 a+v']);
    expect(pool.end('busy')).toEqual([]);
    expect(pool.tick(1)).toEqual([]);
    expect(pool.ready('r8', 'a+v')).toEqual(['stop r9 evicted 10000']);
  });

  it('is started on one that does not have it', () => {
    const pool = three({ r7: ['a'], r8: ['a+x'], r9: ['a'] }, 3);
    pool.pin('p1', 'a', { count: 2 });
    pool.pin('p2', 'a+x');
    pool.arrive('q1', 'b');
    expect(pool.tick(2000)).toEqual(['attach r8 a']);
  });

  it('is started on one alone of two that have a place', () => {
    const pool = three({ r7: ['a'], r8: ['a+x'], r9: ['a+v'] }, 2);
    for (const name of ['a', 'a+x', 'a+v']) pool.pin(`pin ${name}`, name);
    pool.arrive('q1', 'b');
    expect(pool.tick(2000)).toEqual(['attach r7 a+v']);
    expect(pool.tick(1)).toEqual([]);
  });
});
