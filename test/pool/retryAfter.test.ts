import { describe, expect, it } from 'vitest';
import { noDurations } from '../../gateway/pool/durations.ts';
import { retryAfterMs } from '../../gateway/pool/retryAfter.ts';
import { expectedStartMs, noteStart } from '../../gateway/pool/startTimes.ts';
import { adapter, catalogueOf, model } from './builders.ts';
import { BROKEN, PoolDriver } from './driver.ts';

const GIGABYTE = 1e9;

const CATALOGUE = catalogueOf(
  [model('a', { weightBytes: 2 * GIGABYTE, computeBytes: 0, sequences: 1 })],
  [adapter('x', 'a', { weightBytes: 0.5 * GIGABYTE }), adapter('y', 'a', { weightBytes: 0 })],
);

/** Starts the combo on a new runner, in `ms`; it has ended what it was started for. */
function start(pool: PoolDriver, runner: string, name: string, ms: number): void {
  pool.arrive(`start ${runner} ${name}`, name);
  pool.up(runner);
  pool.nowMs += ms;
  pool.loaded(runner);
  pool.ready(runner, name);
  pool.end(`start ${runner} ${name}`);
}

describe('the time to come again', () => {
  it('is predicted from the bytes at 1 GB/s before anything was measured', () => {
    const pool = new PoolDriver({}, CATALOGUE);
    expect(expectedStartMs(pool.state, pool.combo('a'))).toBe(2000);
    expect(expectedStartMs(pool.state, pool.combo('a+x'))).toBe(2500);
  });

  it('is predicted with KV cache and compute buffers', () => {
    const big = model('a', {
      weightBytes: 0,
      contextTokens: 1000,
      sequences: 2,
      kvBytesPerToken: 100_000,
      computeBytes: 0.3 * GIGABYTE,
    });
    const pool = new PoolDriver({}, catalogueOf([big]));
    expect(expectedStartMs(pool.state, pool.combo('a'))).toBe(500);
  });

  it('is predicted for an attach without the weights, at the rate of the loads so far', () => {
    const pool = new PoolDriver({}, CATALOGUE);
    pool.arrive('one', 'a');
    pool.up('r1');
    pool.nowMs = 500;
    pool.tell({
      type: 'runnerLoaded',
      runnerId: [...pool.state.runners.keys()][0] as never,
      weightBytes: 2 * GIGABYTE,
    });
    expect(expectedStartMs(pool.state, pool.combo('a+x'))).toBe(125);
  });

  it('says nothing of the rate when there were no weights to load', () => {
    const pool = new PoolDriver({}, CATALOGUE);
    pool.arrive('one', 'a');
    pool.up('r1');
    pool.nowMs = 500;
    pool.tell({
      type: 'runnerLoaded',
      runnerId: [...pool.state.runners.keys()][0] as never,
      weightBytes: 0,
    });
    expect(expectedStartMs(pool.state, pool.combo('a+x'))).toBe(500);
  });

  it('is the median of the combo’s own starts of the kind that its next one is', () => {
    const pool = new PoolDriver({ quarantineBaseMs: 0, quarantineCapMs: 0 }, CATALOGUE);
    for (const [at, ms] of [100, 900, 300].entries()) {
      start(pool, `r${at + 1}`, 'a', ms);
      pool.exited(`r${at + 1}`);
    }
    expect(expectedStartMs(pool.state, pool.combo('a'))).toBe(300);
    start(pool, 'r4', 'a', 300);
    pool.arrive('attaches', 'a+x');
    pool.nowMs += 40;
    pool.ready('r4', 'a+x');
    expect(expectedStartMs(pool.state, pool.combo('a+x'))).toBe(40);
    expect(expectedStartMs(pool.state, pool.combo('a+y'))).toBe(40);
    pool.exited('r4');
    expect(expectedStartMs(pool.state, pool.combo('a+x'))).toBe(300);
  });

  it('is told with a full queue, and is what is left of the start', () => {
    const pool = new PoolDriver({ queueLimitPerCombo: 1 }, CATALOGUE);
    start(pool, 'r1', 'a', 800);
    pool.exited('r1');
    Object.assign(pool.state.serviceTimes, noDurations());
    pool.arrive('one', 'a');
    pool.nowMs += 300;
    const [failure] = pool.rejections(() => pool.arrive('two', 'a'));
    expect(failure).toEqual({
      code: 'queue_full',
      message: 'Cannot queue request for "a": 1 are waiting, expected at most 1',
      retryAfterMs: 500,
    });
  });

  it('is told with a full queue of a combo that is ready, by how long its requests run', () => {
    const pool = new PoolDriver({ queueLimitPerCombo: 2 }, CATALOGUE);
    start(pool, 'r1', 'a', 800);
    Object.assign(pool.state.serviceTimes, noDurations());
    pool.arrive('one', 'a');
    pool.nowMs += 70;
    pool.end('one');
    for (const id of ['two', 'three', 'four']) pool.arrive(id, 'a');
    const [failure] = pool.rejections(() => pool.arrive('five', 'a'));
    expect(failure?.retryAfterMs).toBe(210);
  });

  it('is that of a start when how long requests run was never measured', () => {
    const pool = new PoolDriver({ queueLimitPerCombo: 1 }, CATALOGUE);
    start(pool, 'r1', 'a', 800);
    Object.assign(pool.state.serviceTimes, noDurations());
    noteStart(pool.state, pool.combo('a'), 'attach', 33);
    for (const id of ['one', 'two']) pool.arrive(id, 'a');
    expect(pool.rejections(() => pool.arrive('three', 'a'))[0]?.retryAfterMs).toBe(33);
  });

  it('is told with a start that failed, as the end of its quarantine when it would fail again', () => {
    const pool = new PoolDriver({}, CATALOGUE);
    pool.arrive('one', 'a');
    expect(pool.rejections(() => pool.failed('r1'))).toEqual([{ ...BROKEN, retryAfterMs: 2000 }]);
    pool.exited('r1');
    pool.arrive('two', 'a');
    const failure = { code: 'start_failed_permanently', message: 'Cannot start' } as const;
    const runnerId = [...pool.state.runners.keys()][0] as never;
    expect(pool.rejections(() => pool.tell({ type: 'runnerFailed', runnerId, failure }))).toEqual([
      { ...failure, retryAfterMs: pool.state.settings.quarantineCapMs },
    ]);
  });

  it('is told when the gateway ends, to those who wait and to those who come', () => {
    const pool = new PoolDriver({}, CATALOGUE);
    pool.arrive('one', 'a');
    expect(pool.rejections(() => pool.shutDown())[0]?.retryAfterMs).toBe(2000);
    expect(pool.rejections(() => pool.arrive('two', 'a'))[0]).toEqual({
      code: 'shutting_down',
      message: 'Cannot serve request: the gateway is shutting down',
      retryAfterMs: 2000,
    });
  });

  it('is left as it is where the failure says it, and not told where no time helps', () => {
    const pool = new PoolDriver({ memoryBytes: 10 }, CATALOGUE);
    const [failure] = pool.rejections(() => pool.arrive('one', 'a'));
    expect(failure?.code).toBe('no_capacity');
    expect(failure?.retryAfterMs).toBeUndefined();
  });

  it('is what is left of the start of the base, which a combo of it would join', () => {
    const pool = new PoolDriver({}, CATALOGUE);
    start(pool, 'r1', 'a', 800);
    pool.exited('r1');
    pool.arrive('one', 'a');
    pool.nowMs += 300;
    expect(retryAfterMs(pool.state, pool.combo('a+y'), pool.nowMs)).toBe(500);
    pool.nowMs += 600;
    expect(retryAfterMs(pool.state, pool.combo('a+y'), pool.nowMs)).toBe(800);
  });
});
