import { describe, expect, it } from 'vitest';
import type { PoolSettings } from '../../gateway/pool/settings.ts';
import { adapter, catalogueOf, model } from './builders.ts';
import { PoolDriver } from './driver.ts';
import { bring, poolWith, readyOn } from './onDevices.ts';

/** Bases of 7 bytes with 3 of each context, and two adapters for each. */
function poolOf(settings: Partial<PoolSettings>): PoolDriver {
  const sizes = { weightBytes: 7, computeBytes: 3, sequences: 1 };
  const models = ['a', 'b', 'c'].map((id) => model(id, sizes));
  const adapters = ['a', 'b', 'c'].flatMap((id) => [adapter(`${id}1`, id), adapter(`${id}2`, id)]);
  return new PoolDriver(settings, catalogueOf(models, adapters));
}

describe('the first in line', () => {
  it('has the memory that comes free, whichever runner its base is on', () => {
    // Three bases and a context of each are 30.
    const pool = poolOf({ maxRunners: 3, memoryBytes: 34 });
    for (const [runner, name] of Object.entries({ r1: 'a', r2: 'b', r3: 'c' })) pool.bring(runner, name);
    pool.bring('r1', 'a+a2');
    for (const name of ['a', 'b', 'c', 'a+a2']) pool.arrive(`busy ${name}`, name);
    for (const name of ['c+c1', 'a+a1', 'b+b1']) {
      pool.nowMs += 1;
      expect(pool.arrive(`q ${name}`, name)).toEqual([]);
    }
    pool.nowMs += 1;
    expect(pool.end('busy a+a2')).toEqual(['detach r1 a+a2']);
    expect(pool.detached('r1', 'a+a2')).toEqual(['attach r3 c+c1']);
  });

  it('among requests and pins of one base is who came first', () => {
    const pool = poolOf({ maxRunners: 1, maxCombosPerRunner: 2 });
    pool.bring('r1', 'a');
    pool.bring('r1', 'a+a1');
    for (const name of ['a', 'a+a1']) pool.arrive(`busy ${name}`, name);
    pool.nowMs = 1;
    pool.arrive('q1', 'a+a2');
    pool.nowMs = 2;
    pool.pin('p1', 'a+a1@0.5');
    expect(pool.end('busy a')).toEqual(['detach r1 a']);
    expect(pool.detached('r1', 'a')).toEqual(['attach r1 a+a2']);
  });
});

describe('a place that is there', () => {
  it('is taken, though a pin of that base, and somebody of another base, have waited for longer in vain', () => {
    const pool = poolOf({ maxRunners: 3, maxCombosPerRunner: 2 });
    for (const [runner, name] of Object.entries({ r1: 'a', r2: 'b', r3: 'c' })) pool.bring(runner, name);
    pool.bring('r2', 'b+b1');
    for (const name of ['b', 'b+b1', 'c']) pool.arrive(`busy ${name}`, name);
    expect(pool.pin('p1', 'a', { count: 2 })).toEqual(['answer p1 pinned']);
    pool.nowMs = 1;
    expect(pool.arrive('q1', 'b+b2')).toEqual([]);
    pool.nowMs = 2;
    expect(pool.arrive('q2', 'a+a1')).toEqual(['attach r1 a+a1']);
  });
});

describe('a combo whose base is on two devices', () => {
  it('has memory made on the first of them when neither has enough', () => {
    const pool = poolWith({ CUDA0: 1045, CUDA1: 1045 }, { a: { maxRunners: 2 } });
    pool.pin('p1', 'a', { count: 2 });
    for (const runner of ['r1', 'r2']) {
      pool.up(runner);
      pool.tell({ type: 'runnerLoaded', runnerId: pool.runnerId(runner), weightBytes: 1000 });
      readyOn(pool, runner, 'a');
    }
    bring(pool, 'r1', 'a+x');
    bring(pool, 'r2', 'a+x@0.5');
    expect(pool.arrive('q1', 'a+y')).toEqual(['detach r1 a+x']);
    expect(pool.detached('r1', 'a+x')).toEqual(['attach r1 a+y']);
  });
});

describe('flex work that wants a place behind an interactive request', () => {
  it('has none made of what others have just used, nor where something is pinned on devices', () => {
    const pool = poolWith({ CUDA0: 9000, CUDA1: 1020 }, {}, { maxRunners: 2, maxCombosPerRunner: 2 });
    pool.pin('p1', 'b');
    bring(pool, 'r2', 'a');
    pool.nowMs = 1;
    bring(pool, 'r2', 'a+x');
    expect(pool.arrive('q1', 'a+y')).toEqual(['detach r2 a']);
    expect(pool.ask('q2', 'a+y@0.5', { tier: 'flex' })).toEqual([]);
    expect(pool.detached('r2', 'a')).toEqual(['attach r2 a+y']);
  });
});
