import { describe, expect, it } from 'vitest';
import { adapter, catalogueOf, model } from './builders.ts';
import { BROKEN, CATALOGUE, PoolDriver } from './driver.ts';

/** A base takes 1,000 and a combo 20 bytes until they are measured; then 7 and 3. */
const ROOM = { memoryBytes: 3060, maxRunners: 3 };
const UNQUARANTINED = { ...ROOM, quarantineBaseMs: 0, quarantineCapMs: 0 };
const notesOf = (pool: PoolDriver, act: () => unknown) => pool.notes(act).map(({ note }) => note);

/** A pin that has its combo ready on r1. */
function pinned(settings: ConstructorParameters<typeof PoolDriver>[0] = ROOM): PoolDriver {
  const pool = new PoolDriver(settings);
  pool.pin('p1', 'a');
  pool.up('r1');
  pool.loaded('r1');
  pool.ready('r1', 'a');
  return pool;
}

describe('a pin', () => {
  it('begins the start of its combo at once, and nobody waits for it', () => {
    const pool = new PoolDriver(ROOM);
    expect(pool.pin('p1', 'a')).toEqual(['answer p1 pinned', 'spawn r1 a']);
    expect(pool.up('r1')).toEqual(['load r1 4']);
    expect(pool.loaded('r1')).toEqual(['attach r1 a']);
    expect(pool.ready('r1', 'a')).toEqual([]);
    expect(pool.arrive('q1', 'a')).toEqual(['grant q1 r1 warm']);
  });

  it('is noted with its level and count, and what it wants', () => {
    const pool = new PoolDriver(ROOM);
    const notes = pool.notes(() => pool.pin('p1', 'a', { count: 2 }));
    expect(notes).toMatchObject([
      { note: 'pinned', combo: 'a', detail: { level: 'ready', count: 2 } },
      { note: 'replica_wanted', combo: 'a' },
      { note: 'runner_spawned' },
      { note: 'runner_spawned' },
    ]);
  });

  it('with a count has its combo on as many runners', () => {
    const pool = new PoolDriver(ROOM);
    expect(pool.pin('p1', 'a+x', { count: 3 })).toEqual([
      'answer p1 pinned',
      'spawn r1 a',
      'spawn r2 a',
      'spawn r3 a',
    ]);
    expect(pool.tick(200)).toEqual([]);
  });

  it('uses the runners that its base has before it starts more', () => {
    const pool = new PoolDriver(ROOM);
    pool.bring('r1', 'a');
    expect(pool.pin('p1', 'a+x', { count: 2 })).toEqual(['answer p1 pinned', 'attach r1 a+x', 'spawn r2 a']);
  });

  it('whose start is under way is joined by who asks for its combo', () => {
    const pool = new PoolDriver(ROOM);
    pool.pin('p1', 'a');
    pool.arrive('q1', 'a');
    pool.up('r1');
    pool.loaded('r1');
    expect(pool.ready('r1', 'a')).toEqual(['grant q1 r1 cold joined']);
  });

  it('begins no start of its own for a combo whose start somebody began', () => {
    const pool = new PoolDriver(ROOM);
    pool.arrive('q1', 'a');
    expect(pool.pin('p1', 'a')).toEqual(['answer p1 pinned']);
    pool.up('r1');
    pool.loaded('r1');
    expect(pool.ready('r1', 'a')).toEqual(['grant q1 r1 cold']);
  });

  it('and who waits for its combo share one start when room comes', () => {
    const pool = new PoolDriver({ maxRunners: 1 });
    pool.bring('r1', 'b');
    pool.arrive('qb', 'b');
    pool.pin('p1', 'a');
    pool.arrive('q1', 'a');
    pool.end('qb');
    expect(pool.exited('r1')).toEqual(['spawn r2 a']);
    pool.up('r2');
    pool.loaded('r2');
    expect(pool.ready('r2', 'a')).toEqual(['grant q1 r2 cold joined']);
  });

  it('lets idle ones of others go for its room, at once', () => {
    const pool = new PoolDriver({ maxRunners: 1 });
    pool.bring('r1', 'b');
    expect(pool.pin('p1', 'a')).toEqual(['answer p1 pinned', 'stop r1 evicted 10000']);
    expect(pool.exited('r1')).toEqual(['spawn r2 a']);
  });

  it('has busy ones drain for its room when it is their turn', () => {
    const pool = new PoolDriver({ maxRunners: 1, swapAfterMs: 2000 });
    pool.bring('r1', 'b');
    pool.arrive('qb', 'b');
    pool.pin('p1', 'a');
    expect(pool.tick(1999)).toEqual([]);
    pool.tick(1);
    expect(pool.stateOf('r1')).toBe('draining');
  });

  it('is changed by the next one of its combo', () => {
    const pool = pinned();
    expect(pool.pin('p2', 'a', { count: 2 })).toEqual(['answer p2 pinned', 'spawn r2 a']);
    expect(pool.state.pins.size).toBe(1);
    expect(pool.pin('p3', 'a', { count: 1 })).toEqual(['answer p3 pinned']);
    expect(pool.state.keeps.get(pool.combo('a').key)?.count).toBe(1);
  });

  it('is refused while the gateway shuts down', () => {
    const pool = new PoolDriver(ROOM);
    pool.shutDown();
    expect(pool.pin('p1', 'a')).toEqual(['answer p1 shutting_down']);
    expect(pool.state.pins.size).toBe(0);
  });

  it('of level staged has its files read and keeps no runner', () => {
    const pool = new PoolDriver(ROOM);
    expect(pool.pin('p1', 'a+x', { level: 'staged' })).toEqual(['stage a+x', 'answer p1 pinned']);
    expect(pool.state.keeps.size).toBe(0);
    pool.bring('r1', 'a+x');
    expect(pool.evict('e1', 'a+x')).toContain('answer e1 evicted true');
  });
});

describe('what is pinned', () => {
  it('leaves neither for want of runners nor of memory, however old', () => {
    const pool = pinned({ maxRunners: 2, memoryBytes: 2040 });
    pool.bring('r2', 'b');
    pool.nowMs += 1e6;
    expect(pool.arrive('q1', 'c')).toEqual(['stop r2 evicted 10000']);
  });

  it('gives its place on a full runner to nobody, but what is not pinned does', () => {
    const pool = new PoolDriver({ maxCombosPerRunner: 2 });
    pool.bring('r1', 'a');
    pool.pin('p1', 'a');
    pool.bring('r1', 'a+x');
    pool.nowMs += 10;
    pool.arrive('q', 'a+x');
    pool.end('q');
    expect(pool.arrive('q1', 'a+y')).toEqual(['detach r1 a+x']);
  });

  it('gives its memory to nobody, but what is not pinned on its base does', () => {
    const pool = pinned({ maxRunners: 2, memoryBytes: 1040 });
    pool.bring('r1', 'a+x');
    pool.arrive('q1', 'a+y');
    expect(pool.state.runners.size).toBe(1);
    expect(pool.evict('e1', 'a')).toEqual(['answer e1 conflict']);
  });

  it('stays when it is idle, the others beside it go', () => {
    const catalogue = catalogueOf([model('a', { idleTtlMs: 500 })], [adapter('x', 'a')]);
    const pool = new PoolDriver({}, catalogue);
    pool.pin('p1', 'a');
    pool.up('r1');
    pool.loaded('r1');
    pool.ready('r1', 'a');
    pool.bring('r1', 'a+x');
    expect(pool.tick(500)).toEqual(['detach r1 a+x']);
    pool.detached('r1', 'a+x');
    expect(pool.tick(1e6)).toEqual([]);
    expect(pool.unpin('u1', 'a')).toEqual(['answer u1 unpinned true']);
    expect(pool.tick(200)).toEqual(['stop r1 idle 10000']);
  });

  it('stays when a request asks to let it go at once', () => {
    const pool = pinned();
    pool.arrive('q1', 'a', 0);
    expect(pool.end('q1')).toEqual([]);
    pool.unpin('u1', 'a');
    pool.arrive('q2', 'a', 0);
    expect(pool.end('q2')).toEqual(['detach r1 a']);
  });

  it('is not drained for others, whatever runs on it', () => {
    const pool = pinned({ maxRunners: 1, swapAfterMs: 0 });
    pool.arrive('q1', 'a');
    pool.unpin('u1', 'a');
    pool.arrive('q2', 'b');
    pool.pin('p2', 'a');
    pool.tick(5000);
    expect(pool.stateOf('r1')).toBe('ready');
  });

  it('is not drained within its runner for another combo', () => {
    const pool = new PoolDriver({ maxCombosPerRunner: 1, swapAfterMs: 0, maxRunners: 2 });
    pool.bring('r1', 'a');
    pool.arrive('q1', 'a');
    pool.pin('p1', 'a');
    expect(pool.arrive('q2', 'a+x')).toEqual(['spawn r2 a']);
    pool.tick(5000);
    expect(pool.stateOf('r1')).toBe('ready');
    expect(pool.state.runners.get(pool.runnerId('r1'))?.combos.get(pool.combo('a').key)?.state).toBe('ready');
  });

  it('is evicted by no order, which says why', () => {
    const pool = pinned();
    expect(pool.answers(() => pool.evict('e1', 'a'))).toEqual([
      { ok: false, error: { code: 'conflict', message: 'Cannot evict "a": it is pinned' } },
    ]);
  });

  it('is as many runners as its count, the oldest ones; more are let go like any other', () => {
    const pool = new PoolDriver({ ...ROOM, memoryBytes: 1e12 });
    pool.pin('p1', 'a', { count: 2 });
    for (const runner of ['r1', 'r2']) {
      pool.up(runner);
      pool.loaded(runner);
      pool.ready(runner, 'a');
    }
    pool.pin('p2', 'a', { count: 1 });
    pool.bring('r3', 'b');
    pool.arrive('qb', 'b');
    expect(pool.arrive('q1', 'c')).toEqual(['stop r2 evicted 10000']);
  });
});

describe('what is pinned and breaks', () => {
  it('is started again at once when it had lived for a second', () => {
    const pool = pinned();
    pool.nowMs += 1000;
    expect(pool.exited('r1')).toEqual(['spawn r2 a']);
  });

  it('is started again after a pause when it had hardly lived, which doubles', () => {
    const pool = pinned(UNQUARANTINED);
    pool.nowMs += 999;
    expect(pool.exited('r1')).toEqual([]);
    expect(pool.tick(249)).toEqual([]);
    expect(pool.tick(1)).toEqual(['spawn r2 a']);
    expect(pool.exited('r2')).toEqual([]);
    expect(pool.tick(499)).toEqual([]);
    expect(pool.tick(1)).toEqual(['spawn r3 a']);
    expect(pool.failed('r3')).toEqual(['stop r3 failed 0']);
    pool.exited('r3');
    expect(pool.tick(999)).toEqual([]);
    expect(pool.tick(1)).toEqual(['spawn r4 a']);
  });

  it('waits at most a minute between two starts', () => {
    const pool = new PoolDriver(UNQUARANTINED);
    pool.pin('p1', 'a');
    for (let start = 1; start <= 12; start += 1) {
      pool.exited(`r${start}`);
      pool.tick(60_000);
      expect(pool.stateOf(`r${start + 1}`)).toBe('starting');
    }
    pool.exited('r13');
    expect(pool.tick(59_999)).toEqual([]);
    expect(pool.tick(1)).toEqual(['spawn r14 a']);
  });

  it('remembers why its last start failed', () => {
    const pool = pinned();
    pool.exited('r1');
    const keep = pool.state.keeps.get(pool.combo('a').key);
    expect(keep).toMatchObject({ failuresInARow: 1, lastFailure: BROKEN });
    pool.tick(250);
    pool.up('r2');
    pool.loaded('r2');
    pool.ready('r2', 'a');
    pool.nowMs += 5000;
    pool.exited('r2');
    expect(keep).toMatchObject({ failuresInARow: 0, lastFailure: null });
  });

  it('puts off the next start of an adapter that cannot be attached, not of its base', () => {
    const pool = new PoolDriver(ROOM);
    pool.pin('p1', 'a+x');
    pool.up('r1');
    pool.loaded('r1');
    expect(pool.attachFailed('r1', 'a+x')).toEqual([]);
    expect(pool.arrive('q1', 'a')).toEqual(['attach r1 a']);
    expect(pool.tick(250)).toEqual(['attach r1 a+x']);
  });

  it('answers who waits for it only when no other runner has it', () => {
    const pool = new PoolDriver({ ...ROOM, memoryBytes: 1e12 });
    pool.pin('p1', 'a', { count: 2 });
    pool.arrive('q1', 'a');
    expect(pool.exited('r1')).toEqual([]);
    pool.up('r2');
    pool.loaded('r2');
    expect(pool.ready('r2', 'a')).toEqual(['grant q1 r2 cold joined']);
  });
});

describe('the end of a pin', () => {
  it('comes with its time, of which the shell is told', () => {
    const pool = new PoolDriver(ROOM);
    pool.pin('p1', 'a', { untilMs: 1000 });
    expect(pool.tick(999)).toEqual([]);
    expect(notesOf(pool, () => expect(pool.tick(1)).toEqual(['pinEnded a']))).toEqual(['pin_ended']);
    expect(pool.state.keeps.size).toBe(0);
  });

  it('comes by order, once', () => {
    const pool = pinned();
    const notes = pool.notes(() => expect(pool.unpin('u1', 'a')).toEqual(['answer u1 unpinned true']));
    expect(notes).toMatchObject([{ note: 'unpinned', combo: 'a' }]);
    expect(pool.notes(() => pool.unpin('u2', 'a'))).toEqual([]);
    expect(pool.unpin('u3', 'a')).toEqual(['answer u3 unpinned false']);
    expect(pool.evict('e1', 'a')).toEqual(['detach r1 a', 'answer e1 evicted true']);
  });

  it('begins nothing more', () => {
    const pool = new PoolDriver({ maxRunners: 1 });
    pool.bring('r1', 'b');
    pool.arrive('qb', 'b');
    pool.pin('p1', 'a');
    pool.unpin('u1', 'a');
    pool.end('qb');
    expect(pool.tick(5000)).toEqual([]);
  });
});

describe('pins of an earlier gateway', () => {
  const pins = [
    { name: nameOf('b'), level: 'ready', count: 1, untilMs: Number.POSITIVE_INFINITY },
    { name: nameOf('a'), level: 'ready', count: 1, untilMs: 5000 },
    { name: nameOf('c'), level: 'staged', count: 1, untilMs: Number.POSITIVE_INFINITY },
  ] as const;

  it('begin with the next tick, so that what is adopted counts', () => {
    const pool = new PoolDriver(ROOM);
    expect(pool.tell({ type: 'pinsRestored', pins })).toEqual(['stage c']);
    pool.adopt('r9', 'b', ['b#r1']);
    expect(pool.tick(1)).toEqual(['spawn r1 a']);
  });

  it('are restored in order of what they take', () => {
    const catalogue = catalogueOf([model('a', { weightBytes: 9000 }), model('b'), model('c')]);
    const pool = new PoolDriver({ maxRunners: 2 }, catalogue);
    pool.tell({ type: 'pinsRestored', pins: [pins[1], pins[0]] });
    expect(pool.tick(1)).toEqual(['spawn r1 b', 'spawn r2 a']);
  });

  it('of a combo that the catalogue does not have wait for it', () => {
    const pool = new PoolDriver(ROOM, catalogueOf([model('b')]));
    pool.tell({ type: 'pinsRestored', pins: [pins[1]] });
    expect(pool.tick(1)).toEqual([]);
    expect(pool.change(CATALOGUE)).toEqual(['spawn r1 a']);
  });

  it('let several runners of a base be adopted, as many as they need', () => {
    const pool = new PoolDriver(ROOM);
    pool.tell({ type: 'pinsRestored', pins: [{ ...pins[1], count: 2 }] });
    pool.adopt('r7', 'a', ['a#r1']);
    pool.adopt('r8', 'a', ['a#r1']);
    expect(pool.judge('r9', 'a', ['a#r1'])).toMatchObject({ ok: false });
    expect(pool.tick(1)).toEqual([]);
  });
});

describe('a new revision of what is pinned', () => {
  it('is started, and the old one goes', () => {
    const pool = pinned();
    const next = catalogueOf([model('a', { revision: 'r2' })]);
    expect(pool.change(next)).toEqual(['stop r1 stale 10000', 'spawn r2 a']);
  });
});

describe('minRunners', () => {
  it('of a model keeps its bare base, of a combo that one, and the more counts', () => {
    const catalogue = {
      ...catalogueOf([model('a', { minRunners: 1 }), model('b')], [adapter('x', 'a')]),
      scaling: new Map([[nameOf('a+x'), { minRunners: 1, maxRunners: 1 }]]),
    };
    const pool = new PoolDriver({ maxRunners: 9 }, catalogueOf([]));
    expect(pool.change(catalogue)).toEqual(['spawn r1 a']);
    pool.up('r1');
    expect(pool.loaded('r1')).toEqual(['attach r1 a', 'attach r1 a+x']);
    expect(pool.pin('p1', 'a', { count: 2 })).toEqual(['answer p1 pinned', 'spawn r2 a']);
    expect(pool.unpin('u1', 'a')).toEqual(['answer u1 unpinned true']);
    expect(pool.state.keeps.get(pool.combo('a').key)?.count).toBe(1);
  });

  it('that do not fit refuse nobody else', () => {
    const catalogue = catalogueOf([model('a', { minRunners: 1, weightBytes: 9000 }), model('b')]);
    const pool = new PoolDriver({ memoryBytes: 1100 }, catalogueOf([]));
    pool.change(catalogue);
    expect(pool.arrive('q1', 'b')).toEqual(['spawn r1 b']);
  });
});

function nameOf(name: string): ReturnType<PoolDriver['combo']>['name'] {
  return name as ReturnType<PoolDriver['combo']>['name'];
}
