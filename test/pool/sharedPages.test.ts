import { describe, expect, it } from 'vitest';
import type { CatalogueModel } from '../../gateway/domain/catalogue.ts';
import { segmentKey } from '../../gateway/domain/ids.ts';
import { freeBytes, heldBytes } from '../../gateway/pool/memory.ts';
import { findVictims, type Victims } from '../../gateway/pool/memoryRoom.ts';
import type { PoolSettings } from '../../gateway/pool/settings.ts';
import { adapter, catalogueOf, model } from './builders.ts';
import { NEITHER, PoolDriver } from './driver.ts';

const FILE = { segment: segmentKey('file'), maxRunners: 3 };

/** Bases `a` and `b` of one file of 1000 bytes, and `c` of another, one combo to a runner; each combo takes 20. */
function poolWith(
  memoryBytes: number,
  settings: Partial<PoolSettings> = {},
  changes: Partial<CatalogueModel> = {},
): PoolDriver {
  const models = [
    model('a', { ...FILE, ...changes }),
    model('b', { ...FILE, ...changes }),
    model('c', { segment: segmentKey('other') }),
  ];
  const adapters = [adapter('x', 'a'), adapter('y', 'a')];
  const asked = { maxRunners: 4, maxCombosPerRunner: 1, memoryBytes, ...settings };
  return new PoolDriver(asked, catalogueOf(models, adapters));
}

const loaded = (pool: PoolDriver, runner: string, atSource?: boolean, weightBytes = 1000): string[] =>
  pool.tell({
    type: 'runnerLoaded',
    runnerId: pool.runnerId(runner),
    weightBytes,
    ...(atSource !== undefined && { atSource }),
  });

const ready = (pool: PoolDriver, runner: string, name: string): string[] =>
  pool.tell({
    type: 'comboReady',
    runnerId: pool.runnerId(runner),
    comboKey: pool.combo(name).key,
    kvBytes: 15,
    computeBytes: 5,
  });

function bring(pool: PoolDriver, runner: string, name: string): void {
  pool.arrive(`bring ${name}`, name);
  pool.up(runner);
  loaded(pool, runner);
  ready(pool, runner, name);
  pool.end(`bring ${name}`);
}

/** Two runners of `a` by a pin on both. */
function twice(pool: PoolDriver): PoolDriver {
  pool.pin('p1', 'a', { count: 2 });
  for (const runner of ['r1', 'r2']) {
    pool.up(runner);
    loaded(pool, runner);
    ready(pool, runner, 'a');
    pool.tick(0);
  }
  return pool;
}

const held = (pool: PoolDriver): Record<string, number> =>
  Object.fromEntries(
    [...pool.state.runners.values()].map((runner) => [
      runner.id.replace('r_t_', 'r'),
      heldBytes(pool.state, runner, 'host'),
    ]),
  );

describe('weights that several runners map', () => {
  it('are booked once, with the oldest, and with the next when that has gone', () => {
    const pool = twice(poolWith(1500));
    expect(held(pool)).toEqual({ r1: 1020, r2: 20 });
    expect(freeBytes(pool.state)).toBe(460);
    pool.unpin('u1', 'a');
    pool.drain('d1', 'r1');
    expect(held(pool)).toEqual({ r1: 1020, r2: 20 });
    pool.exited('r1');
    expect(held(pool)).toEqual({ r2: 1020 });
    pool.drain('d2', 'r2');
    pool.exited('r2');
    expect([freeBytes(pool.state), pool.state.pages.size]).toEqual([1500, 0]);
  });

  it('are booked once for bases of one file', () => {
    const pool = poolWith(1040);
    bring(pool, 'r1', 'a');
    expect(pool.arrive('q1', 'b')).toEqual(['spawn r2 b']);
    expect(freeBytes(pool.state)).toBe(0);
  });

  it.each<[string, Partial<CatalogueModel>]>([
    ['is repacked', { repack: true }],
    ['is read, not mapped', { useMmap: false }],
    ['has no name by which it is known', { segment: null }],
  ])('are booked for each when the file %s', (_, changes) => {
    const pool = poolWith(2040, {}, changes);
    bring(pool, 'r1', 'a');
    expect(pool.arrive('q1', 'b')).toEqual(['spawn r2 b']);
    expect(freeBytes(pool.state)).toBe(0);
  });

  it('are as much as the runner that maps the most measures', () => {
    const pool = poolWith(1e6);
    pool.arrive('q1', 'a');
    pool.arrive('q2', 'b');
    pool.up('r1');
    pool.up('r2');
    loaded(pool, 'r1', undefined, 900);
    expect(held(pool)).toEqual({ r1: 20, r2: 1020 });
    loaded(pool, 'r2', undefined, 900);
    expect(held(pool)).toEqual({ r1: 920, r2: 20 });
  });

  it('are refused with what each runner is booked with', () => {
    const pool = twice(poolWith(1500));
    const big = { ...pool.combo('c'), model: { ...pool.combo('c').model, weightBytes: 1600 } };
    const [failure] = pool.rejections(() => pool.arrive('q1', big));
    expect(failure?.capacity?.inUse.map(({ bytes }) => bytes)).toEqual([1020, 20]);
  });

  it('count once among pins, of bases of one file, too', () => {
    const pool = poolWith(1060);
    expect(pool.pin('p1', 'a', { count: 2 })[0]).toBe('answer p1 pinned');
    expect(pool.pin('p2', 'b')[0]).toBe('answer p2 pinned');
    const answers = pool.answers(() => pool.pin('p3', 'a+x'));
    expect(answers).toMatchObject([
      {
        ok: false,
        error: {
          code: 'conflict',
          message: expect.stringContaining('needs 20 bytes of memory, expected at most 0'),
        },
      },
    ]);
  });

  it('are not held by one that sleeps, and shared again by one that wakes', () => {
    const pool = poolWith(1040, {}, { sleeps: true });
    bring(pool, 'r1', 'a');
    bring(pool, 'r2', 'b');
    pool.sleep('s1', 'r1');
    expect(held(pool)).toEqual({ r1: 1020, r2: 20 });
    pool.asleep('r1');
    expect(held(pool)).toEqual({ r1: 0, r2: 1020 });
    expect(pool.arrive('q1', 'a')).toEqual(['wake r1 4']);
    expect(freeBytes(pool.state)).toBe(0);
    loaded(pool, 'r1');
    expect(held(pool)).toEqual({ r1: 1020, r2: 20 });
  });
});

describe('decide(), when memory is short and weights are shared,', () => {
  it('ends all that share them, or none', () => {
    const pool = poolWith(1060);
    bring(pool, 'r1', 'a');
    bring(pool, 'r2', 'b');
    expect(pool.arrive('q1', 'c')).toEqual(['stop r1 evicted 10000', 'stop r2 evicted 10000']);
    expect(pool.exited('r1')).toEqual([]);
    expect(held(pool)).toEqual({ r2: 1020 });
    expect(pool.exited('r2')).toEqual(['spawn r3 c']);
  });

  it('ends none of them while a busy one keeps the weights', () => {
    const pool = poolWith(1060);
    bring(pool, 'r1', 'a');
    bring(pool, 'r2', 'b');
    pool.arrive('busy', 'a');
    expect(pool.arrive('q1', 'c')).toEqual([]);
    expect(pool.end('busy')).toEqual(['stop r1 evicted 10000', 'stop r2 evicted 10000']);
  });

  it('takes a combo of one of them where that is enough', () => {
    const pool = poolWith(1050, { maxCombosPerRunner: 2 });
    bring(pool, 'r1', 'a');
    pool.arrive('busy', 'a');
    bring(pool, 'r2', 'b');
    expect(pool.arrive('q1', 'a+x')).toEqual(['detach r2 b']);
    expect(pool.detached('r2', 'b')).toEqual(['attach r1 a+x']);
  });

  it('does not end those whose weights the start itself would map', () => {
    const pool = poolWith(1030);
    bring(pool, 'r1', 'a');
    expect(pool.arrive('q1', 'b')).toEqual(['detach r1 a']);
    expect(pool.detached('r1', 'a')).toEqual(['spawn r2 b']);
    const victimsFor = (name: string): Victims | null => {
      const want = { type: 'replica', combo: pool.combo(name), sinceMs: 0 } as const;
      return findVictims(pool.state, { host: 500, device: 0 }, null, { want, runner: undefined }, 0);
    };
    pool.gone('q1');
    pool.exited('r2');
    // What the base holds comes free with it, but not for one that would hold the same.
    expect(victimsFor('b')).toBeNull();
    expect(victimsFor('c')).toMatchObject({ bases: [{ runner: { id: 'r_t_1' } }] });
  });

  it('has busy ones drain one after the other until their weights come free', () => {
    const pool = poolWith(1060, { swapAfterMs: 100 });
    bring(pool, 'r1', 'a');
    bring(pool, 'r2', 'b');
    pool.arrive('busy a', 'a');
    pool.arrive('busy b', 'b');
    pool.arrive('q1', 'c');
    pool.tick(100);
    pool.tick(100);
    expect([pool.stateOf('r1'), pool.stateOf('r2')]).toEqual(['draining', 'draining']);
    pool.end('busy a');
    pool.end('busy b');
    pool.exited('r1');
    expect(pool.exited('r2')).toEqual(['spawn r3 c']);
  });
});

describe('where shared weights are', () => {
  const store = { bases: 1000, adapters: 0 };
  const staged = (pool: PoolDriver, key: string): string[] =>
    pool.tell({ type: 'segmentStaged', key: segmentKey(key), contentId: key, tookMs: 5 });
  const lost = (pool: PoolDriver): string[] => pool.tell({ type: 'segmentLost', key: segmentKey('file') });
  const loads = (pool: PoolDriver): boolean[] =>
    [...pool.state.pages.values()].map(({ atSource }) => atSource);

  it('is the store for all when it is for the first', () => {
    const pool = poolWith(1e6, { store });
    expect(pool.arrive('q1', 'a')).toEqual(['stage a demand', 'spawn r1 a']);
    expect(loads(pool)).toEqual([false]);
  });

  it('is the source for all while one maps that, and nothing is staged for them', () => {
    const pool = poolWith(1e6, { store });
    pool.arrive('q1', 'c');
    expect(pool.arrive('q2', 'a')).toEqual(['spawn r2 a']);
    staged(pool, 'other');
    pool.gone('q1');
    pool.exited('r1');
    expect(pool.arrive('q3', 'b')).toEqual(['spawn r3 b']);
    expect(freeBytes(pool.state)).toBe(1e6 - 1000 - 40);
    pool.gone('q2');
    pool.gone('q3');
    pool.exited('r2');
    pool.exited('r3');
    expect(pool.arrive('q4', 'a')).toEqual(['drop other', 'stage a demand', 'spawn r4 a']);
  });

  it('is cold to read although the store has them by now', () => {
    const pool = poolWith(1e6, { store });
    pool.arrive('q1', 'a');
    lost(pool);
    expect(loads(pool)).toEqual([true]);
    pool.pin('p1', 'b', { level: 'staged' });
    pool.tick(30_000);
    staged(pool, 'file');
    pool.arrive('q2', 'b');
    const waiter = pool.state.queues.get(pool.combo('b').key)?.waiters[0];
    expect(waiter?.start?.kind).toBe('cold');
  });

  it('is what a runner says: from elsewhere than the others they are its own', () => {
    const pool = poolWith(1e6, { store });
    pool.arrive('q1', 'a');
    pool.arrive('q2', 'b');
    for (const runner of ['r1', 'r2']) pool.up(runner);
    staged(pool, 'file');
    loaded(pool, 'r1', false);
    lost(pool);
    expect(loads(pool)).toEqual([false]);
    loaded(pool, 'r2', true);
    expect(held(pool)).toEqual({ r1: 1020, r2: 1020 });
    pool.gone('q2');
    pool.exited('r2');
    expect(held(pool)).toEqual({ r1: 1020 });
  });

  it('is where an adopted runner has mapped them; one from elsewhere is refused', () => {
    const pool = poolWith(1060, { store });
    bring(pool, 'r1', 'a');
    const held9 = { ...NEITHER, model: { id: 'b', revision: 'r1', sequences: 2 }, combos: [] };
    expect(pool.judgeOffer({ ...held9, atSource: true })).toEqual({
      ok: false,
      reason: 'others have mapped the weights of its base "b" from elsewhere',
    });
    expect(pool.judgeOffer(held9)).toMatchObject({ ok: true, as: 'runner' });
    // It was loaded without mapping: it has a copy of its own, for which there is no room.
    expect(pool.judgeOffer({ ...held9, model: { ...held9.model, useMmap: false } })).toEqual({
      ok: false,
      reason: 'its base "b" needs 960 bytes more memory than there are',
    });
    const verdict = pool.judgeOffer(held9);
    if (!verdict.ok || verdict.as !== 'runner') throw new Error('it is no runner');
    const weights = { host: 1000, device: 0 };
    pool.tell({ ...verdict, type: 'runnerAdopted', runnerId: pool.runnerId('r9'), weights, threads: 1 });
    expect(freeBytes(pool.state)).toBe(40);
  });
});

describe('the weight store', () => {
  it('counts what is only there, and a copy that a runner has beside it', () => {
    const settings = { store: { bases: 5000, adapters: 0 } };
    const found = (pool: PoolDriver): string[] => {
      const segments = ['file', 'other'].map((key) => {
        const book = 'bases' as const;
        return { key: segmentKey(key), contentId: key, book, bytes: 1000 };
      });
      return pool.tell({ type: 'segmentsFound', segments });
    };
    const mapped = poolWith(2020, settings);
    found(mapped);
    expect(mapped.arrive('q1', 'a')).toEqual(['spawn r1 a']);
    // 1020 of the runner, and 1000 of a segment beside its own.
    expect(mapped.tick(0)).toEqual([]);
    const repacked = poolWith(3019, settings, { repack: true });
    found(repacked);
    expect(repacked.arrive('q1', 'a')).toEqual(['spawn r1 a', 'drop other']);
  });
});
