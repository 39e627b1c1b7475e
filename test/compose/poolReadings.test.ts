import { expect, test } from 'vitest';
import { poolReadings, RunnerCounts } from '../../gateway/compose/telemetry.ts';
import type { Failure } from '../../gateway/domain/errors.ts';
import { Metrics } from '../../gateway/telemetry/metrics.ts';
import { PassedTraces } from '../../gateway/telemetry/traces/passedTraces.ts';
import { PoolDriver } from '../pool/driver.ts';

const FOR_GOOD: Failure = { code: 'start_failed_permanently', message: 'Cannot start: no model file' };

/** What a scrape says of a pool at its own time. */
function scraped(pool: PoolDriver): (name: string) => Promise<Record<string, number>> {
  const clock = { monoMs: () => pool.nowMs, epochMs: () => 0 };
  const ledger = () => ({ pending: 0, lost: 0, commits: 0 });
  const readings = poolReadings(pool.state, new RunnerCounts(), clock, ledger);
  const none = new Set<string>();
  const metrics = new Metrics(readings, { named: () => none, alone: () => none }, new PassedTraces());
  return async (name) => {
    const text = await metrics.text('plain');
    const samples = text.matchAll(new RegExp(`^${name}(?:\\{(.*)\\})? (\\S+)$`, 'gm'));
    return Object.fromEntries([...samples].map(([, labels = '', value]) => [labels, Number(value)]));
  };
}

test('hearth_quarantined leaves out single failures, and what is over when it is asked, without any event', async () => {
  const pool = new PoolDriver({ quarantineBaseMs: 1000, quarantineCapMs: 60_000 });
  const scrape = scraped(pool);
  const quarantined = async () => (await scrape('hearth_quarantined'))[''];
  pool.bring('r1', 'a');
  expect(await quarantined()).toBe(0);
  for (const [failures, expected] of [
    [1, 0],
    [2, 1],
  ]) {
    pool.arrive(`q${failures}`, 'a+x');
    pool.attachFailed('r1', 'a+x');
    expect([...pool.state.quarantines.values()].map((one) => one.failures)).toEqual([failures]);
    expect(await quarantined()).toBe(expected);
  }
  const untilMs = Math.max(...[...pool.state.quarantines.values()].map((one) => one.untilMs));
  pool.nowMs = untilMs - 1;
  expect(await quarantined()).toBe(1);
  pool.nowMs = untilMs;
  expect(await quarantined()).toBe(0);
  expect(pool.state.quarantines.size).toBe(1);
});

test('hearth_quarantined counts a base with all its combos once, until an operator lifts it', async () => {
  const pool = new PoolDriver({ quarantineBaseMs: 1000, quarantineCapMs: 60_000 });
  const scrape = scraped(pool);
  pool.arrive('q1', 'a');
  pool.arrive('q2', 'a+x');
  pool.up('r1');
  pool.failed('r1', FOR_GOOD);
  expect(await scrape('hearth_quarantined')).toEqual({ '': 1 });
  pool.lift('o1', 'a');
  expect(await scrape('hearth_quarantined')).toEqual({ '': 0 });
});

test('hearth_runners has the states that the admin API tells, those that no runner is in too', async () => {
  const pool = new PoolDriver();
  const scrape = scraped(pool);
  const none = Object.fromEntries(
    ['asleep', 'busy', 'draining', 'loading', 'ready', 'standby', 'starting', 'stopping'].map((state) => [
      `state="${state}"`,
      0,
    ]),
  );
  expect(await scrape('hearth_runners')).toEqual(none);
  pool.bring('r1', 'a');
  expect(await scrape('hearth_runners')).toEqual({ ...none, 'state="ready"': 1 });
  pool.arrive('q1', 'a');
  expect(await scrape('hearth_runners')).toEqual({ ...none, 'state="busy"': 1 });
  pool.end('q1');
  pool.sleep('o1', 'r1');
  expect(pool.stateOf('r1')).toBe('dozing');
  expect(await scrape('hearth_runners')).toEqual({ ...none, 'state="asleep"': 1 });
  pool.asleep('r1');
  expect(await scrape('hearth_runners')).toEqual({ ...none, 'state="asleep"': 1 });
  pool.exited('r1');
  expect(await scrape('hearth_runners')).toEqual(none);
});

test('hearth_waiting_requests and hearth_memory_used_bytes are those of the pool now', async () => {
  const pool = new PoolDriver();
  const scrape = scraped(pool);
  for (const id of ['q1', 'q2']) pool.arrive(id, 'a');
  expect(await scrape('hearth_waiting_requests')).toEqual({ '': 2 });
  pool.gone('q2');
  expect(await scrape('hearth_waiting_requests')).toEqual({ '': 1 });
  const { ['device="host"']: used = 0 } = await scrape('hearth_memory_used_bytes');
  expect(used).toBeGreaterThan(0);
  pool.up('r1');
  pool.failed('r1');
  pool.exited('r1');
  expect(await scrape('hearth_waiting_requests')).toEqual({ '': 0 });
  expect(await scrape('hearth_memory_used_bytes')).toEqual({ 'device="host"': 0 });
});

test('hearth_trace_spans_total has no sample where nothing is exported', async () => {
  const scrape = scraped(new PoolDriver());
  expect(await scrape('hearth_trace_spans_total')).toEqual({});
});
