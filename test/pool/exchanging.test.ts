import { describe, expect, it } from 'vitest';
import type { PoolSettings } from '../../gateway/pool/settings.ts';
import { adapter, catalogueOf, model } from './builders.ts';
import { PoolDriver } from './driver.ts';

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
});
