import { describe, expect, it } from 'vitest';
import { segmentKey } from '../../gateway/domain/ids.ts';
import { noteDuration } from '../../gateway/pool/durations.ts';
import { noteStep, predictStepMs } from '../../gateway/pool/startTimes.ts';
import { adapter, catalogueOf, model } from './builders.ts';
import { PoolDriver } from './driver.ts';
import { poolWith as inStore, staged } from './inStore.ts';

const slow = (pool: PoolDriver, ms: number) =>
  pool
    .notes(() => pool.tick(ms))
    .filter(({ note }) => note === 'start_slow')
    .map(({ runnerId, combo, detail }) => ({ runnerId, combo, ...detail }));

describe('decide() tells of a start', () => {
  it('that takes three times its prediction, once', () => {
    const pool = new PoolDriver();
    pool.arrive('q1', 'a');
    expect(slow(pool, 1499)).toEqual([]);
    const told = { runnerId: 'r_t_1', combo: 'a', step: 'spawn', predictedMs: 500, elapsedMs: 1500 };
    expect(slow(pool, 1)).toEqual([told]);
    expect(slow(pool, 5000)).toEqual([]);
    pool.up('r1');
    expect(slow(pool, 9000)).toEqual([]);
  });

  it('again when it is another one', () => {
    const pool = new PoolDriver();
    pool.arrive('q1', 'a');
    expect(slow(pool, 2000)).toHaveLength(1);
    pool.exited('r1');
    pool.arrive('q2', 'a');
    expect(slow(pool, 2000)).toEqual([expect.objectContaining({ runnerId: 'r_t_2' })]);
    expect(pool.state.slowStarts.size).toBe(1);
  });

  it('that loads for longer than its bytes take, as long as nothing was measured', () => {
    const pool = new PoolDriver({}, catalogueOf([model('a', { weightBytes: 2e9 })]));
    pool.arrive('q1', 'a');
    pool.up('r1');
    expect(slow(pool, 7499)).toEqual([]);
    expect(slow(pool, 1)).toMatchObject([{ step: 'load', predictedMs: 2500, elapsedMs: 7500 }]);
  });

  it('that attaches for longer than its adapters take', () => {
    const adapters = [adapter('x', 'a', { weightBytes: 1e9 }), adapter('y', 'a', { weightBytes: 5e8 })];
    const pool = new PoolDriver({}, catalogueOf([model('a')], adapters));
    pool.arrive('q1', 'a+x+y');
    pool.up('r1');
    pool.loaded('r1');
    expect(slow(pool, 5999)).toEqual([]);
    expect(slow(pool, 1)).toMatchObject([{ combo: 'a+x+y', step: 'attach', predictedMs: 2000 }]);
    expect(slow(pool, 1)).toEqual([]);
  });

  it('by what is slow of it: the staging of its base, then the load', () => {
    const pool = inStore(5000);
    expect(pool.arrive('q1', 'a')).toEqual(['stage a demand', 'spawn r1 a']);
    pool.up('r1');
    const key = segmentKey('sa');
    noteDuration(pool.state.startTimes, 'step stage', key, 2000);
    expect(slow(pool, 5999)).toEqual([]);
    expect(slow(pool, 1)).toMatchObject([{ combo: 'a', step: 'stage', predictedMs: 2000, elapsedMs: 6000 }]);
    expect(slow(pool, 1000)).toEqual([]);
    staged(pool, 'sa', undefined, 7000);
    expect(slow(pool, 1500)).toEqual([]);
    expect(slow(pool, 1)).toMatchObject([{ step: 'load', predictedMs: 500, elapsedMs: 1501 }]);
    pool.loaded('r1');
    // Its load is what came after the staging.
    expect(predictStepMs(pool.state, { step: 'load', model: pool.combo('a').model })).toBe(1501);
  });

  it('by what is slow of an attach: the staging of its adapter, then itself', () => {
    const pool = inStore(5000);
    pool.arrive('q1', 'a');
    pool.up('r1');
    staged(pool, 'sa');
    pool.loaded('r1');
    pool.nowMs += 50;
    pool.ready('r1', 'a');
    expect(pool.arrive('q2', 'a+u')).toEqual(['stage u demand', 'attach r1 a+u']);
    expect(slow(pool, 1000)).toMatchObject([{ combo: 'a+u', step: 'stage', elapsedMs: 1000 }]);
    staged(pool, 'su');
    pool.nowMs += 30;
    pool.ready('r1', 'a+u');
    expect(predictStepMs(pool.state, { step: 'attach', combo: pool.combo('a+u') })).toBe(30);
    pool.end('q2');
    pool.evict('o1', 'a+u');
    pool.detached('r1', 'a+u');
    expect(pool.arrive('q3', 'a+u')).toEqual(['attach r1 a+u']);
    expect(slow(pool, 1000)).toMatchObject([{ step: 'attach' }]);
  });

  it('of a standby, without a name', () => {
    const pool = new PoolDriver({ standbys: 1 });
    pool.tick(0);
    expect(slow(pool, 1500)).toMatchObject([{ combo: undefined, step: 'spawn' }]);
  });

  it('by what such steps have taken, but not below a second', () => {
    const pool = new PoolDriver();
    pool.arrive('q1', 'a');
    pool.nowMs = 300;
    pool.up('r1');
    pool.nowMs = 900;
    pool.loaded('r1');
    pool.nowMs = 910;
    pool.ready('r1', 'a');
    const predict = (step: Parameters<typeof predictStepMs>[1]): number => predictStepMs(pool.state, step);
    expect(predict({ step: 'spawn' })).toBe(300);
    expect(predict({ step: 'load', model: pool.combo('a').model })).toBe(600);
    expect(predict({ step: 'attach', combo: pool.combo('a+x') })).toBe(10);
    pool.arrive('q2', 'a+x');
    expect(slow(pool, 999)).toEqual([]);
    expect(slow(pool, 1)).toMatchObject([{ predictedMs: 10, elapsedMs: 1000 }]);
  });

  it('not of one that is ready, drains or stops', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    pool.arrive('runs', 'a');
    expect(slow(pool, 60_000)).toEqual([]);
    pool.shutDown();
    expect(slow(pool, 5000)).toEqual([]);
  });
});

describe('predictStepMs()', () => {
  it('is the median of the last nine, the upper one of two', () => {
    const { state } = new PoolDriver();
    const step = { step: 'spawn' } as const;
    expect(predictStepMs(state, step)).toBe(500);
    noteStep(state, step, 10);
    noteStep(state, step, 30);
    expect(predictStepMs(state, step)).toBe(10);
    noteStep(state, step, 20);
    expect(predictStepMs(state, step)).toBe(20);
    for (let at = 0; at < 16; at += 1) noteStep(state, step, 100 + at);
    expect(predictStepMs(state, step)).toBe(107);
  });
});
