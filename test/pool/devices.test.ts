import { describe, expect, it } from 'vitest';
import { deviceName } from '../../gateway/domain/ids.ts';
import { freeBytes, heldBytes } from '../../gateway/pool/memory.ts';
import { catalogueOf, model } from './builders.ts';
import { PoolDriver } from './driver.ts';
import { bring, CUDA0, CUDA1, poolWith, readyOn, withContext } from './onDevices.ts';

describe('devicesFound()', () => {
  it('gives a device nine tenths of what it has, or what is configured for it', () => {
    const pool = new PoolDriver({ deviceBytes: { CUDA1: 700 } });
    pool.tell({
      type: 'devicesFound',
      devices: [CUDA0, CUDA1].map((name) => ({ name, totalBytes: 1001, contextBytes: 5 })),
    });
    expect([...pool.state.devices.values()]).toEqual([
      { name: 'CUDA1', budgetBytes: 700, contextBytes: 5 },
      { name: 'CUDA0', budgetBytes: 900, contextBytes: 5 },
    ]);
  });

  it('makes models with layers for a device start on one from then on', () => {
    const pool = poolWith({});
    expect(pool.arrive('q1', 'a')).toEqual(['spawn r1 a']);
    pool.tell({ type: 'devicesFound', devices: [{ name: CUDA0, totalBytes: 1e6, contextBytes: 0 }] });
    expect(pool.arrive('q2', 'b')).toEqual(['spawn r2 b on CUDA0']);
  });
});

describe('a start on a device', () => {
  it('goes to the one with the most free memory', () => {
    const pool = poolWith({ CUDA0: 2500, CUDA1: 3000 });
    expect(pool.arrive('q1', 'a')).toEqual(['spawn r1 a on CUDA1']);
    expect(pool.arrive('q2', 'b')).toEqual(['spawn r2 b on CUDA0']);
    expect(pool.arrive('q3', 'c')).toEqual(['spawn r3 c on CUDA1']);
    expect([freeBytes(pool.state, CUDA0), freeBytes(pool.state, CUDA1)]).toEqual([1480, 960]);
    expect(freeBytes(pool.state)).toBe(1e12);
  });

  it('goes to the one that the model is fixed to, however full that is', () => {
    const pool = poolWith({ CUDA0: 1500, CUDA1: 9000 }, { a: { device: CUDA0 }, b: { device: CUDA0 } });
    expect(pool.arrive('q1', 'a')).toEqual(['spawn r1 a on CUDA0']);
    expect(pool.arrive('q2', 'b')).toEqual([]);
  });

  it('is refused, with the arithmetic, when the model is fixed to one that is not there', () => {
    const pool = poolWith({ CUDA0: 9000 }, { a: { device: CUDA1 } });
    expect(pool.rejections(() => pool.arrive('q1', 'a'))).toMatchObject([
      {
        code: 'no_capacity',
        isPermanent: true,
        message: 'Cannot start "a": it needs 1020 bytes of memory on device "CUDA1", expected at most 0',
      },
    ]);
  });

  it('has everything in host memory when the model has no layers for one, and needs no device', () => {
    const pool = poolWith({ CUDA0: 10 }, { a: { deviceLayers: 0 } }, { memoryBytes: 1020 });
    expect(pool.arrive('q1', 'a')).toEqual(['spawn r1 a']);
    expect([freeBytes(pool.state), freeBytes(pool.state, CUDA0)]).toEqual([0, 10]);
  });

  it('shares what it takes by layers when only some are for the device', () => {
    const pool = poolWith({ CUDA0: 255 }, { a: { deviceLayers: 2, layers: 8 } }, { memoryBytes: 765 });
    expect(pool.arrive('q1', 'a')).toEqual(['spawn r1 a on CUDA0']);
    expect([freeBytes(pool.state), freeBytes(pool.state, CUDA0)]).toEqual([0, 0]);
    const short = poolWith({ CUDA0: 255 }, { a: { deviceLayers: 2, layers: 8 } }, { memoryBytes: 764 });
    expect(short.rejections(() => short.arrive('q1', 'a'))).toMatchObject([
      {
        message: 'Cannot start "a": it needs 765 bytes of memory, expected at most 764',
        capacity: {
          budget: 'memory',
          neededBytes: 765,
          budgetBytes: 764,
          others: [{ budget: 'CUDA0', neededBytes: 255, budgetBytes: 255, inUse: [] }],
        },
      },
    ]);
  });

  it('takes all of it for all layers, and for more of them than there are', () => {
    for (const deviceLayers of [-1, 8, 99]) {
      const pool = poolWith({ CUDA0: 2000 }, { a: { deviceLayers, layers: 8 } });
      pool.arrive('q1', 'a');
      expect([freeBytes(pool.state), freeBytes(pool.state, CUDA0)]).toEqual([1e12, 980]);
    }
  });

  it('takes all of host memory where there is no device, whichever the model asks for', () => {
    const pool = poolWith({}, { a: { device: CUDA0 } }, { memoryBytes: 1020 });
    expect(pool.pin('p1', 'a')).toEqual(['answer p1 pinned', 'spawn r1 a']);
    expect(freeBytes(pool.state)).toBe(0);
  });

  it('takes the process’s own context, too, and is refused with the budgets by name', () => {
    const fits = withContext(poolWith({ CUDA0: 1050 }), 30);
    expect(fits.arrive('q1', 'a')).toEqual(['spawn r1 a on CUDA0']);
    expect([freeBytes(fits.state, CUDA0), freeBytes(fits.state)]).toEqual([0, 1e12]);
    const short = withContext(poolWith({ CUDA0: 1049, CUDA1: 500 }), 30);
    expect(short.rejections(() => short.arrive('q1', 'a'))).toMatchObject([
      {
        code: 'no_capacity',
        message: 'Cannot start "a": it needs 1050 bytes of memory on device "CUDA0", expected at most 1049',
        capacity: {
          budget: 'CUDA0',
          neededBytes: 1050,
          budgetBytes: 1049,
          others: [
            { budget: 'memory', neededBytes: 0 },
            { budget: 'CUDA1', neededBytes: 1050, budgetBytes: 500 },
          ],
        },
      },
    ]);
  });

  it('has idle ones of that device alone give way, where that costs the least', () => {
    const pool = poolWith({ CUDA0: 1500, CUDA1: 1500 });
    bring(pool, 'r1', 'a');
    pool.nowMs = 5000;
    pool.arrive('bring b', 'b');
    pool.up('r2');
    pool.nowMs = 9000;
    pool.tell({ type: 'runnerLoaded', runnerId: pool.runnerId('r2'), weightBytes: 1000 });
    readyOn(pool, 'r2', 'b');
    pool.end('bring b');
    // b took 4 seconds to load, a none at all.
    expect(pool.arrive('q1', 'c')).toEqual(['stop r1 evicted 10000']);
    expect(pool.exited('r1')).toEqual(['spawn r3 c on CUDA0']);
  });

  it('waits for what is busy on its device, and what is busy on another one is left alone', () => {
    const fixed = { b: { device: CUDA1 }, c: { device: CUDA1 } };
    const pool = poolWith({ CUDA0: 1500, CUDA1: 1500 }, fixed, { swapAfterMs: 100 });
    bring(pool, 'r1', 'a');
    bring(pool, 'r2', 'b');
    pool.arrive('q1', 'a');
    pool.nowMs = 1;
    pool.arrive('q2', 'b');
    pool.arrive('q3', 'c');
    pool.tick(100);
    expect([pool.stateOf('r1'), pool.stateOf('r2')]).toEqual(['ready', 'draining']);
  });
});

describe('a combo whose base is on several devices', () => {
  it('is attached where there is memory for it', () => {
    const pool = poolWith({ CUDA0: 1050, CUDA1: 2000 }, { a: { maxRunners: 2, device: CUDA0 } });
    bring(pool, 'r1', 'a');
    pool.arrive('busy', 'a');
    const anywhere = pool.state.catalogue.models.get(pool.combo('a').model.id);
    pool.change(catalogueOf([{ ...anywhere!, device: null }], [...pool.state.catalogue.adapters.values()]));
    pool.pin('p1', 'a', { count: 2 });
    pool.up('r2');
    pool.tell({ type: 'runnerLoaded', runnerId: pool.runnerId('r2'), weightBytes: 1000 });
    readyOn(pool, 'r2', 'a');
    expect(pool.arrive('q1', 'a+x')).toEqual(['attach r1 a+x']);
    // 10 bytes are left on the device of the first.
    expect(pool.arrive('q2', 'a+y')).toEqual(['attach r2 a+y']);
  });
});

describe('what a runner on a device measured', () => {
  it('says where the weights and contexts of the next one are', () => {
    const pool = poolWith({ CUDA0: 9000 });
    pool.arrive('q1', 'a');
    pool.up('r1');
    pool.tell({ type: 'runnerLoaded', runnerId: pool.runnerId('r1'), weightBytes: 1000 });
    readyOn(pool, 'r1', 'a', [16, 900]);
    const r1 = pool.state.runners.get(pool.runnerId('r1'));
    expect(r1 && [heldBytes(pool.state, r1, 'host'), heldBytes(pool.state, r1, 'device')]).toEqual([
      104, 916,
    ]);
    pool.exited('r1');
    pool.end('q1');
    pool.arrive('q2', 'a+x');
    expect([freeBytes(pool.state), freeBytes(pool.state, CUDA0)]).toEqual([1e12 - 104, 9000 - 916]);
  });

  it('says nothing of one in host memory', () => {
    const pool = poolWith({ CUDA0: 9000 });
    bring(pool, 'r1', 'a');
    pool.exited('r1');
    const onHost = catalogueOf([model('a', { deviceLayers: 0, weightBytes: 500 })]);
    pool.change(onHost);
    pool.arrive('q1', 'a');
    expect(freeBytes(pool.state)).toBe(1e12 - 520);
    pool.up('r2');
    pool.tell({ type: 'runnerLoaded', runnerId: pool.runnerId('r2'), weightBytes: 500 });
    expect(freeBytes(pool.state)).toBe(1e12 - 520);
    pool.killed('r2');
    expect(freeBytes(pool.state)).toBe(1e12 - 520);
  });
});

describe('standbys where there are devices', () => {
  it('are started for one after the other, and a start claims the one of its device', () => {
    const pool = withContext(poolWith({ CUDA0: 5000, CUDA1: 4000 }, {}, { standbys: 2 }), 30);
    expect(pool.tick(0)).toEqual(['spawn r1 standby on CUDA0']);
    expect(freeBytes(pool.state, CUDA0)).toBe(4970);
    pool.up('r1');
    expect(pool.tick(0)).toEqual(['spawn r2 standby on CUDA1']);
    pool.up('r2');
    expect(pool.tick(0)).toEqual([]);
    expect(pool.arrive('q1', 'a')).toEqual(['claim r1 a', 'load r1 4']);
    expect(freeBytes(pool.state, CUDA0)).toBe(3950);
  });

  it('are not claimed for another device nor for none: a process is spawned', () => {
    const changes = { a: { device: CUDA1 }, b: { deviceLayers: 0 } };
    const pool = poolWith({ CUDA0: 5000, CUDA1: 4000 }, changes, { standbys: 1 });
    pool.tick(0);
    pool.up('r1');
    expect(pool.arrive('q1', 'a')).toEqual(['spawn r2 a on CUDA1']);
    expect(pool.arrive('q2', 'b')).toEqual(['spawn r3 b']);
  });

  it('are started where the fewest are, which a runner with a base is none of, and are told of with it', () => {
    const pool = poolWith({ CUDA0: 5000, CUDA1: 4000 }, {}, { standbys: 1 });
    bring(pool, 'r1', 'a');
    expect(pool.notes(() => pool.tick(0))).toMatchObject([
      { note: 'standby_spawned', runnerId: 'r_t_2', detail: { device: 'CUDA0' } },
    ]);
  });

  it('are not started while a pin waits for memory of a device', () => {
    const pool = poolWith({ CUDA0: 1500 }, {}, { standbys: 1 });
    bring(pool, 'r1', 'a');
    pool.arrive('busy', 'a');
    pool.pin('p1', 'b');
    expect(pool.tick(0)).toEqual([]);
    expect(pool.end('busy')).toEqual(['stop r1 evicted 10000']);
  });

  it('are not started where they have no room', () => {
    const pool = withContext(poolWith({ CUDA0: 29, CUDA1: 30 }, {}, { standbys: 2 }), 30);
    expect(pool.tick(0)).toEqual(['spawn r1 standby on CUDA1']);
    pool.up('r1');
    expect(pool.tick(0)).toEqual([]);
  });

  it('give way to a start that would not fit beside them, but for the one that it claims', () => {
    const pool = withContext(poolWith({ CUDA0: 1060 }, {}, { standbys: 2 }), 20);
    for (const runner of ['r1', 'r2']) {
      pool.tick(0);
      pool.up(runner);
    }
    expect(freeBytes(pool.state, CUDA0)).toBe(1020);
    expect(pool.arrive('q1', 'a')).toEqual(['claim r1 a', 'load r1 4']);
    const tight = withContext(poolWith({ CUDA0: 1050 }, {}, { standbys: 2 }), 20);
    for (const runner of ['r1', 'r2']) {
      tight.tick(0);
      tight.up(runner);
    }
    expect(tight.arrive('q1', 'a')).toEqual(['stop r2 evicted 10000']);
    expect(tight.exited('r2')).toEqual(['claim r1 a', 'load r1 4']);
  });

  it('of an earlier gateway that hold a base are not adopted where that may not be', () => {
    const held = { isLoading: false, isAsleep: false, keptBytes: 0, combos: [] };
    const pool = poolWith({ CUDA0: 5000, CUDA1: 5000 }, { b: { device: CUDA1 }, c: { deviceLayers: 0 } });
    const judged = (id: string, device: typeof CUDA0 | null) => {
      const verdict = pool.judgeOffer({ ...held, device, model: { id, revision: 'r1', sequences: 2 } });
      return verdict.ok ? 'ok' : verdict.reason;
    };
    expect(judged('b', CUDA1)).toBe('ok');
    expect(judged('b', CUDA0)).toBe('its base "b" is on "CUDA0", where it may not be any more');
    expect(judged('a', null)).toBe('its base "a" is in host memory, where it may not be any more');
    expect(judged('c', CUDA0)).toBe('its base "c" is on "CUDA0", where it may not be any more');
    expect(judged('c', null)).toBe('ok');
  });

  it('of an earlier gateway are adopted for a device that is there, while it has room', () => {
    const pool = withContext(poolWith({ CUDA0: 5000 }, {}, { standbys: 1 }), 30);
    const offer = { isLoading: false, isAsleep: false, keptBytes: 0, model: null, combos: [] };
    const judged = (device: string | null) =>
      pool.judgeOffer({ ...offer, device: device === null ? null : deviceName(device) });
    expect(judged('CUDA0')).toEqual({ ok: true, as: 'standby', device: 'CUDA0' });
    expect(judged('CUDA1')).toEqual({ ok: false, reason: 'its device "CUDA1" is not there' });
    expect(judged(null)).toEqual({ ok: false, reason: 'it sees no device, expected one' });
    const full = withContext(poolWith({ CUDA0: 20 }, {}, { standbys: 1 }), 30);
    expect(full.judgeOffer({ ...offer, device: CUDA0 })).toEqual({
      ok: false,
      reason: 'device "CUDA0" has no room for it',
    });
  });
});

describe('pins on devices', () => {
  it('are refused, by the device’s name, when they do not fit there together', () => {
    const pool = poolWith({ CUDA0: 2039 });
    expect(pool.pin('o1', 'a')).toEqual(['answer o1 pinned', 'spawn r1 a on CUDA0']);
    const [answer] = pool.answers(() => pool.pin('o2', 'b'));
    expect(answer).toMatchObject({
      ok: false,
      error: {
        code: 'conflict',
        message:
          'Cannot pin "b" on 1 runner: it needs 1020 bytes of device memory, expected at most 1019 on "CUDA0" beside the other pins',
        capacity: { budget: 'CUDA0', neededBytes: 1020, budgetBytes: 2039 },
      },
    });
  });

  it('are refused when the model is fixed to a device that is not there', () => {
    const pool = poolWith({ CUDA0: 9000 }, { a: { device: CUDA1 } });
    expect(pool.answers(() => pool.pin('p1', 'a'))).toMatchObject([
      {
        error: {
          code: 'conflict',
          message:
            'Cannot pin "a" on 1 runner: it needs 1020 bytes of device memory, expected at most 0 on "CUDA1" beside the other pins',
        },
      },
    ]);
  });

  it('start where the others still fit, and not where most is free', () => {
    const pool = poolWith({ CUDA0: 2039, CUDA1: 1020 }, { b: { device: CUDA0 } });
    const pins = (['a', 'b'] as const).map((name) => ({
      name: pool.combo(name).name,
      level: 'ready' as const,
      count: 1,
      untilMs: Number.POSITIVE_INFINITY,
    }));
    expect(pool.tell({ type: 'pinsRestored', pins })).toEqual([]);
    expect(pool.tick(0)).toEqual(['spawn r1 a on CUDA1', 'spawn r2 b on CUDA0']);
  });

  it('do not begin on a runner of their base where another one, which has no choice, would have no room then', () => {
    const pool = poolWith({ CUDA0: 2039, CUDA1: 1020 }, { b: { device: CUDA0 } });
    expect(pool.arrive('q1', 'a+x')).toEqual(['spawn r1 a on CUDA0']);
    pool.up('r1');
    pool.tell({ type: 'runnerLoaded', runnerId: pool.runnerId('r1'), weightBytes: 1000 });
    readyOn(pool, 'r1', 'a+x');
    // It waits for a byte of r1, which is busy.
    pool.pin('o1', 'b');
    expect(pool.pin('o2', 'a')).toEqual(['answer o2 pinned']);
    // b is the first in line; beside it and the weights of r1 there would be a byte too little for a.
    expect(pool.end('q1')).toEqual(['detach r1 a+x']);
    expect(pool.detached('r1', 'a+x')).toEqual(['spawn r2 b on CUDA0', 'spawn r3 a on CUDA1']);
  });

  it('leave no room for others, who are refused with what is pinned', () => {
    const pool = poolWith({ CUDA0: 1500 });
    pool.pin('o1', 'a');
    expect(pool.rejections(() => pool.arrive('q1', 'b'))).toMatchObject([
      {
        code: 'no_capacity',
        message:
          'Cannot start "b": it needs 1020 bytes of memory on device "CUDA0" and a runner, which the pins do not leave',
        capacity: { budget: 'CUDA0', pinned: [{ combo: 'a', count: 1, bytes: 1020 }] },
      },
    ]);
  });
});

describe('a hot combo', () => {
  const HOT = { scaleUpDelayMs: 0, panicWindowMs: 100, cpuThreads: 1 };
  const hot = (deviceBytes: Readonly<Record<string, number>>): PoolDriver => {
    const pool = poolWith(deviceBytes, { a: { sequences: 1, maxSequences: 1, maxRunners: 3 } }, HOT);
    bring(pool, 'r1', 'a');
    for (let at = 0; at < 4; at += 1) pool.arrive(`q${at}`, 'a');
    pool.tick(0);
    return pool;
  };

  it('is spread over a device that none of its base is on', () => {
    expect(hot({ CUDA0: 2000, CUDA1: 1500 }).tick(1000)).toEqual(['spawn r2 a on CUDA1']);
    expect(hot({ CUDA0: 9000 }).tick(1000)).toEqual([]);
    expect(hot({ CUDA0: 9000, CUDA1: 1019 }).tick(1000)).toEqual([]);
  });
});

describe('who waits behind one that may not be on the device of the runner of their base', () => {
  it('gets the place of an idle combo there', () => {
    const half = { deviceLayers: 4, layers: 8, device: CUDA0 };
    const settings = { maxRunners: 2, maxCombosPerRunner: 2 };
    const pool = poolWith({ CUDA0: 2039, CUDA1: 1045 }, { b: half, c: { device: CUDA0 } }, settings);
    bring(pool, 'r1', 'b');
    bring(pool, 'r2', 'a+x+y');
    pool.arrive('busy a+y', 'a+y');
    readyOn(pool, 'r2', 'a+y');
    for (const name of ['b', 'a+x+y']) pool.arrive(`busy ${name}`, name);
    pool.pin('p1', 'c');
    pool.pin('p2', 'a+x');
    expect(pool.arrive('q1', 'a+x')).toEqual([]);
    expect(pool.arrive('q2', 'a')).toEqual([]);
    expect(pool.end('busy a+y')).toEqual(['detach r2 a+y']);
    expect(pool.detached('r2', 'a+y')).toEqual(['attach r2 a']);
  });
});
