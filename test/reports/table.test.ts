import { describe, expect, test } from 'vitest';
import { cellsOf, percentileColumns } from '../../gateway/reports/table.ts';

describe('cellsOf()', () => {
  const row = {
    combo: 'a',
    failed: 0,
    joined: false,
    ttft_ms: { p50: 2, p99: null },
    attach: null,
    phases_ms: { load: { count: 3 } },
  };

  test('has the value at the end of each path, in the order of the columns', () => {
    expect(cellsOf(row, [['phases_ms', 'load', 'count'], ['combo'], ['ttft_ms', 'p50']])).toEqual([
      3,
      'a',
      2,
    ]);
  });

  test('tells zero, false and an empty text from what is absent', () => {
    expect(cellsOf({ ...row, key: '' }, [['failed'], ['joined'], ['key']])).toEqual([0, false, '']);
  });

  test.each<[string, readonly string[]]>([
    ['the figure', ['other']],
    ['the group of figures', ['phases_ms', 'spawn', 'count']],
    ['anything of a kind of start that did not occur', ['attach', 'ttft_ms', 'p50']],
    ['anything that was measured', ['ttft_ms', 'p99']],
    ['anything below a number', ['failed', 'length']],
    ['anything below a text', ['combo', 'length']],
    ['a single value where a group of figures is', ['phases_ms', 'load']],
  ])('is null where a row has not %s', (_, column) => {
    expect(cellsOf(row, [column])).toEqual([null]);
  });
});

describe('percentileColumns()', () => {
  test('has the percentiles under a name, and other figures before them', () => {
    expect(percentileColumns(['phases_ms', 'load'], ['count', 'sum']).map((path) => path.join('_'))).toEqual([
      'phases_ms_load_count',
      'phases_ms_load_sum',
      'phases_ms_load_p50',
      'phases_ms_load_p90',
      'phases_ms_load_p95',
      'phases_ms_load_p99',
    ]);
    expect(percentileColumns(['ttft_ms'])).toHaveLength(4);
  });
});
