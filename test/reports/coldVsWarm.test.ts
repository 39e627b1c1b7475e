import { describe, expect, test } from 'vitest';
import type { ReportGroup } from '../../gateway/domain/reportFigures.ts';
import { coldVsWarmColumns, coldVsWarmRows } from '../../gateway/reports/coldVsWarm.ts';
import { cellsOf } from '../../gateway/reports/table.ts';
import { group, pathsOf, stats } from './builders.ts';

const side = (combo: string | null, kind: string | null, ttft: number | null, answered = 3): ReportGroup =>
  group({ combo, start_kind: kind }, ttft === null ? {} : { ttft: stats(ttft), total: stats(ttft * 10) }, {
    answered,
  });
const ratioOf = (...groups: ReportGroup[]) => coldVsWarmRows(groups)[0]?.cold_to_warm;

describe('coldVsWarmRows()', () => {
  test('has a row per combo in the order of names, with its kinds side by side and null for those that did not occur', () => {
    const rows = coldVsWarmRows([
      side('b', 'wake', 40),
      side('a', 'cold', 500, 7),
      side('b', 'attach', 3),
      side('a', 'warm', 2),
    ]);
    expect(rows).toEqual([
      {
        combo: 'a',
        warm: {
          count: 3,
          ttft_ms: { p50: 2, p90: 4, p95: 6, p99: 8 },
          total_ms: { p50: 20, p90: 40, p95: 60, p99: 80 },
        },
        attach: null,
        wake: null,
        staged: null,
        cold: {
          count: 7,
          ttft_ms: { p50: 500, p90: 1000, p95: 1500, p99: 2000 },
          total_ms: { p50: 5000, p90: 10_000, p95: 15_000, p99: 20_000 },
        },
        cold_to_warm: 250,
      },
      expect.objectContaining({
        combo: 'b',
        warm: null,
        attach: expect.objectContaining({ ttft_ms: { p50: 3, p90: 6, p95: 9, p99: 12 } }),
        wake: expect.objectContaining({ ttft_ms: { p50: 40, p90: 80, p95: 120, p99: 160 } }),
        cold: null,
        cold_to_warm: null,
      }),
    ]);
  });

  test('leaves out what was refused before its combo or its start was known, and what nobody had an answer of', () => {
    expect(
      coldVsWarmRows([
        side(null, 'cold', 500),
        side('a', null, 500),
        side('a', 'cold', 500, 0),
        group({ combo: 'a', start_kind: 'warm' }, {}, { aborted: 4 }),
        group({}, {}, { answered: 1 }),
      ]),
    ).toEqual([]);
  });

  test('has a ratio of four digits, of the medians of the time to the first token', () => {
    expect(ratioOf(side('a', 'cold', 1000), side('a', 'warm', 3))).toBe(333.3);
    expect(ratioOf(side('a', 'cold', 1), side('a', 'warm', 30))).toBe(0.033_33);
  });

  test.each<[string, ReportGroup[]]>([
    ['no cold start', [side('a', 'staged', 500), side('a', 'warm', 2)]],
    ['no warm start', [side('a', 'cold', 500), side('a', 'attach', 2)]],
    ['no tokens of a cold start', [side('a', 'cold', null), side('a', 'warm', 2)]],
    ['no tokens of a warm start', [side('a', 'cold', 500), side('a', 'warm', null)]],
    ['no time at all of a warm start', [side('a', 'cold', 500), side('a', 'warm', 0)]],
  ])('has no ratio of a combo with %s', (_, groups) => {
    expect(ratioOf(...groups)).toBeNull();
  });
});

describe('coldVsWarmColumns()', () => {
  test('has a column for each figure of a row whose kinds all occurred', () => {
    const kinds = ['warm', 'attach', 'wake', 'staged', 'cold'];
    const [row = {}] = coldVsWarmRows(kinds.map((kind, at) => side('a', kind, at + 1)));
    expect(coldVsWarmColumns()).toEqual(pathsOf(row));
  });

  test('has its columns empty for a kind that did not occur', () => {
    const [row = {}] = coldVsWarmRows([side('a', 'cold', 500)]);
    const cells = cellsOf(row, coldVsWarmColumns());
    // The combo; a count and eight percentiles for each of five kinds, the last one cold; the ratio.
    expect(cells).toEqual([
      'a',
      ...Array.from({ length: 4 * 9 }, () => null),
      ...[3, 500, 1000, 1500, 2000, 5000, 10_000, 15_000, 20_000],
      null,
    ]);
  });
});
