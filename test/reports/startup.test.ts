import { describe, expect, test } from 'vitest';
import { startupColumns, startupRows } from '../../gateway/reports/startup.ts';
import { cellsOf } from '../../gateway/reports/table.ts';
import { group, pathsOf, stats } from './builders.ts';

const PHASES = ['spawn', 'stage', 'load', 'attach', 'context'] as const;
const DETAILS = ['staged', 'download', 'read', 'decrypt', 'verify', 'upload'] as const;

/** Ten starts that had everything: 100 ms in each phase, 30 ms in each detail. */
const full = group(
  { start_kind: 'cold', tier: 'disk' },
  {
    start: stats(500, 10),
    ...Object.fromEntries(PHASES.map((name) => [name, stats(100, 10)])),
    ...Object.fromEntries(DETAILS.map((name) => [name, stats(30, 10)])),
  },
  { answered: 10, stagedBytes: 4000, uploadBytes: 3000 },
);

describe('startupRows()', () => {
  test('counts a phase over the starts that had it, and has its share of the time of all of them', () => {
    const [row] = startupRows(
      [
        group(
          { start_kind: 'cold' },
          // Two of four starts attached something: 4 x 700 ms of load and 2 x 100 ms of attach are 3000 ms in all.
          { start: stats(750, 4), load: stats(700, 4), attach: stats(100, 2) },
          { answered: 4 },
        ),
      ],
      ['start_kind'],
    );
    expect(row).toEqual({
      start_kind: 'cold',
      count: 4,
      total_ms: { count: 4, sum: 3000, p50: 750, p90: 1500, p95: 2250, p99: 3000 },
      phases_ms: {
        load: { share: 0.9333, count: 4, sum: 2800, p50: 700, p90: 1400, p95: 2100, p99: 2800 },
        attach: { share: 0.0667, count: 2, sum: 200, p50: 100, p90: 200, p95: 300, p99: 400 },
      },
      detail_ms: {},
      staged_bytes: 0,
      upload_bytes: 0,
    });
  });

  test('has shares of the phases that add up to 1, and none of the details, which add up to nothing', () => {
    const [row] = startupRows([full], ['start_kind', 'tier']);
    expect(row).toMatchObject({ start_kind: 'cold', tier: 'disk', staged_bytes: 4000, upload_bytes: 3000 });
    const { phases_ms: phases, detail_ms: details } = row as any;
    expect(Object.keys(phases)).toEqual(PHASES);
    expect(Object.values(phases).map(({ share }: any) => share)).toEqual([0.2, 0.2, 0.2, 0.2, 0.2]);
    expect(Object.keys(details)).toEqual(DETAILS);
    for (const detail of Object.values(details))
      expect(detail).toEqual({ count: 10, sum: 300, p50: 30, p90: 60, p95: 90, p99: 120 });
  });

  test('leaves the phases of a request that are none of its start out', () => {
    const [row] = startupRows(
      [group({}, { start: stats(10), queue: stats(5), prefill: stats(6), decode: stats(7) })],
      [],
    );
    expect(row).toMatchObject({ phases_ms: {}, detail_ms: {} });
  });

  test('has zeros and no percentiles where nothing was measured', () => {
    expect(startupRows([group({ tier: null }, {}, {})], ['tier'])).toEqual([
      {
        tier: null,
        count: 0,
        total_ms: { count: 0, sum: 0, p50: null, p90: null, p95: null, p99: null },
        phases_ms: {},
        detail_ms: {},
        staged_bytes: 0,
        upload_bytes: 0,
      },
    ]);
  });

  test('has no share of starts that took no time', () => {
    const [row] = startupRows([group({}, { start: stats(0), context: stats(0) })], []);
    expect(row).toMatchObject({ phases_ms: { context: { share: null, count: 3, sum: 0 } } });
  });

  test('has rows in the order of what was asked for: the oldest hour, then the quickest kind first', () => {
    const [seven, eight] = [Date.UTC(2026, 10, 2, 7), Date.UTC(2026, 10, 2, 8)];
    const rows = startupRows(
      [
        group({ hour: eight, start_kind: 'attach' }),
        group({ hour: seven, start_kind: 'cold' }),
        group({ hour: seven, start_kind: 'staged' }),
      ],
      ['hour', 'start_kind'],
    );
    expect(rows.map((row) => [row.hour, row.start_kind])).toEqual([
      ['2026-11-02T07:00:00Z', 'staged'],
      ['2026-11-02T07:00:00Z', 'cold'],
      ['2026-11-02T08:00:00Z', 'attach'],
    ]);
  });
});

describe('startupColumns()', () => {
  const names = () => startupColumns(['start_kind', 'tier']).map((path) => path.join('_'));

  test('has a column for each figure of a start that had everything', () => {
    const [row = {}] = startupRows([full], ['start_kind', 'tier']);
    const figures = pathsOf(row).map((path) => path.join('_'));
    expect(names().toSorted()).toEqual(figures.toSorted());
  });

  test('begins with what tells rows apart, as it was asked for, and ends with the bytes', () => {
    expect(names().slice(0, 4)).toEqual(['start_kind', 'tier', 'count', 'total_ms_count']);
    expect(names().slice(-2)).toEqual(['staged_bytes', 'upload_bytes']);
    expect(startupColumns(['day', 'combo']).slice(0, 3)).toEqual([['day'], ['combo'], ['count']]);
  });

  test('has its columns empty for a phase that no start had', () => {
    const [row = {}] = startupRows([group({ tier: 'disk' }, { start: stats(8), load: stats(8) })], ['tier']);
    const columns = startupColumns(['tier']);
    const cells = new Map(cellsOf(row, columns).map((cell, at) => [columns[at]?.join('_'), cell]));
    expect([cells.get('phases_ms_load_share'), cells.get('phases_ms_load_p99')]).toEqual([1, 32]);
    expect([cells.get('phases_ms_stage_share'), cells.get('detail_ms_read_p99')]).toEqual([null, null]);
  });
});
