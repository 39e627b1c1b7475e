import { describe, expect, it } from 'vitest';
import { deviceName } from '../../gateway/domain/ids.ts';
import type { PoolSettings } from '../../gateway/pool/settings.ts';
import { adapter, catalogueOf, model } from './builders.ts';
import { PoolDriver } from './driver.ts';

/** A base of 7 bytes with 3 of each context, and any of its combos; b has as much. */
function poolOf(settings: Partial<PoolSettings>): PoolDriver {
  const sizes = { weightBytes: 7, computeBytes: 3 };
  const adapters = ['t', 'u', 'v', 'w', 'x', 'y'].map((id) => adapter(id, 'a'));
  return new PoolDriver(settings, catalogueOf([model('a', sizes), model('b', sizes)], adapters));
}

/** Pins these, which a runner starts for, the next one or one that has places. */
function pin(pool: PoolDriver, names: readonly string[]): void {
  for (const name of names) pool.pin(`pin ${name}`, name);
}

/** They are ready on that runner. */
function ready(pool: PoolDriver, runner: string, names: readonly string[]): void {
  pool.up(runner);
  pool.loaded(runner);
  for (const name of names) pool.ready(runner, name);
}

/** Two runners with two places each; the first is full of pins, the second has one that is to be on both. */
function apart(settings: Partial<PoolSettings> = {}): PoolDriver {
  const catalogue = catalogueOf([model('a')], [adapter('x', 'a'), adapter('y', 'a')]);
  const pool = new PoolDriver({ maxRunners: 2, maxCombosPerRunner: 2, ...settings }, catalogue);
  pool.pin('p1', 'a+x');
  pool.pin('p2', 'a');
  pool.up('r1');
  pool.loaded('r1');
  pool.ready('r1', 'a+x');
  pool.ready('r1', 'a');
  pool.pin('p3', 'a+y', { count: 2 });
  pool.up('r2');
  pool.loaded('r2');
  pool.ready('r2', 'a+y');
  return pool;
}

describe('tick while a pin lacks a runner that is full of other pins', () => {
  it('starts one of these where a place is left, and lets go of it where the pin goes', () => {
    const pool = apart();
    expect(pool.tick(200)).toEqual(['attach r2 a+x']);
    expect(pool.tick(200)).toEqual([]);
    expect(pool.ready('r2', 'a+x')).toEqual(['detach r1 a+x']);
    expect(pool.tick(200)).toEqual([]);
    expect(pool.detached('r1', 'a+x')).toEqual(['attach r1 a+y']);
    pool.ready('r1', 'a+y');
    expect(pool.tick(200)).toEqual([]);
  });

  it('lets go of nothing that runs', () => {
    const pool = apart();
    pool.tick(200);
    pool.arrive('q1', 'a+x');
    pool.ready('r2', 'a+x');
    expect(pool.tick(200)).toEqual([]);
    pool.end('q1');
    expect(pool.tick(200)).toEqual(['detach r1 a+x']);
  });

  it('lets go of it before it is one runner too many', () => {
    const pool = apart({ scaleDownAfterMs: 0 });
    pool.tick(200);
    expect(pool.ready('r2', 'a+x')).toEqual(['detach r1 a+x']);
  });

  it('moves nothing while another runner has something that is not pinned, though that runs', () => {
    const pool = apart();
    pool.arrive('busy', 'a');
    pool.unpin('u1', 'a');
    expect(pool.tick(200)).toEqual([]);
    expect(pool.end('busy')).toEqual(['detach r1 a']);
  });

  it('waits until the runner with the place is up', () => {
    const pool = poolOf({ maxRunners: 2, maxCombosPerRunner: 2 });
    pin(pool, ['a', 'a+x']);
    ready(pool, 'r1', ['a', 'a+x']);
    pool.pin('p y', 'a+y', { count: 2 });
    expect(pool.tick(200)).toEqual([]);
    pool.up('r2');
    expect(pool.loaded('r2')).toEqual(['attach r2 a+y']);
  });

  it('moves none that is itself still being started, and lets go of it wherever it was', () => {
    const pool = poolOf({ maxRunners: 3, maxCombosPerRunner: 2 });
    pin(pool, ['a+t', 'a+u']);
    ready(pool, 'r1', []);
    pin(pool, ['a+v', 'a+w']);
    ready(pool, 'r2', ['a+v', 'a+w']);
    pool.pin('p y', 'a+y', { count: 2 });
    ready(pool, 'r3', ['a+y']);
    expect(pool.tick(200)).toEqual(['attach r3 a+v']);
    expect(pool.ready('r3', 'a+v')).toEqual(['detach r2 a+v']);
  });

  it('moves none from a runner that has the pin already, nor one that is there already', () => {
    const pool = poolOf({ maxRunners: 3, maxCombosPerRunner: 3 });
    pin(pool, ['a+y', 'a+t']);
    pool.pin('p x', 'a+x', { count: 3 });
    ready(pool, 'r1', ['a+y', 'a+t', 'a+x']);
    ready(pool, 'r2', ['a+x']);
    pin(pool, ['a+u', 'a+v']);
    ready(pool, 'r2', ['a+u', 'a+v']);
    pool.pin('p y', 'a+y', { count: 2 });
    ready(pool, 'r3', ['a+x', 'a+y']);
    pool.pin('p y', 'a+y', { count: 3 });
    expect(pool.tick(200)).toEqual(['attach r3 a+u']);
  });

  it('lets go of one at a time, and moves no more while a place is on its way', () => {
    const pool = poolOf({ maxRunners: 2, maxCombosPerRunner: 3 });
    pin(pool, ['a+t', 'a+u', 'a+v']);
    ready(pool, 'r1', ['a+t', 'a+u', 'a+v']);
    pool.pin('p y', 'a+y', { count: 2 });
    ready(pool, 'r2', ['a+y']);
    expect(pool.tick(200)).toEqual(['attach r2 a+t']);
    expect(pool.tick(200)).toEqual([]);
    expect(pool.ready('r2', 'a+t')).toEqual(['detach r1 a+t']);
    expect(pool.tick(200)).toEqual([]);
    expect(pool.detached('r1', 'a+t')).toEqual(['attach r1 a+y']);
  });

  it('moves nothing while there is no memory for it where the place is', () => {
    const moved = (memoryBytes: number): string[] => {
      const pool = poolOf({ maxRunners: 3, maxCombosPerRunner: 2, memoryBytes });
      pool.arrive('busy', 'b');
      ready(pool, 'r1', ['b']);
      pin(pool, ['a', 'a+x']);
      ready(pool, 'r2', ['a', 'a+x']);
      pool.pin('p y', 'a+y', { count: 2 });
      ready(pool, 'r3', ['a+y']);
      return pool.tick(200);
    };
    // b takes 10, two runners of a 14, and three contexts 9.
    expect(moved(36)).toEqual(['attach r3 a']);
    expect(moved(35)).toEqual([]);
  });
});

describe('tick while somebody waits for memory of a device that is full of pins', () => {
  /** Bases of 100 bytes, of which b is for CUDA0 alone, and ten more for each combo. */
  function poolWith(
    deviceBytes: Readonly<Record<string, number>>,
    idleTtlMs: number | null = null,
  ): PoolDriver {
    const size = { weightBytes: 100, computeBytes: 10, sleeps: false, deviceLayers: -1 };
    const models = [
      model('a', { ...size, idleTtlMs }),
      model('b', { ...size, device: deviceName('CUDA0') }),
      model('c', size),
    ];
    const catalogue = catalogueOf(models, [adapter('x', 'a'), adapter('y', 'a')]);
    const settings = { maxRunners: 3, maxCombosPerRunner: 2, swapAfterMs: 300 };
    return new PoolDriver({ ...settings, deviceBytes }, catalogue);
  }

  /** A runner of their base is there, ready. */
  function adopt(pool: PoolDriver, id: string, device: string, names: readonly string[]): void {
    const combos = names.map((name) => {
      const sizes = { kvBytes: 0, computeBytes: 10, sequences: 2, deviceShare: 1 };
      return { combo: pool.combo(name), ...sizes };
    });
    const weights = { host: 0, device: 100 };
    const [first = 'a'] = names;
    const held = { model: pool.combo(first).model, device: deviceName(device), weights, threads: 1, combos };
    pool.tell({ type: 'runnerAdopted', runnerId: pool.runnerId(id), ...held });
  }

  /** a+x and a+y on CUDA0, a on CUDA1, all pinned. */
  function uneven(most: number, idleTtlMs: number | null = null): PoolDriver {
    const pool = poolWith({ CUDA0: 229, CUDA1: most }, idleTtlMs);
    adopt(pool, 'r8', 'CUDA0', ['a+x', 'a+y']);
    adopt(pool, 'r9', 'CUDA1', ['a']);
    for (const name of ['a', 'a+x', 'a+y']) pool.pin(`pin ${name}`, name);
    return pool;
  }

  it.each([null, 0])(
    'starts one of the pins on another device, and lets go of it here (idle ttl %s)',
    (ttl) => {
      const pool = uneven(125, ttl);
      expect(pool.arrive('q1', 'b')).toEqual([]);
      expect(pool.tick(200)).toEqual([]);
      expect(pool.tick(200)).toEqual(['attach r9 a+x']);
      expect(pool.tick(200)).toEqual([]);
      expect(pool.ready('r9', 'a+x')).toEqual(['detach r8 a+x']);
      expect(pool.detached('r8', 'a+x')).toEqual(['spawn r1 b on CUDA0']);
    },
  );

  it('refuses who would have no room whatever else goes', () => {
    const pool = uneven(119);
    pool.arrive('q1', 'b');
    expect(pool.tick(200)).toEqual([]);
    expect(pool.tick(200)).toEqual(['reject q1 no_capacity']);
  });

  it('refuses nobody for what is not kept', () => {
    const pool = uneven(119);
    for (const name of ['a', 'a+y']) pool.unpin(`unpin ${name}`, name);
    pool.arrive('busy', 'a+y');
    expect(pool.arrive('q1', 'b')).toEqual([]);
    expect(pool.tick(400)).toEqual([]);
    expect(pool.end('busy')).toEqual(['detach r8 a+y']);
  });

  it('loads the base on another device when the place that is left has no memory', () => {
    const pool = poolWith({ CUDA0: 235, CUDA1: 125 });
    adopt(pool, 'r8', 'CUDA0', ['a+x', 'a+y']);
    adopt(pool, 'r9', 'CUDA0', ['a+x']);
    pool.pin('p1', 'a+x', { count: 2 });
    pool.pin('p2', 'a+y');
    expect(pool.arrive('q1', 'a')).toEqual([]);
    expect(pool.tick(200)).toEqual([]);
    expect(pool.tick(200)).toEqual(['spawn r1 a on CUDA1']);
  });

  it('makes room for that there of what is idle', () => {
    const pool = poolWith({ CUDA0: 225, CUDA1: 125 });
    for (const id of ['r8', 'r9']) adopt(pool, id, 'CUDA0', ['a+x']);
    adopt(pool, 'r7', 'CUDA1', ['c']);
    pool.pin('p1', 'a+x', { count: 2 });
    expect(pool.arrive('q1', 'a')).toEqual([]);
    expect(pool.tick(400)).toEqual(['stop r7 evicted 10000']);
    expect(pool.exited('r7')).toEqual([]);
    expect(pool.tick(200)).toEqual(['spawn r1 a on CUDA1']);
  });

  it('takes no turn of what runs there', () => {
    const pool = poolWith({ CUDA0: 225, CUDA1: 125 });
    for (const id of ['r8', 'r9']) adopt(pool, id, 'CUDA0', ['a+x']);
    adopt(pool, 'r7', 'CUDA1', ['c']);
    pool.pin('p1', 'a+x', { count: 2 });
    pool.arrive('busy', 'c');
    expect(pool.arrive('q1', 'a')).toEqual([]);
    expect(pool.tick(400)).toEqual([]);
    expect(pool.stateOf('r7')).toBe('ready');
  });
});
