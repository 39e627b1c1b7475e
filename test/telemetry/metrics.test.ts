import { expect, test } from 'vitest';
import { comboName } from '../../gateway/domain/ids.ts';
import { Metrics } from '../../gateway/telemetry/metrics.ts';
import type { PoolReadings } from '../../gateway/telemetry/poolGauges.ts';
import { requestRecord } from '../fakes/records.ts';

const NOTHING: PoolReadings = {
  waitingRequests: () => 0,
  runnersByState: () => new Map(),
  memory: () => new Map(),
  store: () => new Map(),
  quarantines: () => 0,
  occupancy: () => [],
  ledger: () => ({ pending: 0, lost: 0, commits: 0 }),
};
const COMBOS = {
  named: () => new Set(['tiny-chat', 'tiny-chat+pirate@0.5']),
  alone: () => new Set(['tiny-chat+pirate']),
};

const newMetrics = () =>
  new Metrics(NOTHING, COMBOS, { spanCounts: () => ({ sent: 7, queueFull: 2, failed: 1 }) });

async function samples(metrics: Metrics, name: string): Promise<string[]> {
  const lines = (await metrics.text('plain')).split('\n');
  return lines.filter((line) => line.startsWith(`${name}{`)).toSorted();
}

test('Metrics has no scale in its labels that only clients have named, of requests and of starts', async () => {
  const metrics = newMetrics();
  for (const combo of ['tiny-chat+pirate@0.123', 'tiny-chat+pirate@0.124', 'tiny-chat+pirate@0.5'])
    metrics.requestEnded(requestRecord(combo, { combo: comboName(combo), startKind: 'warm' }));
  metrics.startFailed(comboName('tiny-chat+pirate@0.125'), 'start_failed');
  metrics.startEnded({
    combo: comboName('tiny-chat+pirate@0.126'),
    kind: 'attach',
    phasesMs: {},
    totalMs: 1,
  });
  expect(await metrics.text('openmetrics')).not.toMatch(/@0\.12/);
  const rest = 'start="warm",endpoint="chat_completions",status="200",error=""';
  expect(await samples(metrics, 'hearth_requests_total')).toEqual([
    `hearth_requests_total{combo="tiny-chat+pirate",${rest}} 2`,
    `hearth_requests_total{combo="tiny-chat+pirate@0.5",${rest}} 1`,
  ]);
  expect(await samples(metrics, 'hearth_start_failures_total')).toEqual([
    'hearth_start_failures_total{combo="tiny-chat+pirate",code="start_failed"} 1',
  ]);
});

test('Metrics has no code of an engine, and no combo of who was refused before it was known', async () => {
  const metrics = newMetrics();
  const refused = { startKind: null, httpStatus: 429 };
  metrics.requestEnded(requestRecord('r1', { ...refused, errorCode: 'my-prompt' }));
  metrics.requestEnded(requestRecord('r2', { ...refused, combo: null, errorCode: 'queue_full' }));
  const rest = 'start="none",endpoint="chat_completions",status="429"';
  expect(await samples(metrics, 'hearth_requests_total')).toEqual([
    `hearth_requests_total{combo="none",${rest},error="queue_full"} 1`,
    `hearth_requests_total{combo="tiny-chat+pirate",${rest},error="other"} 1`,
  ]);
  expect(await samples(metrics, 'hearth_refusals_total')).toEqual([
    'hearth_refusals_total{code="other"} 1',
    'hearth_refusals_total{code="queue_full"} 1',
  ]);
});

test('Metrics counts what has no row', async () => {
  const metrics = newMetrics();
  metrics.credentialRefused('admin', 'invalid_api_key');
  metrics.replayed('completions');
  metrics.replayed('completions');
  expect(await samples(metrics, 'hearth_refused_credentials_total')).toEqual([
    'hearth_refused_credentials_total{door="admin",code="invalid_api_key"} 1',
  ]);
  expect(await samples(metrics, 'hearth_replays_total')).toEqual([
    'hearth_replays_total{endpoint="completions"} 2',
  ]);
});

test('Metrics tells what became of spans', async () => {
  expect(await samples(newMetrics(), 'hearth_trace_spans_total')).toEqual([
    'hearth_trace_spans_total{outcome="failed"} 1',
    'hearth_trace_spans_total{outcome="queue_full"} 2',
    'hearth_trace_spans_total{outcome="sent"} 7',
  ]);
});
