import { describe, expect, it } from 'vitest';
import { runnerId } from '../../gateway/domain/ids.ts';
import { type AdoptionVerdict, judgeAdoption } from '../../gateway/pool/adoption.ts';
import { catalogueOf, model } from './builders.ts';
import { CATALOGUE, NEITHER, PoolDriver } from './driver.ts';

const keysOf = (...names: string[]): string[] => names.map((name) => new PoolDriver().combo(name).key);
const [A = '', AX = '', AY = ''] = keysOf('a', 'a+x', 'a+y');

/** `b` is busy on r1, with all of 1020 bytes. */
function busy(memoryBytes: number): PoolDriver {
  const pool = new PoolDriver({ maxRunners: 9, memoryBytes });
  pool.arrive('q1', 'b');
  pool.up('r1');
  pool.tell({ type: 'runnerLoaded', runnerId: runnerId('r_t_1'), weightBytes: 1000 });
  const { key } = pool.combo('b');
  pool.tell({
    type: 'comboReady',
    runnerId: runnerId('r_t_1'),
    comboKey: key,
    kvBytes: 15,
    computeBytes: 5,
  });
  return pool;
}

const refusal = (reason: string): AdoptionVerdict => ({ ok: false, reason });

describe('judgeAdoption() refuses', () => {
  it('any when the gateway ends, and one whose load was under way', () => {
    const pool = new PoolDriver();
    const offer = { ...NEITHER, runnerId: runnerId('r_t_9'), isLoading: true, model: null, combos: [] };
    expect(judgeAdoption(pool.state, offer)).toEqual(refusal('its load was still under way'));
    pool.shutDown();
    expect(pool.judge('r9', 'a', [])).toEqual(refusal('the gateway is shutting down'));
  });

  it('one whose base has no room, to the byte', () => {
    expect(busy(2019).judge('r9', 'a', [])).toEqual(
      refusal('its base "a" needs 1 bytes more memory than there are'),
    );
    expect(busy(2020).judge('r9', 'a', [])).toMatchObject({ ok: true, as: 'runner', combos: [] });
  });

  it('one whose base somebody waits for, but not one that is pinned alone', () => {
    const waiting = busy(1500);
    waiting.arrive('q2', 'a');
    expect(waiting.judge('r9', 'a', [])).toEqual(refusal('somebody waits for memory for its base "a"'));
    expect(waiting.judge('r9', 'c', [])).toEqual(
      refusal('its base "c" needs 520 bytes more memory than there are'),
    );
    const pinned = busy(1500);
    pinned.pin('p1', 'a');
    expect(pinned.state.replicas.size).toBe(1);
    expect(pinned.judge('r9', 'a', [])).toEqual(
      refusal('its base "a" needs 520 bytes more memory than there are'),
    );
  });

  it('a standby more than there are to be, runners not counted', () => {
    const pool = new PoolDriver({ standbys: 1 });
    pool.bring('r1', 'a');
    const offer = { ...NEITHER, runnerId: runnerId('r_t_9'), model: null, combos: [] };
    expect(judgeAdoption(pool.state, offer)).toEqual({ ok: true, as: 'standby', device: null });
  });
});

describe('judgeAdoption() keeps combos', () => {
  it('as long as there is memory for them, in their order', () => {
    const kept = (memoryBytes: number, keys: string[]): string[] => {
      const verdict = new PoolDriver({ memoryBytes }).judge('r9', 'a', keys);
      if (!verdict.ok || verdict.as !== 'runner') return [];
      return verdict.combos.map(({ combo }) => combo.name);
    };
    expect(kept(1006, [A, AX, AY])).toEqual(['a', 'a+x']);
    expect(kept(1005, [A, AX, AY])).toEqual(['a']);
    expect(kept(1006, ['nonsense', A, AX])).toEqual(['a', 'a+x']);
  });
});

describe('a runner that is adopted', () => {
  it('is told of, and worth what its bytes take to read at 1 GB/s', () => {
    const pool = new PoolDriver();
    pool.nowMs = 5;
    pool.state.clocks.bases = 2;
    pool.state.clocks.combos = 4;
    const notes = pool.notes(() => pool.adopt('r9', 'a', [A, AX]));
    expect(notes).toEqual([
      {
        type: 'note',
        note: 'runner_adopted',
        runnerId: runnerId('r_t_9'),
        detail: { base: 'a', weightBytes: 7, combos: 2 },
      },
    ]);
    const runner = pool.state.runners.get(runnerId('r_t_9'));
    if (runner?.state !== 'ready') throw new Error('it is not ready');
    expect(runner).toMatchObject({
      worth: { costMs: 7e-6, readyMs: 5, uses: 1, clock: 2 },
      interactive: { active: 0, lastMs: 5 },
      lastUsedMs: 5,
      active: 0,
    });
    expect([...runner.combos.values()]).toMatchObject([
      { worth: { costMs: 3e-6, readyMs: 5, uses: 1, clock: 4 }, interactive: { active: 0, lastMs: 5 } },
      { worth: { costMs: 3e-6 } },
    ]);
  });

  it('serves who waits on a start elsewhere', () => {
    const catalogue = catalogueOf([model('a', { maxRunners: 2 })], [...CATALOGUE.adapters.values()]);
    const pool = new PoolDriver({}, catalogue);
    pool.arrive('q1', 'a');
    pool.warm('o1', 'a');
    expect(pool.adopt('r9', 'a', [A])).toEqual(['answer o1 r9 cold', 'grant q1 r9 cold', 'threads r9 4']);
  });
});
