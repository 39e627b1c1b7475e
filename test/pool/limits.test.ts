import { describe, expect, it } from 'vitest';
import { measuredStartMs, noteStart, remainingStartMs } from '../../gateway/pool/startTimes.ts';
import { catalogueOf, model } from './builders.ts';
import { PoolDriver } from './driver.ts';

const FLEX = { tier: 'flex' } as const;

/** `a` has one sequence, which is taken. */
function taken(settings: ConstructorParameters<typeof PoolDriver>[0] = {}): PoolDriver {
  const pool = new PoolDriver(settings, catalogueOf([model('a', { sequences: 1 }), model('b')]));
  pool.bring('r1', 'a');
  pool.arrive('runs', 'a');
  return pool;
}

describe('the limit of a wait', () => {
  it('is that of flex work for flex work, whoever stands before it', () => {
    const pool = taken({ flexWaitMs: 1000 });
    pool.arrive('i1', 'a');
    pool.ask('f1', 'a', FLEX);
    expect(pool.tick(999)).toEqual([]);
    expect(pool.tick(1)).toEqual(['reject f1 no_capacity']);
    expect(pool.state.waiting).toBe(1);
    const long = taken({ flexWaitMs: 60_000 });
    long.ask('f1', 'a', FLEX);
    expect(long.tick(59_999)).toEqual([]);
    expect(long.tick(1)).toEqual(['reject f1 no_capacity']);
  });

  it('is that of a start for interactive requests, of each by its own arrival', () => {
    const pool = taken({ startTimeoutMs: 5000 });
    pool.arrive('i1', 'a');
    pool.nowMs = 2000;
    pool.arrive('i2', 'a');
    expect(pool.tick(2999)).toEqual([]);
    expect(pool.tick(1)).toEqual(['reject i1 no_capacity']);
    expect(pool.tick(2000)).toEqual(['reject i2 no_capacity']);
  });

  it('is told with what there is and who has it', () => {
    const pool = taken({ startTimeoutMs: 5000, memoryBytes: 9000 });
    pool.arrive('i1', 'a');
    expect(pool.rejections(() => pool.tick(5000))).toMatchObject([
      {
        code: 'no_capacity',
        message: 'Cannot serve "a": no capacity after 5000 ms of waiting',
        capacity: { budgetBytes: 9000, neededBytes: 10, inUse: [{ runner: 'r_t_1', base: 'a', bytes: 10 }] },
      },
    ]);
  });

  it('is not that of who waits on a start under way', () => {
    const pool = new PoolDriver({ startTimeoutMs: 5000 });
    pool.arrive('i1', 'a');
    pool.nowMs = 4000;
    pool.up('r1');
    expect(pool.tick(4999)).toEqual([]);
  });
});

describe('the queue of deadlines', () => {
  /** The last of them has the first deadline. */
  function asked(count: number): PoolDriver {
    const pool = new PoolDriver({ spawnTimeoutMs: 1e9, startTimeoutMs: 1e9 });
    pool.ask(`q${count - 1}`, 'a', { deadlineAtMs: 99_000 });
    for (let at = 0; at < count - 1; at += 1)
      pool.ask(`q${at}`, 'a', { deadlineAtMs: 100_000 - ((at * 37) % 101) });
    return pool;
  }
  const timesOf = (pool: PoolDriver): number[] => pool.state.deadlines.map(({ atMs }) => atMs);
  const sorted = (pool: PoolDriver): number[] => timesOf(pool).toSorted((a, b) => a - b);

  it('is swept from the sixty-fourth on when half of it have been answered', () => {
    const pool = asked(63);
    for (let at = 0; at < 32; at += 1) pool.gone(`q${at}`);
    expect(pool.state.deadlines).toHaveLength(63);
    pool.ask('last', 'a', { deadlineAtMs: 99_950 });
    expect(pool.state.deadlines).toHaveLength(32);
    expect(timesOf(pool)).toEqual(sorted(pool));
  });

  it('is not swept when more than half of it wait', () => {
    const pool = asked(63);
    for (let at = 0; at < 31; at += 1) pool.gone(`q${at}`);
    pool.ask('last', 'a', { deadlineAtMs: 99_950 });
    expect(pool.state.deadlines).toHaveLength(64);
  });

  it('is gone through in the order of the deadlines', () => {
    const pool = asked(50);
    const deadlines = sorted(pool);
    const refused: number[] = [];
    for (let at = 0; at < 50; at += 1) {
      pool.nowMs = deadlines[at] ?? 0;
      refused.push(pool.tell({ type: 'tick' }).filter((line) => line.startsWith('reject')).length);
    }
    expect(refused).toEqual(deadlines.map(() => 1));
    expect(pool.state.deadlines).toEqual([]);
  });
});

describe('what is left of a start', () => {
  const leftOf = (pool: PoolDriver, name: string): number =>
    remainingStartMs(pool.state, pool.combo(name), pool.nowMs, (kind) => (kind === 'attach' ? 500 : 900));

  it('is that of the combo’s own, or of its base’s, or a whole one', () => {
    const pool = new PoolDriver();
    expect(leftOf(pool, 'a')).toBe(900);
    pool.arrive('q1', 'a');
    pool.nowMs = 100;
    expect([leftOf(pool, 'a'), leftOf(pool, 'a+x')]).toEqual([800, 800]);
    pool.up('r1');
    pool.loaded('r1');
    pool.ready('r1', 'a');
    expect([leftOf(pool, 'a'), leftOf(pool, 'a+x')]).toEqual([0, 500]);
    pool.arrive('q2', 'a+x');
    pool.nowMs = 300;
    expect([leftOf(pool, 'a+x'), leftOf(pool, 'a+y'), leftOf(pool, 'b')]).toEqual([300, 500, 900]);
    pool.nowMs = 9000;
    expect(leftOf(pool, 'a+x')).toBe(0);
  });

  it('is measured of each base by itself', () => {
    const pool = new PoolDriver();
    noteStart(pool.state, pool.combo('a'), 'cold', 70);
    expect(measuredStartMs(pool.state, pool.combo('a+x'), 'cold')).toBe(70);
    expect(measuredStartMs(pool.state, pool.combo('a'), 'attach')).toBeNull();
    expect(measuredStartMs(pool.state, pool.combo('b'), 'cold')).toBeNull();
  });
});
