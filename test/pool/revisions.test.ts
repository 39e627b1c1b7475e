import { describe, expect, it } from 'vitest';
import { adapter, catalogueOf, model } from './builders.ts';
import { CATALOGUE, PoolDriver } from './driver.ts';

const newA = catalogueOf(
  [model('a', { revision: 'r2' }), model('b')],
  [adapter('x', 'a'), adapter('y', 'a')],
);
const newX = catalogueOf([model('a')], [adapter('x', 'a', { revision: 'a2' }), adapter('y', 'a')]);
const withoutX = catalogueOf([model('a')], [adapter('y', 'a')]);

describe('decide(), when the catalogue changes,', () => {
  it('stops an idle runner of a base that was replaced', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    expect(pool.change(newA)).toEqual(['stop r1 stale 10000']);
    expect(pool.arrive('q1', 'a')).toEqual(['spawn r2 a']);
  });

  it('never serves the new revision from the old, nor the old from the new', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    const old = pool.combo('a');
    pool.arrive('q1', 'a');
    expect(pool.change(newA)).toEqual([]);
    expect(pool.stateOf('r1')).toBe('draining');
    expect(pool.arrive('q2', 'a')).toEqual(['spawn r2 a']);
    expect(pool.arrive('q3', old)).toEqual(['reject q3 start_failed']);
    expect(pool.end('q1')).toEqual(['stop r1 stale 10000']);
  });

  it('lets who waits for a ready combo of a replaced base be served by it first', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    for (const id of ['q1', 'q2', 'q3']) pool.arrive(id, 'a');
    expect(pool.change(newA)).toEqual([]);
    expect(pool.end('q1')).toEqual(['grant q3 r1 warm']);
    expect(pool.tick(1)).toEqual([]);
    expect(pool.stateOf('r1')).toBe('draining');
    pool.end('q2');
    expect(pool.end('q3')).toEqual(['stop r1 stale 10000']);
  });

  it('ends a start of a base that was replaced, and answers who waits for it', () => {
    const pool = new PoolDriver({ maxRunners: 1 });
    pool.arrive('q1', 'a');
    pool.arrive('q2', 'a+x');
    pool.arrive('q3', 'c');
    expect(pool.change({ ...newA, models: new Map([...CATALOGUE.models, ...newA.models]) })).toEqual([
      'stop r1 stale 0',
      'reject q1 start_failed',
      'reject q2 start_failed',
    ]);
    expect(pool.exited('r1')).toEqual(['spawn r2 c']);
  });

  it('answers who waits for room for what was removed', () => {
    const pool = new PoolDriver({ maxRunners: 1 });
    pool.arrive('q1', 'a');
    pool.arrive('q2', 'c');
    expect(pool.change(newX)).toEqual(['reject q2 model_not_found']);
  });

  it('lets idle combos of replaced adapters go, busy ones when their requests have ended', () => {
    const pool = new PoolDriver({ maxCombosPerRunner: 9 });
    pool.bring('r1', 'a+x');
    pool.bring('r1', 'a+x+y');
    pool.bring('r1', 'a+y');
    pool.arrive('q1', 'a+x+y');
    expect(pool.change(newX)).toEqual(['detach r1 a+x']);
    expect(pool.arrive('q2', 'a+x')).toEqual(['attach r1 a+x']);
    expect(pool.end('q1')).toEqual(['detach r1 a+x+y']);
  });

  it('attaches no adapter that was replaced or removed while the base was loading', () => {
    for (const [catalogue, code] of [
      [newX, 'start_failed'],
      [withoutX, 'model_not_found'],
    ] as const) {
      const pool = new PoolDriver();
      pool.arrive('q1', 'a+x');
      pool.arrive('q2', 'a+y');
      pool.up('r1');
      expect(pool.change(catalogue)).toEqual([`reject q1 ${code}`]);
      expect(pool.loaded('r1')).toEqual(['attach r1 a+y']);
    }
  });

  it('serves who waits for an attach under way, and lets the combo go after', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    pool.arrive('q1', 'a+x');
    expect(pool.change(newX)).toEqual([]);
    expect(pool.ready('r1', 'a+x')).toEqual(['grant q1 r1 attach']);
    pool.tick(1);
    expect(pool.end('q1')).toEqual(['detach r1 a+x']);
  });

  it('makes room for the new revision', () => {
    const pool = new PoolDriver({ maxRunners: 1, swapAfterMs: 100 });
    pool.bring('r1', 'a');
    pool.arrive('q1', 'a');
    pool.arrive('q2', 'a');
    pool.arrive('q3', 'a');
    pool.change(newA);
    pool.arrive('q4', 'a');
    pool.end('q1');
    pool.end('q2');
    expect(pool.end('q3')).toEqual(['stop r1 evicted 10000']);
    expect(pool.exited('r1')).toEqual(['spawn r2 a']);
  });
});
