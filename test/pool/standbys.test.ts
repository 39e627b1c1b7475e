import { describe, expect, it } from 'vitest';
import type { PoolEffect } from '../../gateway/pool/effects.ts';
import { fixedStart } from '../../gateway/pool/queries.ts';
import type { PoolSettings } from '../../gateway/pool/settings.ts';
import { model } from './builders.ts';
import { BROKEN, PoolDriver } from './driver.ts';

/** A pool with its standbys up: r1, and so on. */
function poolWith(standbys: number, settings: Partial<PoolSettings> = {}): PoolDriver {
  const pool = new PoolDriver({ ...settings, standbys });
  for (let at = 1; at <= standbys; at += 1) {
    expect(pool.tick(200)).toEqual([`spawn r${at} standby`]);
    expect(pool.up(`r${at}`)).toEqual([]);
  }
  return pool;
}

describe('decide() keeps standbys', () => {
  it('and starts them one at a time, when time passes', () => {
    const pool = new PoolDriver({ standbys: 2 });
    expect(pool.tick(0)).toEqual(['spawn r1 standby']);
    expect(pool.tick(200)).toEqual([]);
    expect(pool.up('r1')).toEqual([]);
    expect(pool.stateOf('r1')).toBe('standby');
    expect(pool.tick(200)).toEqual(['spawn r2 standby']);
    pool.up('r2');
    expect(pool.tick(200)).toEqual([]);
  });

  it('and gives one to a cold start, which loads at once', () => {
    const pool = poolWith(1);
    expect(pool.arrive('q1', 'a+x')).toEqual(['claim r1 a', 'load r1 4']);
    expect(fixedStart(pool.state, 'q1')).toMatchObject({ runnerId: 'r_t_1', kind: 'cold', joined: false });
    expect(pool.loaded('r1')).toEqual(['attach r1 a+x']);
    expect(pool.ready('r1', 'a+x')).toEqual(['grant q1 r1 cold']);
  });

  it('and gives one that is still coming up to a cold start, which loads when it is', () => {
    const pool = new PoolDriver({ standbys: 1 });
    pool.tick(0);
    expect(pool.arrive('q1', 'a')).toEqual(['claim r1 a']);
    expect(pool.arrive('q2', 'a+x')).toEqual([]);
    expect(pool.up('r1')).toEqual(['load r1 4']);
    expect(pool.loaded('r1')).toEqual(['attach r1 a', 'attach r1 a+x']);
  });

  it('and prefers one that is up to one that is coming up', () => {
    const pool = new PoolDriver({ standbys: 2, maxRunners: 4 });
    pool.tick(0);
    pool.up('r1');
    pool.tick(200);
    expect(pool.arrive('q1', 'a')).toEqual(['claim r1 a', 'load r1 4']);
    expect(pool.arrive('q2', 'b')).toEqual(['claim r2 b']);
    expect(pool.arrive('q3', 'c')).toEqual(['spawn r3 c']);
  });

  it('and starts the next one when nobody waits and no start is under way', () => {
    const pool = poolWith(1);
    pool.arrive('q1', 'a');
    expect(pool.tick(200)).toEqual([]);
    expect(pool.gone('q1')).toEqual([]);
    expect(pool.tick(200)).toEqual([]);
    pool.loaded('r1');
    expect(pool.ready('r1', 'a')).toEqual([]);
    expect(pool.tick(200)).toEqual(['spawn r2 standby']);
  });

  it('and starts none while a request waits for a free sequence', () => {
    const pool = poolWith(1);
    for (const id of ['q1', 'q2', 'q3']) pool.arrive(id, 'a');
    pool.loaded('r1');
    expect(pool.ready('r1', 'a')).toEqual(['grant q1 r1 cold', 'grant q2 r1 cold joined']);
    expect(pool.tick(200)).toEqual([]);
    pool.end('q1');
    expect(pool.tick(200)).toEqual(['spawn r2 standby']);
  });

  it('beside the runners, which are as many as they may be', () => {
    const pool = poolWith(1, { maxRunners: 1 });
    pool.arrive('q1', 'a');
    pool.loaded('r1');
    pool.ready('r1', 'a');
    expect(pool.tick(200)).toEqual(['spawn r2 standby']);
    pool.up('r2');
    expect(pool.arrive('q2', 'b')).toEqual([]);
    expect(pool.end('q1')).toEqual(['stop r1 evicted 10000']);
    expect(pool.exited('r1')).toEqual(['claim r2 b', 'load r2 4']);
  });

  it('and evicts none, lets none go by idleness, and counts none as room on its way', () => {
    const pool = poolWith(1, { maxRunners: 1 });
    pool.arrive('q0', 'a');
    pool.loaded('r1');
    pool.ready('r1', 'a');
    pool.end('q0');
    pool.tick(200);
    pool.failed('r2');
    expect(pool.stateOf('r2')).toBe('stopping');
    expect(pool.arrive('q1', 'b')).toEqual(['stop r1 evicted 10000']);
    const other = poolWith(1);
    expect(other.tick(1e9)).toEqual([]);
  });

  it('whatever the catalogue becomes', () => {
    const pool = poolWith(1);
    expect(
      pool.change({ models: new Map(), adapters: new Map(), aliases: new Map(), scaling: new Map() }),
    ).toEqual([]);
    expect(pool.tick(200)).toEqual([]);
  });

  it('until the gateway ends', () => {
    const pool = poolWith(2);
    pool.arrive('q1', 'a');
    expect(pool.shutDown()).toEqual([
      'reject q1 shutting_down',
      'stop r1 shutdown 10000',
      'stop r2 shutdown 10000',
    ]);
    pool.exited('r1');
    pool.exited('r2');
    expect(pool.tick(1e6)).toEqual([]);
  });
});

describe('decide() replaces a standby', () => {
  it('that dies, after half a second', () => {
    const pool = poolWith(1);
    expect(pool.exited('r1')).toEqual([]);
    expect(pool.tick(499)).toEqual([]);
    expect(pool.tick(1)).toEqual(['spawn r2 standby']);
  });

  it('that does not come up in time, or says that it failed, once its process has gone', () => {
    const pool = new PoolDriver({ standbys: 1, startTimeoutMs: 1000 });
    pool.tick(0);
    expect(pool.tick(1000)).toEqual(['stop r1 failed 0']);
    expect(pool.tick(1000)).toEqual([]);
    pool.exited('r1');
    expect(pool.tick(0)).toEqual(['spawn r2 standby']);
    expect(pool.failed('r2')).toEqual(['stop r2 failed 0']);
    pool.exited('r2');
    expect(pool.tick(999)).toEqual([]);
    expect(pool.tick(1)).toEqual(['spawn r3 standby']);
  });

  it('ever more rarely when none can live, and says so each time', () => {
    const pool = new PoolDriver({ standbys: 1 });
    const spawnedAtMs: number[] = [];
    while (pool.nowMs < 300_000) {
      const [spawn] = pool.tick(100);
      if (!spawn) continue;
      spawnedAtMs.push(pool.nowMs);
      const runner = spawn.split(' ')[1] ?? '';
      pool.up(runner);
      const lost = pool.notes(() => pool.exited(runner)).filter(({ note }) => note === 'standby_lost');
      expect(lost).toMatchObject([{ detail: { inARow: spawnedAtMs.length, message: BROKEN.message } }]);
    }
    const pausesMs = spawnedAtMs.slice(1).map((ms, at) => ms - (spawnedAtMs[at] ?? 0));
    expect(pausesMs.slice(0, 9)).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
  });

  it('soon again when a runner has loaded since, or when the lost one had lived for a minute', () => {
    const pool = new PoolDriver({ standbys: 1 });
    for (const [runner, pauseMs] of [
      ['r1', 500],
      ['r2', 1000],
      ['r3', 2000],
    ] as const) {
      pool.tick(0);
      pool.exited(runner);
      expect(pool.tick(pauseMs - 1)).toEqual([]);
      pool.nowMs += 1;
    }
    pool.tick(0);
    pool.up('r4');
    pool.nowMs += 60_000;
    pool.exited('r4');
    expect(pool.tick(500)).toEqual(['spawn r5 standby']);
    pool.exited('r5');
    pool.arrive('q1', 'a');
    pool.up('r6');
    pool.loaded('r6');
    pool.ready('r6', 'a');
    expect(pool.tick(0)).toEqual(['spawn r7 standby']);
    pool.exited('r7');
    expect(pool.tick(499)).toEqual([]);
    expect(pool.tick(1)).toEqual(['spawn r8 standby']);
  });

  it('no sooner when the lost ones had been on their way for minutes, and never came up', () => {
    const pool = new PoolDriver({ standbys: 1, startTimeoutMs: 100_000, spawnTimeoutMs: 100_000 });
    for (const [runner, pauseMs] of Object.entries({ r1: 500, r2: 1000, r3: 2000 })) {
      expect(pool.tick(0)).toEqual([`spawn ${runner} standby`]);
      pool.tick(90_000);
      pool.exited(runner);
      expect(pool.tick(pauseMs - 1)).toEqual([]);
      pool.nowMs += 1;
    }
  });
});

describe('decide() begins a start again on another process', () => {
  it('when the standby that it took turns out to be dead', () => {
    const pool = poolWith(1);
    pool.arrive('q1', 'a');
    pool.arrive('q2', 'a');
    expect(pool.exited('r1')).toEqual(['spawn r2 a']);
    pool.up('r2');
    pool.loaded('r2');
    expect(pool.ready('r2', 'a')).toEqual(['grant q1 r2 cold', 'grant q2 r2 cold joined']);
  });

  it('when that breaks, at once if there may be another runner, else when it has gone', () => {
    const pool = poolWith(1);
    pool.arrive('q1', 'a');
    expect(pool.failed('r1')).toEqual(['stop r1 failed 0', 'spawn r2 a']);
    const full = poolWith(1, { maxRunners: 1 });
    full.arrive('q1', 'a');
    expect(full.failed('r1')).toEqual(['stop r1 failed 0']);
    expect(full.exited('r1')).toEqual(['spawn r2 a']);
  });

  it('when a probe finds long after that it was silent before or soon after its claim', () => {
    const pool = poolWith(1);
    pool.arrive('q1', 'a');
    pool.nowMs += 9000;
    expect(pool.hung('r1', 'silent', 8001)).toEqual(['stop r1 hung 0', 'spawn r2 a']);
    const late = poolWith(1);
    late.arrive('q1', 'a');
    late.nowMs += 9000;
    expect(late.hung('r1', 'silent', 8000)).toEqual(['reject q1 start_failed', 'stop r1 hung 0']);
  });

  it('but not when a process fails that was spawned for the start', () => {
    const pool = poolWith(1);
    pool.arrive('q1', 'a');
    pool.exited('r1');
    pool.up('r2');
    expect(pool.exited('r2')).toEqual(['reject q1 start_failed']);
  });

  it('nor when the failure is permanent, or comes late', () => {
    const pool = poolWith(1);
    pool.arrive('q1', 'a');
    const failure = { code: 'start_failed_permanently', message: 'Cannot load: no GGUF' } as const;
    const runnerId = [...pool.state.runners.keys()][0]!;
    expect(pool.tell({ type: 'runnerFailed', runnerId, failure })).toEqual([
      'reject q1 start_failed_permanently',
      'stop r1 failed 0',
    ]);
    const slow = poolWith(1);
    slow.arrive('q1', 'a');
    slow.nowMs += 1000;
    expect(slow.exited('r1')).toEqual(['reject q1 start_failed']);
  });
});

describe('a claimed standby', () => {
  it('is one that is up, rather than an older one that is still coming up', () => {
    const pool = new PoolDriver({ standbys: 2 });
    expect(pool.tick(0)).toEqual(['spawn r1 standby']);
    pool.tell({ type: 'standbyAdopted', runnerId: pool.runnerId('r9'), device: null });
    expect(pool.arrive('q1', 'a')).toEqual(['claim r9 a', 'load r9 4']);
    expect(pool.arrive('q2', 'b')).toEqual(['claim r1 b']);
  });

  it('gets the threads that its model may use', () => {
    const pool = poolWith(1);
    const few = { ...pool.combo('b'), model: model('b', { maxThreads: 1 }) };
    expect(pool.arrive('q1', few)).toEqual(['claim r1 b', 'load r1 1']);
  });

  it('is told of in the event log by the combo that took it', () => {
    const pool = poolWith(1);
    const notes = pool.notes(() => pool.arrive('q1', 'a+x'));
    expect(notes satisfies PoolEffect[]).toEqual([
      { type: 'note', note: 'standby_claimed', runnerId: 'r_t_1', combo: 'a+x' },
      { type: 'note', note: 'runner_loading', runnerId: 'r_t_1', detail: { base: 'a' } },
    ]);
  });
});
