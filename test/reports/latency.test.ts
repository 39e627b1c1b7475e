import { describe, expect, test } from 'vitest';
import { latencyColumns, latencyCube } from '../../gateway/reports/latency.ts';

describe('latencyCube()', () => {
  test.each([
    [['combo', 'start_kind'], false, 'latency'],
    [['day'], true, 'latency'],
    [['key', 'start_kind', 'hour'], false, 'keyLatency'],
    [['key', 'day'], false, 'keyLatency'],
    // Times are kept by combo or by key.
    [['key', 'combo'], false, null],
    [['key', 'day'], true, null],
  ] as const)('of %j, of one combo: %s, is %s', (groupBy, isOfOneCombo, cube) => {
    expect(latencyCube(groupBy, isOfOneCombo)).toBe(cube);
  });
});

test('latencyColumns() has the labels, the counts, and the percentiles of each time', () => {
  const names = latencyColumns(['combo']).map((column) => column.join('_'));
  expect(names.slice(0, 16)).toEqual([
    'combo',
    'count',
    'failed',
    'aborted',
    ...['ttft_ms', 'total_ms', 'tpot_ms'].flatMap((name) =>
      ['p50', 'p90', 'p95', 'p99'].map((figure) => `${name}_${figure}`),
    ),
  ]);
  expect(names).toContain('phases_ms_queue_count');
  expect(names).toContain('phases_ms_decode_p99');
});
