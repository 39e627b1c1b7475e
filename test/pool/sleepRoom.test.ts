import { describe, expect, it } from 'vitest';
import type { CatalogueModel } from '../../gateway/domain/catalogue.ts';
import { freeBytes } from '../../gateway/pool/memory.ts';
import type { PoolSettings } from '../../gateway/pool/settings.ts';
import { adapter, catalogueOf, model } from './builders.ts';
import { PoolDriver } from './driver.ts';
import { bring, CUDA0, poolWith, withContext } from './onDevices.ts';

const SLEEPS = { sleeps: true };
const ON_HOST = { deviceLayers: 0 };
const HALF = { deviceLayers: 1, layers: 2 };

function putToSleep(pool: PoolDriver, runner: string, keptBytes = 0): void {
  pool.sleep(`sleep ${runner}`, runner);
  pool.asleep(runner, keptBytes);
}

/** Bases of 7 bytes in host memory, with 3 of each context, which may sleep. */
function onHost(
  settings: Partial<PoolSettings>,
  changes: Readonly<Record<string, Partial<CatalogueModel>>> = {},
): PoolDriver {
  const one = { ...SLEEPS, weightBytes: 7, computeBytes: 3 };
  const models = ['a', 'b', 'c'].map((id) => model(id, { ...one, ...changes[id] }));
  return new PoolDriver({ maxRunners: 9, ...settings }, catalogueOf(models, [adapter('x', 'a')]));
}

describe('memory of a base that wakes', () => {
  it('is what it kept on the host until the base is loaded, beside its device’s', () => {
    const pool = poolWith({ CUDA0: 9000 }, { a: SLEEPS });
    bring(pool, 'r1', 'a');
    putToSleep(pool, 'r1', 40);
    pool.arrive('q1', 'a');
    expect(pool.stateOf('r1')).toBe('loading');
    expect([freeBytes(pool.state), freeBytes(pool.state, CUDA0)]).toEqual([1e12 - 40, 9000 - 1020]);
    pool.tell({ type: 'runnerLoaded', runnerId: pool.runnerId('r1'), weightBytes: 1000 });
    expect(freeBytes(pool.state)).toBe(1e12);
  });

  it('is made of other bases, and not of what its own process keeps there', () => {
    const pool = withContext(poolWith({ CUDA0: 1100 }, { a: SLEEPS }), 30);
    bring(pool, 'r1', 'a');
    putToSleep(pool, 'r1');
    bring(pool, 'r2', 'b');
    expect(pool.arrive('q1', 'a')).toEqual(['stop r2 evicted 10000']);
    expect(pool.exited('r2')).toEqual(['wake r1 4']);
  });
});

describe('an operator’s order to wake', () => {
  it('is a conflict when its device has no room, which is named with the arithmetic', () => {
    const pool = poolWith({ CUDA0: 1990 }, { a: SLEEPS });
    bring(pool, 'r1', 'a');
    putToSleep(pool, 'r1');
    pool.arrive('q1', 'b');
    expect(pool.answers(() => pool.wake('w1', 'r1'))).toMatchObject([
      {
        error: {
          code: 'conflict',
          message:
            'Cannot wake runner "r_t_1": it needs 1000 bytes of memory on device "CUDA0", expected at most 970',
        },
      },
    ]);
  });
});

describe('memory of a base that falls asleep', () => {
  it('is on its way: nothing else goes for one that has enough in it', () => {
    const pool = poolWith({ CUDA0: 2040 }, { a: SLEEPS });
    bring(pool, 'r1', 'a');
    bring(pool, 'r2', 'b');
    pool.sleep('s1', 'r1');
    expect(pool.arrive('q1', 'c')).toEqual([]);
    expect(pool.asleep('r1')).toEqual(['spawn r3 c on CUDA0']);
  });

  it('is on its way but for the context of its process', () => {
    const pool = withContext(poolWith({ CUDA0: 2100 }, { a: SLEEPS, c: { weightBytes: 1010 } }), 30);
    bring(pool, 'r1', 'a');
    bring(pool, 'r2', 'b');
    pool.sleep('s1', 'r1');
    // 1060 are wanted, and 1020 come.
    expect(pool.arrive('q1', 'c')).toEqual(['stop r2 evicted 10000']);
  });
});

describe('a base that gives way to one on its device', () => {
  /** b goes for c, which has a half of its 1020 bytes on the host, of which so many are there. */
  const ordered = (memoryBytes: number): string[] => {
    const pool = poolWith({ CUDA0: 1500 }, { b: SLEEPS, c: HALF }, { memoryBytes });
    bring(pool, 'r1', 'b');
    return pool.arrive('q1', 'c');
  };

  it('sleeps only where the host has room for what it keeps, its 1000 bytes, and for that one', () => {
    expect(ordered(1510)).toEqual(['sleep r1']);
    expect(ordered(1509)).toEqual(['stop r1 evicted 10000']);
    expect(ordered(1000)).toEqual(['stop r1 evicted 10000']);
    expect(ordered(999)).toEqual(['stop r1 evicted 10000']);
  });

  it('stops where sleeping would have a second one go, for the host memory that it keeps', () => {
    const changes = { a: ON_HOST, b: SLEEPS, c: HALF };
    const pool = poolWith({ CUDA0: 1500 }, changes, { memoryBytes: 2020 });
    bring(pool, 'r1', 'b');
    pool.nowMs = 1;
    bring(pool, 'r2', 'a');
    expect(pool.arrive('q1', 'c')).toEqual(['stop r1 evicted 10000']);
  });

  it('gives all that its process has when it stops: no second one goes for that', () => {
    for (const [sleeps, memoryBytes] of [
      [false, 1e12],
      [true, 999],
    ] as const) {
      const changes = { a: { sleeps }, b: { sleeps }, c: { weightBytes: 1020 } };
      const pool = withContext(poolWith({ CUDA0: 2120 }, changes, { memoryBytes }), 30);
      bring(pool, 'r1', 'a');
      bring(pool, 'r2', 'b');
      // 1070 are wanted; each process has 1000 of weights, 20 of a context, and 30 of its own.
      expect(pool.arrive('q1', 'c')).toEqual(['stop r1 evicted 10000']);
    }
  });
});

describe('an operator’s order to sleep', () => {
  const onDevice = (memoryBytes: number): string[] => {
    const pool = poolWith({ CUDA0: 5000 }, { a: SLEEPS }, { memoryBytes });
    bring(pool, 'r1', 'a');
    return pool.sleep('s1', 'r1');
  };

  it('is carried out when what it keeps fits the host to the byte', () => {
    expect(onDevice(1000)).toEqual(['sleep r1', 'answer s1 dozing']);
    expect(onDevice(999)).toEqual(['answer s1 conflict']);
  });

  it('is a conflict while flex work waits for a combo of it, held for somebody interactive', () => {
    const pool = onHost({
      maxCombosPerRunner: 1,
      maxRunners: 1,
      minResidencyMs: 5000,
      flexWatermarkMs: 1000,
    });
    pool.bring('r1', 'a');
    pool.arrive('q1', 'a+x');
    pool.nowMs = 2000;
    expect(pool.ask('q2', 'a', { tier: 'flex' })).toEqual([]);
    const [answer] = pool.answers(() => pool.sleep('s1', 'r1'));
    expect(answer).toMatchObject({ error: { message: expect.stringContaining('it is waited for') } });
  });

  it('is carried out where it keeps less on the host than it has there, full as that is', () => {
    const pool = poolWith({ CUDA0: 5000 }, { a: { ...SLEEPS, ...HALF } }, { memoryBytes: 510 });
    bring(pool, 'r1', 'a');
    expect(freeBytes(pool.state)).toBe(0);
    expect(pool.sleep('s1', 'r1')).toEqual(['sleep r1', 'answer s1 dozing']);
  });

  it('is carried out when runners hold more than the host has: that gives some back', () => {
    const pool = onHost({ memoryBytes: 30 });
    pool.bring('r1', 'a');
    pool.arrive('q1', 'b');
    pool.up('r2');
    pool.tell({ type: 'runnerLoaded', runnerId: pool.runnerId('r2'), weightBytes: 50 });
    expect(freeBytes(pool.state)).toBeLessThan(-10);
    expect(pool.sleep('s1', 'r1')).toEqual(['sleep r1', 'answer s1 dozing']);
  });

  it('ends no other that sleeps while there may be one more, else the one that is back the soonest', () => {
    const asleep = (maxAsleep: number): PoolDriver => {
      const pool = onHost({ maxAsleep });
      for (const [runner, base, loadMs] of [
        ['r1', 'a', 4000],
        ['r2', 'b', 10],
      ] as const) {
        pool.arrive(`q ${base}`, base);
        pool.up(runner);
        pool.nowMs += loadMs;
        pool.loaded(runner);
        pool.ready(runner, base);
        pool.end(`q ${base}`);
      }
      pool.bring('r3', 'c');
      putToSleep(pool, 'r1');
      putToSleep(pool, 'r2');
      return pool;
    };
    expect(asleep(3).sleep('s3', 'r3')).toEqual(['sleep r3', 'answer s3 dozing']);
    expect(asleep(2).sleep('s3', 'r3')).toEqual(['stop r2 evicted 10000', 'sleep r3', 'answer s3 dozing']);
  });

  it('is told in the event log, when it falls asleep and when it sleeps', () => {
    const pool = onHost({});
    pool.bring('r1', 'a');
    expect(pool.notes(() => pool.sleep('s1', 'r1'))).toMatchObject([
      { note: 'runner_falling_asleep', runnerId: 'r_t_1', detail: { base: 'a' } },
    ]);
    expect(pool.notes(() => pool.asleep('r1', 40))).toMatchObject([
      { note: 'runner_asleep', runnerId: 'r_t_1', detail: { base: 'a', keptBytes: 40 } },
    ]);
  });
});

describe('a runner that says that it sleeps', () => {
  it('and was ordered to end meanwhile, or has ended, is not taken for one that sleeps', () => {
    const pool = onHost({});
    pool.bring('r1', 'a');
    pool.sleep('s1', 'r1');
    pool.drain('d1', 'r1');
    expect(pool.asleep('r1')).toEqual([]);
    expect(pool.stateOf('r1')).toBe('stopping');
    pool.exited('r1');
    expect(pool.asleep('r1')).toEqual([]);
    expect(pool.arrive('q1', 'a')).toEqual(['spawn r2 a']);
  });
});

describe('what sleeps, when host memory is short,', () => {
  it('ends in the order of what it takes to get it back, as much as is needed', () => {
    const pool = poolWith({ CUDA0: 9000 }, { a: SLEEPS, b: SLEEPS, c: ON_HOST }, { memoryBytes: 2000 });
    for (const [runner, base, loadMs] of [
      ['r1', 'a', 4000],
      ['r2', 'b', 10],
    ] as const) {
      pool.arrive(`q ${base}`, base);
      pool.up(runner);
      pool.nowMs += loadMs;
      bringUp(pool, runner, base);
      putToSleep(pool, runner, 600);
    }
    expect(pool.arrive('q1', 'c')).toEqual(['stop r2 evicted 10000']);
    expect(pool.exited('r2')).toEqual(['spawn r3 c']);
  });

  it('ends when runners turned out to hold more than was predicted', () => {
    const pool = poolWith({ CUDA0: 9000 }, { a: SLEEPS, b: ON_HOST }, { memoryBytes: 2000 });
    bring(pool, 'r1', 'a');
    putToSleep(pool, 'r1', 900);
    pool.arrive('q1', 'b');
    pool.up('r2');
    pool.tell({ type: 'runnerLoaded', runnerId: pool.runnerId('r2'), weightBytes: 1200 });
    expect(pool.tick(0)).toEqual(['stop r1 evicted 10000']);
  });
});

function bringUp(pool: PoolDriver, runner: string, base: string): void {
  pool.tell({ type: 'runnerLoaded', runnerId: pool.runnerId(runner), weightBytes: 1000 });
  pool.ready(runner, base);
  pool.end(`q ${base}`);
}
