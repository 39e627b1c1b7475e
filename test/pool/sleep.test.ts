import { describe, expect, it } from 'vitest';
import type { CatalogueModel } from '../../gateway/domain/catalogue.ts';
import { deviceName } from '../../gateway/domain/ids.ts';
import { freeBytes } from '../../gateway/pool/memory.ts';
import type { PoolSettings } from '../../gateway/pool/settings.ts';
import { adapter, catalogueOf, model } from './builders.ts';
import { NEITHER, PoolDriver } from './driver.ts';

const CUDA0 = deviceName('CUDA0');

/** Bases a to d, which may sleep unless changed, on the CPU unless there are devices. */
function poolWith(
  settings: Partial<PoolSettings> = {},
  changes: Readonly<Record<string, Partial<CatalogueModel>>> = {},
): PoolDriver {
  const all = { deviceLayers: settings.deviceBytes ? -1 : 0, sleeps: true, ...changes['all'] };
  const models = ['a', 'b', 'c', 'd'].map((id) => model(id, { ...all, ...changes[id] }));
  const catalogue = catalogueOf(models, [adapter('x', 'a'), adapter('y', 'a')]);
  return new PoolDriver({ maxRunners: 9, ...settings }, catalogue);
}

/** r1 has a, and sleeps. */
function asleep(settings: Partial<PoolSettings> = {}, changes = {}, keptBytes = 0): PoolDriver {
  const pool = poolWith(settings, changes);
  pool.bring('r1', 'a');
  pool.sleep('s1', 'r1');
  pool.asleep('r1', keptBytes);
  return pool;
}

describe('an operator’s order to sleep', () => {
  it('takes the base and all combos from an idle runner, whose process stays', () => {
    const pool = poolWith();
    pool.bring('r1', 'a');
    pool.bring('r1', 'a+x');
    expect(pool.sleep('s1', 'r1')).toEqual(['sleep r1', 'answer s1 dozing']);
    expect(pool.sleep('s2', 'r1')).toEqual(['answer s2 dozing']);
    // Until the runner says so it holds what it held.
    expect(freeBytes(pool.state)).toBe(1e12 - 13);
    pool.asleep('r1');
    expect([pool.stateOf('r1'), freeBytes(pool.state)]).toEqual(['asleep', 1e12]);
    expect(pool.sleep('s3', 'r1')).toEqual(['answer s3 asleep']);
  });

  it('is a conflict while the runner is busy, attaching, waited for, pinned or not up, and tells why', () => {
    const why = (pool: PoolDriver): string | undefined => {
      const [answer] = pool.answers(() => pool.sleep('s', 'r1'));
      return answer?.ok ? undefined : `${answer?.error.code}: ${answer?.error.message}`;
    };
    const kept = 'conflict: Cannot put runner "r_t_1" to sleep: ';
    const busy = poolWith();
    busy.bring('r1', 'a');
    busy.arrive('q1', 'a');
    expect(why(busy)).toBe(`${kept}it is busy, 1 requests run`);
    const attaching = poolWith();
    attaching.bring('r1', 'a');
    attaching.arrive('q1', 'a+x');
    expect(why(attaching)).toBe(`${kept}a combo is being attached to it`);
    const pinned = poolWith();
    pinned.bring('r1', 'a');
    pinned.pin('p1', 'a');
    expect(why(pinned)).toBe(`${kept}it is pinned`);
    const loading = poolWith();
    loading.arrive('q1', 'a');
    expect(why(loading)).toBe(`${kept}it is starting, expected ready`);
    const never = poolWith({ maxAsleep: 0 });
    never.bring('r1', 'a');
    expect(why(never)).toBe(`${kept}expected at most 0 runners asleep`);
    expect(why(poolWith())).toBe('not_found: Cannot put runner "r_t_1" to sleep: there is none');
  });

  it('of a model on a device is a conflict when what it keeps has no room in host memory', () => {
    const pool = poolWith({ deviceBytes: { CUDA0: 5000 }, memoryBytes: 6 });
    pool.bring('r1', 'a');
    const [answer] = pool.answers(() => pool.sleep('s1', 'r1'));
    expect(answer).toMatchObject({
      error: { message: expect.stringContaining('what it would keep asleep has no room in host memory') },
    });
  });
});

describe('a request for a base that sleeps', () => {
  it('wakes it, as `wake`; who comes meanwhile joins, and other combos are attached as it wakes', () => {
    const pool = asleep();
    expect(pool.arrive('q1', 'a+x')).toEqual(['wake r1 4']);
    expect(pool.arrive('q2', 'a+x')).toEqual([]);
    expect(pool.arrive('q3', 'a')).toEqual([]);
    expect(pool.stateOf('r1')).toBe('loading');
    expect(pool.loaded('r1')).toEqual(['attach r1 a+x', 'attach r1 a']);
    expect(pool.ready('r1', 'a+x')).toEqual(['grant q1 r1 wake', 'grant q2 r1 wake joined']);
    expect(pool.ready('r1', 'a')).toEqual(['grant q3 r1 wake joined']);
    expect(pool.arrive('q4', 'a+y')).toEqual(['attach r1 a+y']);
    expect(pool.ready('r1', 'a+y')).toEqual(['grant q4 r1 attach']);
  });

  it('waits while it is falling asleep, and starts no second one', () => {
    const pool = poolWith();
    pool.bring('r1', 'a');
    pool.sleep('s1', 'r1');
    expect(pool.arrive('q1', 'a')).toEqual([]);
    expect(pool.asleep('r1')).toEqual(['wake r1 4']);
  });

  it('wakes it rather than a standby', () => {
    const pool = asleep({ standbys: 1 });
    pool.tick(0);
    pool.up('r2');
    expect(pool.arrive('q1', 'a')).toEqual(['wake r1 4']);
  });

  it('is served by a new runner when it does not wake', () => {
    const pool = asleep();
    pool.arrive('q1', 'a');
    expect(pool.failed('r1')).toEqual(['stop r1 failed 0', 'spawn r2 a']);
    expect([...pool.state.quarantines.keys()]).toEqual([]);
  });

  it('is told how long waking took the last times', () => {
    const pool = asleep();
    pool.arrive('q1', 'a');
    pool.nowMs = 700;
    pool.loaded('r1');
    pool.ready('r1', 'a');
    pool.end('q1');
    pool.sleep('s2', 'r1');
    pool.asleep('r1');
    const late = pool.rejections(() => pool.ask('q2', 'a', { deadlineAtMs: 1399 }));
    expect(late).toMatchObject([{ code: 'start_exceeds_deadline', retryAfterMs: 700 }]);
  });

  it('goes to another device where that has room and the one that it sleeps on has none', () => {
    const pool = asleep({ deviceBytes: { CUDA0: 1020 } }, { b: { device: CUDA0 } }, 7);
    expect(pool.arrive('q1', 'b')).toEqual(['spawn r2 b on CUDA0']);
    const CUDA1 = deviceName('CUDA1');
    pool.tell({ type: 'devicesFound', devices: [{ name: CUDA1, totalBytes: 9000, contextBytes: 0 }] });
    expect(pool.arrive('q2', 'a')).toEqual(['spawn r3 a on CUDA1']);
  });
});

describe('an operator’s order to wake', () => {
  it('loads the base without a combo; again, and for one that is awake, it changes nothing', () => {
    const pool = asleep();
    expect(pool.wake('w1', 'r1')).toEqual(['wake r1 4', 'answer w1 loading']);
    expect(pool.wake('w2', 'r1')).toEqual(['answer w2 loading']);
    expect(pool.loaded('r1')).toEqual([]);
    expect(pool.wake('w3', 'r1')).toEqual(['answer w3 ready']);
    expect(pool.arrive('q1', 'a')).toEqual(['attach r1 a']);
  });

  it('is a conflict without room or a place, with the arithmetic, and makes none', () => {
    const why = (pool: PoolDriver): string | undefined => {
      const [answer] = pool.answers(() => pool.wake('w', 'r1'));
      return answer?.ok ? undefined : `${answer?.error.code}: ${answer?.error.message}`;
    };
    const full = asleep({ maxRunners: 1 });
    full.bring('r2', 'b');
    expect(why(full)).toBe('conflict: Cannot wake runner "r_t_1": expected at most 1 runners awake');
    const short = asleep({ memoryBytes: 1024 });
    short.arrive('q1', 'b');
    expect(why(short)).toBe(
      'conflict: Cannot wake runner "r_t_1": it needs 7 bytes of memory, expected at most 4',
    );
    expect(why(poolWith())).toBe('not_found: Cannot wake runner "r_t_1": there is none');
    const standby = poolWith({ standbys: 1 });
    standby.tick(0);
    expect(why(standby)).toBe('conflict: Cannot wake runner "r_t_1": it is starting, expected asleep');
  });
});

describe('a base that gives way', () => {
  it('sleeps where its model may, and then takes no place among the runners', () => {
    const pool = poolWith({ maxRunners: 1 });
    pool.bring('r1', 'a');
    expect(pool.arrive('q1', 'b')).toEqual(['sleep r1']);
    expect(pool.asleep('r1')).toEqual(['spawn r2 b']);
    expect(pool.stateOf('r1')).toBe('asleep');
  });

  it('stops where its model may not: by default in host memory, not on a device', () => {
    const pool = poolWith({ maxRunners: 1 }, { all: { sleeps: null } });
    pool.bring('r1', 'a');
    expect(pool.arrive('q1', 'b')).toEqual(['stop r1 evicted 10000']);
    const device = poolWith({ maxRunners: 1, deviceBytes: { CUDA0: 9000 } }, { all: { sleeps: null } });
    device.bring('r1', 'a');
    expect(device.arrive('q1', 'b')).toEqual(['sleep r1']);
  });

  it('has one that sleeps end when there are as many as may', () => {
    const pool = poolWith({ maxRunners: 1, maxAsleep: 1 });
    pool.bring('r1', 'a');
    pool.arrive('q1', 'b');
    pool.asleep('r1');
    pool.up('r2');
    pool.loaded('r2');
    pool.ready('r2', 'b');
    pool.end('q1');
    expect(pool.arrive('q2', 'c')).toEqual(['stop r1 evicted 10000', 'sleep r2']);
    // The one that ends takes nobody's place.
    expect(pool.asleep('r2')).toEqual(['spawn r3 c']);
  });

  it('stops when the one that sleeps is still falling asleep', () => {
    const pool = poolWith({ maxRunners: 2, maxAsleep: 1 });
    pool.bring('r1', 'a');
    pool.bring('r2', 'b');
    pool.sleep('s1', 'r1');
    pool.arrive('q1', 'c');
    expect(pool.arrive('q2', 'd')).toEqual(['stop r2 evicted 10000']);
  });

  it('sleeps for device memory while host memory has room for what it keeps, else it stops', () => {
    const room = poolWith({ deviceBytes: { CUDA0: 1025 }, memoryBytes: 1000 });
    room.bring('r1', 'a');
    expect(room.arrive('q1', 'b')).toEqual(['sleep r1']);
    // Predicted: 7 bytes of weights, which the driver measures. It says what it keeps.
    expect(freeBytes(room.state)).toBe(993);
    expect(room.asleep('r1', 40)).toEqual(['spawn r2 b on CUDA0']);
    expect([freeBytes(room.state), freeBytes(room.state, CUDA0)]).toEqual([960, 5]);
    const none = poolWith({ deviceBytes: { CUDA0: 1025 }, memoryBytes: 6 });
    none.bring('r1', 'a');
    expect(none.arrive('q1', 'b')).toEqual(['stop r1 evicted 10000']);
  });

  it('stops when its process’s own context is what is missing', () => {
    const pool = poolWith({ deviceBytes: { CUDA0: 1040 } }, { b: { weightBytes: 1010 } });
    pool.tell({ type: 'devicesFound', devices: [{ name: CUDA0, totalBytes: 1e9, contextBytes: 10 }] });
    pool.bring('r1', 'a');
    expect(pool.arrive('q1', 'b')).toEqual(['stop r1 evicted 10000']);
  });
});

describe('what sleeps', () => {
  it('is the first to end when host memory is short', () => {
    const pool = asleep({ deviceBytes: { CUDA0: 9000 }, memoryBytes: 1050 }, { b: { deviceLayers: 0 } }, 40);
    expect(pool.arrive('q1', 'b')).toEqual(['stop r1 evicted 10000']);
    expect(pool.exited('r1')).toEqual(['spawn r2 b']);
  });

  it('sleeps on for as long as its base has no ttl', () => {
    expect(asleep().tick(1e9)).toEqual([]);
  });

  it('ends when its base’s ttl is over, from its last use on', () => {
    const pool = poolWith({}, { a: { idleTtlMs: 1000 } });
    pool.nowMs = 300;
    pool.bring('r1', 'a');
    pool.sleep('s1', 'r1');
    pool.asleep('r1');
    expect(pool.tick(999)).toEqual([]);
    expect(pool.tick(1)).toEqual(['stop r1 idle 10000']);
  });

  it('ends when its base is replaced, or the gateway ends, and nobody is answered for its death', () => {
    const pool = asleep();
    expect(pool.change(catalogueOf([model('b')]))).toEqual(['stop r1 stale 10000']);
    expect(asleep().shutDown()).toEqual(['stop r1 shutdown 10000']);
    const dead = asleep();
    expect(dead.exited('r1')).toEqual([]);
    expect([...dead.state.culprits]).toEqual([]);
    dead.arrive('q1', 'a');
    expect(dead.stateOf('r2')).toBe('starting');
  });

  it('is drained by ending', () => {
    expect(asleep().drain('d1', 'r1')).toEqual(['stop r1 drained 10000', 'answer d1 stopping']);
  });
});

describe('sleep_after', () => {
  const idle = (changes: Partial<CatalogueModel>, keepAliveMs?: number): PoolDriver => {
    const pool = poolWith({}, { a: { sleepAfterMs: 500, idleTtlMs: 2000, ...changes } });
    pool.arrive('q1', 'a', keepAliveMs);
    pool.up('r1');
    pool.loaded('r1');
    pool.ready('r1', 'a');
    pool.end('q1');
    return pool;
  };

  it('has an idle base sleep before its ttl ends it', () => {
    const pool = idle({});
    expect(pool.tick(499)).toEqual([]);
    expect(pool.tick(1)).toEqual(['sleep r1']);
    pool.asleep('r1');
    expect(pool.tick(1499)).toEqual([]);
    expect(pool.tick(1)).toEqual(['stop r1 idle 10000']);
  });

  it('counts from the last use, and has a model that names no time stay awake', () => {
    const pool = idle({});
    pool.nowMs = 400;
    pool.arrive('q2', 'a');
    pool.end('q2');
    expect(pool.tick(499)).toEqual([]);
    expect(pool.tick(1)).toEqual(['sleep r1']);
    expect(idle({ sleepAfterMs: null, idleTtlMs: null }).tick(1e9)).toEqual([]);
  });

  it('lets what was asked to be kept for longer stay awake, and what may not sleep', () => {
    expect(idle({}, Number.POSITIVE_INFINITY).tick(500)).toEqual([]);
    expect(idle({ sleeps: false }).tick(500)).toEqual([]);
    const pinned = idle({});
    pinned.pin('p1', 'a');
    expect(pinned.tick(500)).toEqual([]);
  });
});

describe('one that falls asleep', () => {
  it('is ended when it does not within the time of a start', () => {
    const pool = poolWith({ startTimeoutMs: 1000 }, { a: { idleTtlMs: 500 } });
    pool.bring('r1', 'a');
    pool.nowMs = 100;
    pool.sleep('s1', 'r1');
    expect(pool.tick(999)).toEqual([]);
    const message = 'Cannot put "a" to sleep: not asleep after 1000 ms';
    const detail = { code: 'start_timed_out', message, state: 'dozing' };
    expect(pool.notes(() => pool.tick(1))).toContainEqual(
      expect.objectContaining({ note: 'runner_failed', detail }),
    );
    expect(pool.stateOf('r1')).toBe('stopping');
    expect([...pool.state.quarantines.keys()]).toEqual([]);
  });
});

describe('a start that is abandoned while a base wakes', () => {
  it('leaves it awake', () => {
    const pool = asleep({ abandonedStarts: 'drop' });
    pool.arrive('q1', 'a');
    expect(pool.gone('q1')).toEqual([]);
    expect(pool.loaded('r1')).toEqual([]);
    expect(pool.stateOf('r1')).toBe('ready');
  });
});

describe('judgeAdoption() of one that sleeps', () => {
  const offer = { ...NEITHER, isAsleep: true, keptBytes: 40, combos: [] };
  const held = { id: 'a', revision: 'r1', sequences: 2 };

  it('takes it while few enough sleep, and the next request wakes it', () => {
    const pool = poolWith({ maxAsleep: 1, memoryBytes: 2000 });
    const verdict = pool.judgeOffer({ ...offer, model: held });
    expect(verdict).toMatchObject({ ok: true, as: 'sleeper', keptBytes: 40, device: null });
    if (!verdict.ok || verdict.as !== 'sleeper') throw new Error('it is no sleeper');
    pool.tell({ ...verdict, type: 'sleeperAdopted', runnerId: pool.runnerId('r9') });
    expect([pool.stateOf('r9'), freeBytes(pool.state)]).toEqual(['asleep', 1960]);
    expect(pool.judgeOffer({ ...offer, model: held })).toEqual({
      ok: false,
      reason: '1 others sleep, which is the most',
    });
    expect(pool.arrive('q1', 'a')).toEqual(['wake r9 4']);
  });

  it('refuses one whose base was replaced, and one whose kept memory is not there', () => {
    expect(poolWith().judgeOffer({ ...offer, model: { ...held, revision: 'r0' } })).toMatchObject({
      reason: 'its base "a" was replaced: it holds r0, not r1',
    });
    expect(poolWith({ memoryBytes: 39 }).judgeOffer({ ...offer, model: held })).toMatchObject({
      reason: 'what its base "a" keeps asleep needs more memory than there is',
    });
  });
});
