import { describe, expect, it } from 'vitest';
import type { PoolSettings } from '../../gateway/pool/settings.ts';
import { aheadBytes } from '../../gateway/pool/warmAhead.ts';
import { adapter, catalogueOf, model } from './builders.ts';
import { PoolDriver } from './driver.ts';

/** A base takes 1000, a context 20 bytes, as predicted; measured are 7 and 3. */
const CATALOGUE = catalogueOf(
  [model('a', { idleTtlMs: 1000 }), model('b'), model('c')],
  [adapter('x', 'a'), adapter('y', 'a'), adapter('z', 'b')],
);
const HORIZON_MS = 5000;

class Ahead extends PoolDriver {
  constructor(settings: Partial<PoolSettings> = {}) {
    super(settings, CATALOGUE);
  }

  expects(likely: Readonly<Record<string, number>>, budgetBytes = 1e9): string[] {
    const list = Object.entries(likely).map(([name, chance]) => ({ combo: this.combo(name), chance }));
    return this.tell({ type: 'demandExpected', likely: list, budgetBytes, horizonMs: HORIZON_MS });
  }
}

describe('decide() warms ahead', () => {
  it('what is likely, and has it ready when it is asked for', () => {
    const pool = new Ahead();
    expect(pool.expects({ 'a+x': 0.9 })).toEqual(['spawn r1 a']);
    expect(pool.up('r1')).toEqual(['load r1 4']);
    expect(pool.loaded('r1')).toEqual(['attach r1 a+x']);
    expect(pool.ready('r1', 'a+x')).toEqual(['answer ahead a+x#r1.a1 r1 cold']);
    expect(pool.arrive('q', 'a+x')).toEqual(['grant q r1 warm']);
  });

  it('and says so with the chance and the bytes', () => {
    const pool = new Ahead();
    const notes = pool.notes(() => pool.expects({ a: 0.9 }));
    expect(notes[0]).toEqual({
      type: 'note',
      note: 'warmed_ahead',
      combo: 'a',
      detail: { chance: 0.9, bytes: 1020 },
    });
  });

  it('where most is to be saved first: the chance times the bytes to bring', () => {
    const pool = new Ahead({ maxRunners: 1 });
    expect(pool.expects({ b: 0.5, c: 0.6 })).toEqual(['spawn r1 c']);
    const warm = new Ahead({ maxCombosPerRunner: 2 });
    warm.bring('r1', 'a');
    expect(warm.expects({ 'a+x': 0.6, 'a+y': 0.7, b: 0.1 })).toEqual(['spawn r2 b', 'attach r1 a+y']);
  });

  it('into free memory alone, to the byte', () => {
    expect(new Ahead({ memoryBytes: 1020 }).expects({ b: 1 })).toEqual(['spawn r1 b']);
    expect(new Ahead({ memoryBytes: 1019 }).expects({ b: 1 })).toEqual([]);
    const pool = new Ahead({ memoryBytes: 1029 });
    pool.bring('r1', 'b');
    expect(pool.expects({ c: 1 })).toEqual([]);
    expect(pool.stateOf('r1')).toBe('ready');
    expect(pool.expects({ 'b+z': 1 })).toEqual(['attach r1 b+z']);
  });

  it('within its budget, of which what was used since takes none', () => {
    expect(new Ahead().expects({ b: 1 }, 1020)).toEqual(['spawn r1 b']);
    expect(new Ahead().expects({ b: 1 }, 1019)).toEqual([]);
    const pool = new Ahead();
    pool.expects({ b: 1 }, 1020);
    expect(aheadBytes(pool.state)).toBe(1020);
    expect(pool.expects({ c: 1 }, 1020)).toEqual([]);
    pool.up('r1');
    pool.loaded('r1');
    expect(aheadBytes(pool.state)).toBe(1020);
    pool.ready('r1', 'b');
    expect(aheadBytes(pool.state)).toBe(1020);
    expect(pool.expects({ c: 1 }, 2039)).toEqual([]);
    pool.arrive('q', 'b');
    expect(aheadBytes(pool.state)).toBe(0);
    expect(pool.expects({ c: 1 }, 1020)).toEqual(['spawn r2 c']);
  });

  it('counts a base once for all that one forecast starts on it', () => {
    const pool = new Ahead({ memoryBytes: 1040, maxRunners: 1 });
    expect(pool.expects({ a: 1, 'a+x': 1, 'a+y': 1 })).toEqual(['spawn r1 a']);
    expect(pool.state.runners.size).toBe(1);
    expect([...pool.state.warmedAhead.values()].map(({ bytes }) => bytes)).toEqual([1020, 20]);
  });

  it('no more combos than a runner may have', () => {
    const pool = new Ahead({ maxCombosPerRunner: 2 });
    expect(pool.expects({ a: 1, 'a+x': 1, 'a+y': 1 })).toEqual(['spawn r1 a']);
    expect([...pool.state.warmedAhead.keys()]).toHaveLength(2);
  });

  it('nothing that is there, on its way or waited for', () => {
    const pool = new Ahead({ maxRunners: 1 });
    pool.arrive('q', 'a');
    expect(pool.expects({ a: 1 })).toEqual([]);
    pool.up('r1');
    pool.loaded('r1');
    pool.ready('r1', 'a');
    expect(pool.expects({ a: 1 })).toEqual([]);
    expect(pool.state.warmedAhead.size).toBe(0);
  });

  it('nothing while somebody waits for room, nor when the gateway ends', () => {
    const pool = new Ahead({ maxRunners: 1 });
    pool.arrive('q1', 'b');
    pool.arrive('q2', 'c');
    expect(pool.expects({ 'b+z': 1 })).toEqual([]);
    pool.gone('q2');
    expect(pool.expects({ 'b+z': 1 })).toEqual([]);
    expect(pool.state.warmedAhead.size).toBe(1);
    const ending = new Ahead();
    ending.shutDown();
    expect(ending.expects({ b: 1 })).toEqual([]);
  });

  it('nothing of a revision that was replaced', () => {
    const pool = new Ahead();
    const old = pool.combo('b');
    pool.change(catalogueOf([model('b', { revision: 'r2' })]));
    const likely = [{ combo: old, chance: 1 }];
    expect(pool.tell({ type: 'demandExpected', likely, budgetBytes: 1e9, horizonMs: 1 })).toEqual([]);
  });

  it('and keeps that to the end of the forecast, past its ttl, but for one forecast only', () => {
    const pool = new Ahead();
    pool.expects({ a: 1 });
    pool.up('r1');
    pool.loaded('r1');
    pool.nowMs = 500;
    pool.ready('r1', 'a');
    expect(pool.tick(HORIZON_MS - 501)).toEqual([]);
    expect(pool.tick(1)).toEqual(['stop r1 idle 10000']);
    pool.exited('r1');
    expect(pool.expects({ a: 1 })).toEqual(['spawn r2 a']);
  });

  it('and starts what has gone meanwhile not again within the same forecast', () => {
    const pool = new Ahead();
    pool.expects({ b: 1 });
    pool.exited('r1');
    pool.nowMs = HORIZON_MS - 1;
    expect(pool.expects({ b: 1 })).toEqual([]);
    expect(aheadBytes(pool.state)).toBe(0);
    pool.nowMs = HORIZON_MS;
    expect(pool.expects({ b: 1 })).toEqual(['spawn r2 b']);
  });

  it('for the model’s ttl when that is longer', () => {
    const pool = new Ahead();
    pool.arrive('q', 'a');
    pool.up('r1');
    pool.loaded('r1');
    pool.ready('r1', 'a');
    pool.end('q');
    expect(pool.tick(999)).toEqual([]);
    expect(pool.tick(1)).toEqual(['stop r1 idle 10000']);
  });
});
