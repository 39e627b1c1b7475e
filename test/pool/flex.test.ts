import { describe, expect, it } from 'vitest';
import { nextWaiters } from '../../gateway/pool/nextWaiters.ts';
import type { PoolSettings } from '../../gateway/pool/settings.ts';
import { adapter, catalogueOf, model } from './builders.ts';
import { PoolDriver } from './driver.ts';

const FLEX = { tier: 'flex' } as const;

const CATALOGUE = catalogueOf(
  [model('a', { sequences: 1 }), model('b', { sequences: 1 }), model('c', { sequences: 1 })],
  [adapter('x', 'a'), adapter('y', 'a')],
);

function pooled(settings: Partial<PoolSettings> = {}): PoolDriver {
  return new PoolDriver({ maxRunners: 1, ...settings }, CATALOGUE);
}

/** Brings the base to ready for flex work, which has ended. */
function bringFlex(pool: PoolDriver, runner: string, name: string): void {
  pool.ask(`flex ${name}`, name, FLEX);
  pool.up(runner);
  pool.loaded(runner);
  pool.ready(runner, name);
  pool.end(`flex ${name}`);
}

describe('flex work', () => {
  it('is granted what nobody else waits for', () => {
    const pool = pooled();
    pool.bring('r1', 'a');
    expect(pool.ask('f1', 'a', FLEX)).toEqual(['grant f1 r1 warm']);
  });

  it('goes behind interactive requests that came after it', () => {
    const pool = pooled();
    pool.bring('r1', 'a');
    pool.ask('runs', 'a', {});
    pool.ask('f1', 'a', FLEX);
    pool.ask('f2', 'a', FLEX);
    pool.ask('i1', 'a', {});
    pool.ask('i2', 'a', {});
    expect(pool.end('runs')).toEqual(['grant i1 r1 warm']);
    expect(pool.end('i1')).toEqual(['grant i2 r1 warm']);
    expect(pool.end('i2')).toEqual(['grant f1 r1 warm']);
    expect(pool.end('f1')).toEqual(['grant f2 r1 warm']);
  });

  it('goes behind interactive requests also of a tenant that has had more', () => {
    const pool = pooled();
    pool.bring('r1', 'a');
    pool.ask('runs', 'a', { tenant: 'rich' });
    pool.ask('f1', 'a', { ...FLEX, tenant: 'poor' });
    pool.ask('i1', 'a', { tenant: 'rich' });
    expect(pool.used('runs', 1e6, 1e6)).toEqual(['grant i1 r1 warm']);
  });

  it('fills the sequences that interactive requests leave, in the order among tenants', () => {
    const pool = new PoolDriver({}, catalogueOf([model('a', { sequences: 3 })]));
    pool.ask('f1', 'a', { ...FLEX, tenant: 't1' });
    pool.ask('f2', 'a', { ...FLEX, tenant: 't1' });
    pool.ask('f3', 'a', { ...FLEX, tenant: 't2' });
    pool.ask('i1', 'a', {});
    pool.up('r1');
    pool.loaded('r1');
    expect(pool.ready('r1', 'a').map((line) => line.split(' ')[1])).toEqual(['i1', 'f1', 'f3']);
  });

  it('has its start counted as begun by who came first, also when others stand before it later', () => {
    const pool = pooled();
    pool.ask('f1', 'a', FLEX);
    pool.ask('i1', 'a', {});
    pool.up('r1');
    pool.loaded('r1');
    expect(pool.ready('r1', 'a')).toEqual(['grant i1 r1 cold joined']);
    expect(pool.end('i1')).toEqual(['grant f1 r1 cold']);
  });

  it('may wait longer than others for a sequence', () => {
    const pool = pooled({ startTimeoutMs: 1000, flexWaitMs: 5000 });
    pool.bring('r1', 'a');
    pool.ask('runs', 'a', {});
    pool.ask('i1', 'a', {});
    pool.ask('f1', 'a', FLEX);
    expect(pool.tick(999)).toEqual([]);
    expect(pool.tick(1)).toEqual(['reject i1 no_capacity']);
    expect(pool.tick(3999)).toEqual([]);
    const [failure] = pool.rejections(() => pool.tick(1));
    expect(failure).toMatchObject({
      code: 'no_capacity',
      message: 'Cannot serve "a": no capacity after 5000 ms of waiting',
    });
  });
});

describe('room for flex work', () => {
  it('is not made out of what interactive requests used a short while ago', () => {
    const pool = pooled({ flexSparesMs: 60_000 });
    pool.bring('r1', 'a');
    expect(pool.ask('f1', 'b', FLEX)).toEqual([]);
    expect(pool.tick(59_999)).toEqual([]);
    expect(pool.tick(1)).toEqual(['stop r1 evicted 10000']);
  });

  it('is made at once out of what only flex work ever used', () => {
    const pool = pooled();
    bringFlex(pool, 'r1', 'a');
    expect(pool.ask('f1', 'b', FLEX)).toEqual(['stop r1 evicted 10000']);
  });

  it('is not made out of a combo that interactive requests used a short while ago', () => {
    const pool = pooled({ maxCombosPerRunner: 1, flexSparesMs: 60_000 });
    pool.bring('r1', 'a');
    expect(pool.ask('f1', 'a+x', FLEX)).toEqual([]);
    expect(pool.tick(60_000)).toEqual(['detach r1 a']);
  });

  it('is not made out of memory that interactive requests used a short while ago', () => {
    const pool = pooled({ maxRunners: 2, memoryBytes: 1100, flexSparesMs: 60_000 });
    pool.bring('r1', 'a');
    pool.state.measured.clear();
    expect(pool.ask('f1', 'b', FLEX)).toEqual(['spawn r2 b']);
  });

  it('is not made out of a busy runner that interactive requests use', () => {
    const pool = pooled({ swapAfterMs: 100, flexSparesMs: 0 });
    pool.bring('r1', 'a');
    pool.ask('runs', 'a', {});
    pool.ask('f1', 'b', FLEX);
    expect(pool.tick(5000)).toEqual([]);
    expect(pool.notes(() => pool.end('runs')).map(({ note }) => note)).toEqual([
      'base_evicted',
      'runner_stopping',
    ]);
  });

  it('is made out of a busy runner that only flex work uses, after its turn', () => {
    const pool = pooled({ swapAfterMs: 100 });
    bringFlex(pool, 'r1', 'a');
    pool.ask('runs', 'a', FLEX);
    pool.ask('f1', 'b', FLEX);
    expect(pool.tick(99)).toEqual([]);
    expect(pool.notes(() => pool.tick(1)).map(({ note }) => note)).toEqual(['runner_draining']);
  });
});

describe('room for interactive requests', () => {
  it('is made out of flex work that is younger than the least time that anything stays', () => {
    const pool = pooled({ minResidencyMs: 10_000 });
    bringFlex(pool, 'r1', 'a');
    expect(pool.ask('i1', 'b', {})).toEqual(['stop r1 evicted 10000']);
  });

  it('is not made out of what others began, before it has stayed for that time', () => {
    const pool = pooled({ minResidencyMs: 10_000 });
    pool.bring('r1', 'a');
    expect(pool.ask('i1', 'b', {})).toEqual([]);
    expect(pool.tick(9_999)).toEqual([]);
    expect(pool.tick(1)).toEqual(['stop r1 evicted 10000']);
  });

  it('is made out of a runner that flex work alone waits for', () => {
    const pool = pooled({ maxCombosPerRunner: 1, flexSparesMs: 60_000 });
    pool.bring('r1', 'a');
    pool.ask('f1', 'a+x', FLEX);
    expect(pool.ask('i1', 'b', {})).toEqual(['stop r1 evicted 10000']);
  });

  it('is taken before flex work that waits for longer', () => {
    const pool = pooled({ flexSparesMs: 60_000 });
    pool.bring('r1', 'a');
    pool.ask('runs', 'a', {});
    pool.ask('f1', 'b', FLEX);
    pool.ask('i1', 'c', {});
    pool.end('runs');
    expect(pool.exited('r1')).toEqual(['spawn r2 c']);
  });

  it('is given by a busy runner that flex work waits for, after its turn', () => {
    const pool = pooled({ swapAfterMs: 100 });
    pool.bring('r1', 'a');
    pool.ask('runs', 'a', FLEX);
    pool.ask('f1', 'a', FLEX);
    pool.ask('i1', 'b', {});
    expect(pool.notes(() => pool.tick(100)).map(({ note }) => note)).toEqual(['runner_draining']);
  });
});

describe('the watermark', () => {
  /** One combo place, which flex work has; an interactive request waits for another combo of that base. */
  function pressed(settings: Partial<PoolSettings> = {}): PoolDriver {
    const pool = pooled({ maxCombosPerRunner: 1, swapAfterMs: 1e9, flexWatermarkMs: 1000, ...settings });
    pool.bring('r1', 'a');
    pool.ask('f1', 'a', FLEX);
    pool.ask('f2', 'a', FLEX);
    pool.ask('i1', 'a+x', {});
    return pool;
  }

  it('holds flex work back when an interactive request has waited longer for the base', () => {
    const pool = pressed();
    pool.nowMs = 1001;
    expect(pool.end('f1')).toEqual(['detach r1 a']);
    expect(pool.detached('r1', 'a')).toEqual(['attach r1 a+x']);
    expect(pool.ready('r1', 'a+x')).toEqual(['grant i1 r1 attach']);
  });

  it('does not hold it back up to then', () => {
    const pool = pressed();
    pool.nowMs = 1000;
    expect(pool.end('f1')).toEqual(['grant f2 r1 warm']);
  });

  it('holds nothing back for flex work that waits', () => {
    const pool = pooled({ maxCombosPerRunner: 1, swapAfterMs: 1e9, flexWatermarkMs: 1000 });
    pool.bring('r1', 'a');
    pool.ask('f1', 'a', FLEX);
    pool.ask('f2', 'a', FLEX);
    pool.ask('f3', 'a+x', FLEX);
    pool.nowMs = 5000;
    expect(pool.end('f1')).toEqual(['grant f2 r1 warm']);
  });

  it('does not hold back what was promised', () => {
    const pool = pooled({ maxCombosPerRunner: 1, swapAfterMs: 1e9, flexWatermarkMs: 1000 });
    pool.bring('r1', 'a');
    pool.ask('f1', 'a', FLEX);
    pool.ask('f2', 'a', FLEX);
    pool.tell({ type: 'promiseAsked', requestId: 'f2' as never });
    pool.ask('i1', 'a+x', {});
    pool.nowMs = 1001;
    expect(pool.end('f1')).toEqual(['grant f2 r1 warm']);
  });

  it('has held flex work granted by the tick after the pressure is over', () => {
    const pool = pressed({ minResidencyMs: 1e9 });
    pool.nowMs = 1001;
    expect(pool.end('f1')).toEqual([]);
    expect(pool.tick(200)).toEqual([]);
    pool.gone('i1');
    expect(pool.tick(200)).toEqual(['grant f2 r1 warm']);
  });

  it('promises nothing to flex work that is held', () => {
    const pool = pressed({ minResidencyMs: 1e9 });
    pool.nowMs = 1001;
    pool.end('f1');
    pool.tell({ type: 'promiseAsked', requestId: 'f2' as never });
    expect(pool.state.queues.get(pool.combo('a').key)?.waiters[0]?.promised).toBeNull();
    pool.nowMs = 1000;
  });
});

describe('nextWaiters()', () => {
  it('passes over those who were promised another runner, and chooses no more than asked for', () => {
    const pool = pooled();
    pool.bring('r1', 'a');
    pool.ask('runs', 'a', {});
    for (const id of ['w1', 'w2', 'w3']) pool.ask(id, 'a', {});
    pool.ask('f1', 'a', FLEX);
    const queue = pool.state.queues.get(pool.combo('a').key);
    const [runner] = pool.state.runners.values();
    if (!queue || runner?.state !== 'ready') throw new Error('nobody waits');
    const next = (count: number): string[] =>
      nextWaiters(pool.state, queue, runner, count, pool.nowMs).map(({ id }) => id);
    expect(next(0)).toEqual([]);
    expect(next(-1)).toEqual([]);
    expect(next(2)).toEqual(['w1', 'w2']);
    expect(next(9)).toEqual(['w1', 'w2', 'w3', 'f1']);
    const [first, , , flex] = queue.waiters;
    if (!first || !flex) throw new Error('nobody waits');
    first.promised = 'r_other' as never;
    flex.promised = 'r_other' as never;
    expect(next(9)).toEqual(['w2', 'w3']);
    first.promised = runner.id;
    expect(next(1)).toEqual(['w1']);
  });
});
