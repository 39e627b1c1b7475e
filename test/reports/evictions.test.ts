import { describe, expect, test } from 'vitest';
import type { Eviction, OwnStart } from '../../gateway/domain/reportFigures.ts';
import { evictionColumns, evictionRows } from '../../gateway/reports/evictions.ts';
import { pathsOf } from './builders.ts';

const gone = (atEpochMs: number, what: Eviction['what'], name: string, bytes = 100): Eviction => ({
  atEpochMs,
  what,
  name,
  bytes,
});
/** By a request for `combo`, whose base is what its name begins with. */
const start = (atEpochMs: number, combo: string, changes: Partial<OwnStart> = {}): OwnStart => ({
  arrivedAtEpochMs: atEpochMs,
  combo,
  base: combo.split('+')[0] ?? null,
  kind: 'cold',
  tookMs: 1000,
  stagedBytes: 60,
  uploadBytes: 40,
  ...changes,
});
const attach = (atEpochMs: number, combo: string): OwnStart =>
  start(atEpochMs, combo, { kind: 'attach', tookMs: 5, stagedBytes: 3, uploadBytes: 4 });

const rowsOf = (evictions: Eviction[], starts: OwnStart[] = [], limit = 50) =>
  evictionRows(evictions, starts, limit);
/** What gave way, how often, and what came back. */
const briefly = (evictions: Eviction[], starts: OwnStart[] = []) =>
  rowsOf(evictions, starts).map(({ what, name, evictions: times, reloads, reload_ms: ms }) => [
    what,
    name,
    times,
    reloads,
    ms,
  ]);

describe('evictionRows()', () => {
  test('adds up what a base gave back, and what it took to load it again', () => {
    expect(
      rowsOf(
        [gone(10, 'base', 'b', 100), gone(30, 'base', 'b', 120), gone(50, 'base', 'b', 140)],
        [
          start(20, 'b', { tookMs: 100.1, stagedBytes: 70, uploadBytes: 50 }),
          start(40, 'b+x', { tookMs: 200.2, stagedBytes: 7, uploadBytes: 5 }),
        ],
      ),
    ).toEqual([
      {
        what: 'base',
        name: 'b',
        evictions: 3,
        evicted_bytes: 360,
        reloads: 2,
        // Not 300.29999999999995 ms.
        reload_ms: 300.3,
        reload_bytes: 132,
      },
    ]);
  });

  test.each(['wake', 'staged', 'cold'])('takes a start of kind %s for a reload of the base', (kind) => {
    expect(briefly([gone(10, 'base', 'b')], [start(20, 'b+x', { kind })])).toEqual([
      ['base', 'b', 1, 1, 1000],
    ]);
  });

  test('takes the first start after an eviction alone for its reload', () => {
    const starts = [start(5, 'b'), start(20, 'b'), start(21, 'b'), start(22, 'b+x')];
    expect(briefly([gone(10, 'base', 'b')], starts)).toEqual([['base', 'b', 1, 1, 1000]]);
  });

  test('takes one start for the reload of a base that gave way on two runners before', () => {
    expect(briefly([gone(10, 'base', 'b'), gone(11, 'base', 'b')], [start(20, 'b')])).toEqual([
      ['base', 'b', 2, 1, 1000],
    ]);
  });

  test('takes a request that came in the millisecond of an eviction for a later one', () => {
    expect(briefly([gone(10, 'base', 'b')], [start(10, 'b')])).toEqual([['base', 'b', 1, 1, 1000]]);
    expect(briefly([gone(10, 'base', 'b')], [start(9, 'b')])).toEqual([['base', 'b', 1, 0, 0]]);
  });

  test('takes a start of another base for no reload, nor one whose base is not known', () => {
    const starts = [start(20, 'other'), start(21, 'b', { base: null })];
    expect(briefly([gone(10, 'base', 'b')], starts)).toEqual([['base', 'b', 1, 0, 0]]);
  });

  test('takes an attach for no reload of the base, and waits for the load', () => {
    const starts = [attach(20, 'b+x'), start(30, 'b+x', { tookMs: 700 })];
    expect(briefly([gone(10, 'base', 'b')], starts)).toEqual([['base', 'b', 1, 1, 700]]);
  });

  test('takes an attach for the reload of its own combo', () => {
    expect(
      rowsOf([gone(10, 'combo', 'b+x', 8)], [attach(20, 'b+y'), attach(30, 'b+x'), attach(40, 'b+x')]),
    ).toEqual([
      {
        what: 'combo',
        name: 'b+x',
        evictions: 1,
        evicted_bytes: 8,
        reloads: 1,
        reload_ms: 5,
        reload_bytes: 7,
      },
    ]);
  });

  test('has no reload of a combo that came back with its base', () => {
    const evictions = [gone(10, 'combo', 'b+x'), gone(11, 'base', 'b')];
    expect(briefly(evictions, [start(20, 'b+x'), attach(30, 'b+x')])).toEqual([
      ['base', 'b', 1, 1, 1000],
      ['combo', 'b+x', 1, 0, 0],
    ]);
  });

  test('tells a base from the combo of that base alone', () => {
    const evictions = [gone(10, 'combo', 'b'), gone(11, 'base', 'b')];
    expect(briefly(evictions, [attach(20, 'b')])).toEqual([
      ['combo', 'b', 1, 1, 5],
      ['base', 'b', 1, 0, 0],
    ]);
  });

  test('knows nothing of the reloads of segments', () => {
    expect(rowsOf([gone(10, 'segment', 'k', 6), gone(11, 'segment', 'k', 7)], [start(20, 'k')])).toEqual([
      {
        what: 'segment',
        name: 'k',
        evictions: 2,
        evicted_bytes: 13,
        reloads: null,
        reload_ms: null,
        reload_bytes: null,
      },
    ]);
  });

  test('has first what took longest to get back, then what gave way most often, then what gave back most, then by name', () => {
    const names = rowsOf(
      [
        gone(1, 'combo', 'b', 7),
        gone(1, 'base', 'big', 9),
        gone(1, 'base', 'often'),
        gone(1, 'base', 'slow'),
        gone(1, 'base', 'slower'),
        gone(1, 'base', 'c', 7),
        gone(1, 'base', 'a', 7),
        gone(1, 'base', 'b', 7),
        gone(2, 'base', 'often', 1),
      ],
      [start(10, 'slow', { tookMs: 2 }), start(11, 'slower', { tookMs: 3 })],
    ).map(({ what, name }) => [what, name]);
    expect(names).toEqual([
      ['base', 'slower'],
      ['base', 'slow'],
      ['base', 'often'],
      ['base', 'big'],
      ['base', 'a'],
      ['base', 'b'],
      ['base', 'c'],
      ['combo', 'b'],
    ]);
  });

  test('has as many as were asked for, the most costly ones', () => {
    const evictions = ['a', 'b', 'c'].map((name) => gone(1, 'base', name));
    expect(rowsOf(evictions, [start(10, 'c')], 2).map(({ name }) => name)).toEqual(['c', 'a']);
    expect(rowsOf([], [start(10, 'c')])).toEqual([]);
  });
});

describe('evictionColumns()', () => {
  test('has a column for each figure of an eviction', () => {
    const [row = {}] = rowsOf([gone(1, 'base', 'b')]);
    expect(evictionColumns()).toEqual(pathsOf(row));
  });
});
