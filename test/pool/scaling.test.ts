import { describe, expect, it } from 'vitest';
import type { CatalogueModel } from '../../gateway/domain/catalogue.ts';
import { runnerId } from '../../gateway/domain/ids.ts';
import { maxRunnersOf, mostRunners } from '../../gateway/pool/scaling.ts';
import type { PoolSettings } from '../../gateway/pool/settings.ts';
import { adapter, catalogueOf, comboOf, model } from './builders.ts';
import { PoolDriver } from './driver.ts';

/** The short window as good as none: the panic mean is the demand itself. */
const AT_ONCE = { panicWindowMs: 2, maxRunners: 4 };

function catalogueWith(changes: Partial<CatalogueModel> = {}, revision = 'a1') {
  const models = [model('a', { maxRunners: 2, ...changes }), model('b')];
  return catalogueOf(models, [adapter('x', 'a', { revision }), adapter('z', 'b')]);
}

/** Measured as predicted, that is 1000 bytes and 20; `a` is ready on r1. */
function poolWith(settings: Partial<PoolSettings> = {}, changes: Partial<CatalogueModel> = {}): PoolDriver {
  const pool = new PoolDriver({ maxRunners: 4, ...settings }, catalogueWith(changes));
  pool.warm('o1', 'a');
  bring(pool, 'r1');
  return pool;
}

function bring(pool: PoolDriver, id: string): string[] {
  pool.up(id);
  pool.tell({ type: 'runnerLoaded', runnerId: runnerId(`r_t_${id.slice(1)}`), weightBytes: 1000 });
  const { key } = pool.combo('a');
  return pool.tell({
    type: 'comboReady',
    runnerId: runnerId(`r_t_${id.slice(1)}`),
    comboKey: key,
    kvBytes: 15,
    computeBytes: 5,
  });
}

function arrive(pool: PoolDriver, count: number, combo = 'a'): void {
  for (let at = 1; at <= count; at += 1) pool.arrive(`q${at}`, combo);
}

const loadOf = (pool: PoolDriver, name = 'a') => pool.state.loads.get(pool.combo(name).key);
const keyOf = (pool: PoolDriver, name: string): string => pool.combo(name).key;

describe('a hot combo', () => {
  it('gets a runner more when the mean of the short window asks for twice what there is', () => {
    const pool = poolWith();
    arrive(pool, 4);
    expect(pool.tick(0)).toEqual([]);
    // 4 x (1 - e^(-t/3000)) of 2 sequences each pass 2 at 2079.4 ms.
    expect(pool.tick(2079)).toEqual([]);
    const notes = pool.notes(() => expect(pool.tick(1)).toEqual(['spawn r2 a']));
    expect(notes.find(({ note }) => note === 'scaled_up')).toEqual({
      type: 'note',
      note: 'scaled_up',
      combo: 'a',
      detail: { runners: 2 },
    });
    expect(pool.tick(1)).toEqual([]);
    expect(bring(pool, 'r2').slice(0, 2)).toEqual(['grant q3 r2 warm', 'grant q4 r2 warm']);
  });

  it('is averaged over both windows, from the first tick that sees it', () => {
    const pool = poolWith();
    pool.nowMs = 1000;
    arrive(pool, 4);
    pool.tick(0);
    expect(loadOf(pool)).toEqual({ stable: 0, panic: 0, atMs: 1000, panicUntilMs: 0 });
    pool.tick(3000);
    expect(loadOf(pool)).toMatchObject({ atMs: 4000, panicUntilMs: 64_000 });
    expect(loadOf(pool)?.stable).toBeCloseTo(4 * (1 - Math.exp(-0.1)), 9);
    expect(loadOf(pool)?.panic).toBeCloseTo(4 * (1 - Math.exp(-1)), 9);
    for (const id of ['q1', 'q2', 'q3']) pool.end(id);
    const panic = 4 * (1 - Math.exp(-1));
    pool.tick(6000);
    expect(loadOf(pool)?.panic).toBeCloseTo(panic + (1 - panic) * (1 - Math.exp(-2)), 9);
    const stable = 4 * (1 - Math.exp(-0.1));
    expect(loadOf(pool)?.stable).toBeCloseTo(stable + (1 - stable) * (1 - Math.exp(-0.2)), 9);
  });

  it('gets one more by the long window, too, without panic', () => {
    const pool = poolWith({ panicWindowMs: 1e9, stableWindowMs: 6000 });
    arrive(pool, 4);
    pool.tick(0);
    expect(pool.tick(2079)).toEqual([]);
    expect(pool.tick(1)).toEqual(['spawn r2 a']);
    expect(loadOf(pool)?.panicUntilMs).toBe(0);
  });

  it('gets one more the sooner the fewer of its sequences are to be taken', () => {
    const pool = poolWith({ targetOccupancy: 0.5 });
    arrive(pool, 3);
    pool.tick(0);
    // 3 x (1 - e^(-t/3000)) pass 1 at 1216.4 ms.
    expect(pool.tick(1216)).toEqual([]);
    expect(pool.tick(1)).toEqual(['spawn r2 a']);
  });

  it('gets none before its first has waited for the delay', () => {
    const pool = poolWith(AT_ONCE);
    pool.nowMs = 1000;
    arrive(pool, 4);
    pool.tick(0);
    expect(pool.tick(499)).toEqual([]);
    expect(pool.tick(1)).toEqual(['spawn r2 a']);
  });

  it('gets no more than its model allows, nor while one is on its way that is enough', () => {
    const pool = poolWith(AT_ONCE, { maxRunners: 3 });
    arrive(pool, 4);
    pool.tick(0);
    expect(pool.tick(1000)).toEqual(['spawn r2 a']);
    expect(pool.tick(1000)).toEqual([]);
    const two = poolWith(AT_ONCE);
    arrive(two, 20);
    two.tick(0);
    expect(two.tick(1000)).toEqual(['spawn r2 a']);
    bring(two, 'r2');
    expect(two.tick(1000)).toEqual([]);
    expect(loadOf(poolWith(AT_ONCE, { maxRunners: 1 }))).toBeUndefined();
    const one = poolWith(AT_ONCE, { maxRunners: 1 });
    arrive(one, 4);
    one.tick(0);
    expect(one.tick(1000)).toEqual([]);
    expect(one.state.loads.size).toBe(0);
  });

  it('gets none when nobody waits, or nobody but flex work', () => {
    const pool = poolWith({ ...AT_ONCE, targetOccupancy: 0.5 });
    arrive(pool, 2);
    pool.tick(0);
    expect(pool.tick(1000)).toEqual([]);
    const flex = poolWith(AT_ONCE);
    for (const id of ['f1', 'f2', 'f3', 'f4']) flex.ask(id, 'a', { tier: 'flex' });
    flex.tick(0);
    expect(flex.tick(1000)).toEqual([]);
    flex.arrive('q1', 'a');
    flex.arrive('q2', 'a');
    expect(flex.tick(1000)).toEqual(['spawn r2 a']);
  });

  it('gets none when every core decodes already, nor on a device that the others use', () => {
    const busy = poolWith({ ...AT_ONCE, cpuThreads: 1 });
    arrive(busy, 4);
    busy.tick(0);
    expect(busy.tick(1000)).toEqual([]);
    const two = poolWith({ ...AT_ONCE, cpuThreads: 2 });
    arrive(two, 4);
    two.tick(0);
    expect(two.tick(1000)).toEqual(['spawn r2 a']);
    const device = poolWith({ ...AT_ONCE, deviceBytes: { CUDA0: 1e12 } }, { deviceLayers: -1 });
    arrive(device, 4);
    device.tick(0);
    expect(device.tick(1000)).toEqual([]);
  });

  it('gets one out of what is free alone: memory, to the byte, and a place among the runners', () => {
    for (const [memoryBytes, starts] of [
      [2040, ['spawn r2 a']],
      [2039, []],
    ] as const) {
      const pool = poolWith({ ...AT_ONCE, memoryBytes });
      arrive(pool, 4);
      pool.tick(0);
      const notes = pool.notes(() => expect(pool.tick(1000)).toEqual(starts));
      expect(notes.some(({ note }) => note === 'scaled_up')).toBe(starts.length > 0);
    }
    const full = poolWith({ ...AT_ONCE, maxRunners: 1 });
    arrive(full, 4);
    full.tick(0);
    const notes = full.notes(() => expect(full.tick(1000)).toEqual([]));
    expect(notes).toEqual([]);
  });

  it('gets none while its base is quarantined', () => {
    const pool = poolWith(AT_ONCE);
    arrive(pool, 4);
    pool.tick(0);
    expect(pool.tick(1000)).toEqual(['spawn r2 a']);
    pool.failed('r2');
    pool.exited('r2');
    expect(pool.tick(500)).toEqual(['spawn r3 a']);
    pool.failed('r3');
    pool.exited('r3');
    const notes = pool.notes(() => expect(pool.tick(500)).toEqual([]));
    expect(notes).toEqual([]);
  });
});

describe('a hot combo is spread', () => {
  function two(settings: Partial<PoolSettings>, changes: Partial<CatalogueModel> = {}): PoolDriver {
    const pool = new PoolDriver({ ...AT_ONCE, ...settings }, catalogueWith(changes));
    pool.adopt('r8', 'a', [keyOf(pool, 'a')]);
    pool.adopt('r9', 'a', [keyOf(pool, 'a+x')]);
    arrive(pool, 4);
    pool.tick(0);
    return pool;
  }

  it('to a runner of its base that has a place', () => {
    expect(two({}).tick(1000)).toEqual(['attach r9 a']);
  });

  it('to a new one when those have none, as many as the base may have', () => {
    expect(two({ maxCombosPerRunner: 1 }).tick(1000)).toEqual([]);
    expect(two({ maxCombosPerRunner: 1 }, { maxRunners: 3 }).tick(1000)).toEqual(['spawn r1 a']);
    expect(two({ maxCombosPerRunner: 2 }, { maxRunners: 3 }).tick(1000)).toEqual(['attach r9 a']);
  });
});

describe('a combo that has cooled down', () => {
  function cold(settings: Partial<PoolSettings> = {}, changes: Partial<CatalogueModel> = {}): PoolDriver {
    const pool = new PoolDriver({ maxRunners: 4, ...settings }, catalogueWith(changes));
    pool.nowMs = 6000;
    pool.adopt('r8', 'a', [keyOf(pool, 'a')]);
    pool.adopt('r9', 'a', [keyOf(pool, 'a')]);
    return pool;
  }

  it('leaves its newest runner when that was idle for the grace time, and one remains', () => {
    const pool = cold();
    expect(pool.tick(9999)).toEqual([]);
    const notes = pool.notes(() => expect(pool.tick(1)).toEqual(['stop r9 surplus 10000']));
    expect(notes).toMatchObject([
      { note: 'scaled_down', combo: 'a', detail: { runners: 1 } },
      { note: 'runner_stopping' },
    ]);
    pool.exited('r9');
    expect(pool.tick(60_000)).toEqual([]);
    expect(pool.stateOf('r8')).toBe('ready');
  });

  it('leaves the one that is idle', () => {
    const pool = cold();
    for (const id of ['q1', 'q2', 'q3', 'q4']) pool.arrive(id, 'a');
    expect(pool.state.granted.size).toBe(4);
    pool.end('q1');
    pool.end('q2');
    expect(pool.tick(10_000)).toEqual(['stop r8 surplus 10000']);
  });

  it('leaves none of those that are kept', () => {
    const pool = cold();
    pool.pin('p1', 'a', { count: 2 });
    expect(pool.tick(10_000)).toEqual([]);
    pool.pin('p2', 'a');
    expect(pool.tick(1)).toEqual(['stop r9 surplus 10000']);
  });

  it('leaves the runner to what else is on it', () => {
    const pool = new PoolDriver({ maxRunners: 4 }, catalogueWith());
    pool.adopt('r8', 'a', [keyOf(pool, 'a')]);
    pool.adopt('r9', 'a', [keyOf(pool, 'a'), keyOf(pool, 'a+x')]);
    expect(pool.tick(10_000)).toEqual(['detach r9 a']);
  });

  it('stays as it is while the panic lasts', () => {
    const pool = poolWith(AT_ONCE);
    arrive(pool, 4);
    pool.tick(0);
    pool.tick(1000);
    bring(pool, 'r2');
    expect(loadOf(pool)?.panicUntilMs).toBe(61_000);
    for (const id of ['q1', 'q2', 'q3', 'q4']) pool.end(id);
    expect(pool.tick(59_999)).toEqual([]);
    expect(pool.nowMs).toBe(60_999);
    expect(pool.tick(1)).toEqual(['stop r2 surplus 10000']);
  });
});

describe('the averages of a combo', () => {
  it('are forgotten when no runner serves it any more, or it was replaced', () => {
    const pool = poolWith();
    pool.tick(0);
    expect([...pool.state.loads.keys()]).toEqual([keyOf(pool, 'a')]);
    pool.tick(1);
    expect(pool.state.loads.size).toBe(1);
    pool.exited('r1');
    pool.tick(1);
    expect(pool.state.loads.size).toBe(0);
    const replaced = new PoolDriver({}, catalogueWith());
    replaced.bring('r1', 'a+x');
    replaced.arrive('q1', 'a+x');
    replaced.tick(0);
    expect(replaced.state.loads.size).toBe(1);
    replaced.change(catalogueWith({}, 'a2'));
    replaced.tick(0);
    expect(replaced.stateOf('r1')).toBe('ready');
    expect(replaced.state.loads.size).toBe(0);
  });

  it('are kept of what serves: not while it is attached, nor by a runner that drains', () => {
    const pool = new PoolDriver({}, catalogueWith());
    pool.bring('r1', 'a');
    pool.arrive('q0', 'a+x');
    pool.tick(0);
    expect([...pool.state.loads.keys()]).toEqual([keyOf(pool, 'a')]);
    pool.ready('r1', 'a+x');
    pool.drain('o1', 'r1');
    expect(pool.stateOf('r1')).toBe('draining');
    pool.tick(0);
    expect(pool.state.loads.size).toBe(0);
  });
});

describe('how many runners', () => {
  const catalogue = {
    ...catalogueWith({ maxRunners: 1 }),
    scaling: new Map([
      [comboOf('a+x', catalogueWith()).name, { minRunners: 0, maxRunners: 3 }],
      [comboOf('b+z', catalogueWith()).name, { minRunners: 0, maxRunners: 5 }],
    ]),
  };

  it('a combo may have is said by its own limits, else by its model', () => {
    const { state } = new PoolDriver({}, catalogue);
    expect(maxRunnersOf(state, comboOf('a+x', catalogue))).toBe(3);
    expect(maxRunnersOf(state, comboOf('a', catalogue))).toBe(1);
    expect(maxRunnersOf(new PoolDriver({}, catalogueWith()).state, comboOf('a', catalogueWith()))).toBe(2);
  });

  it('a base may have is what its own combos may, or what is pinned', () => {
    const pool = new PoolDriver({ maxRunners: 4 }, catalogue);
    const { model: a } = pool.combo('a');
    expect(mostRunners(pool.state, a)).toBe(3);
    pool.pin('p1', 'a', { count: 4 });
    expect(mostRunners(pool.state, a)).toBe(4);
    expect(mostRunners(pool.state, { ...a, maxRunners: 7 })).toBe(7);
  });
});
