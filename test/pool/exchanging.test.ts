import { describe, expect, it } from 'vitest';
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
    pool.ready('r2', 'a+x');
    expect(pool.tick(200)).toEqual(['detach r1 a+x']);
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
    pool.ready('r2', 'a+x');
    expect(pool.tick(200)).toEqual(['detach r1 a+x']);
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
    pool.ready('r3', 'a+v');
    expect(pool.tick(200)).toEqual(['detach r2 a+v']);
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
    pool.ready('r2', 'a+t');
    expect(pool.tick(200)).toEqual(['detach r1 a+t']);
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
