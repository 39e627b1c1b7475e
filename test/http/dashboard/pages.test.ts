import { beforeEach, describe, expect, test } from 'vitest';
import { comboName } from '../../../gateway/domain/ids.ts';
import type { RequestRecord } from '../../../gateway/domain/requestRecord.ts';
import { requestRecord } from '../../fakes/records.ts';
import { csrfOf, row, Visitor } from './visitor.ts';

let visitor: Visitor;
beforeEach(async () => {
  visitor = new Visitor();
  await visitor.logIn();
});

function remember(id: string, changes: Partial<RequestRecord>): void {
  const record = requestRecord(id, { arrivedAtEpochMs: Date.now(), ...changes });
  visitor.world.ledger.accounts.push({ record, admission: null, corrections: [] });
}

describe('GET /dashboard', () => {
  test('says what to do while there is nothing', async () => {
    const { html } = await visitor.get('/dashboard');
    expect(html).toContain('curl -i http://127.0.0.1:8080/v1/chat/completions');
    expect(html).toContain('Nothing is pinned');
    expect(html).toContain('No start since this gateway runs');
  });

  test('shows requests with their phases as a bar, their kind and what they cost', async () => {
    remember('q1', {
      startKind: 'cold',
      joined: true,
      phasesMs: { queue: 10, load: 30, decode: 60 },
      totalMs: 100,
    });
    const { html } = await visitor.get('/dashboard');
    expect(html).toContain('aria-label="queue 10.0 ms, load 30.0 ms, decode 60.0 ms"');
    expect(html).toMatch(/<rect class="phase-load" x="100.0" y="0" width="300.0"/);
    expect(html).toContain('cold, joined');
    expect(html).toContain('$0.000019');
  });

  test('shows a start as it goes, by what the pool tells', async () => {
    const { feed } = visitor.world;
    const at = { atEpochMs: 0, runnerId: 'r_1' };
    feed.append({ ...at, type: 'runner_spawned', combo: 'tiny-chat' });
    expect(row((await visitor.get('/dashboard/live')).html, 'tiny-chat')).toContain('loading');
    feed.append({ ...at, type: 'combo_ready', combo: 'tiny-chat' });
    expect(row((await visitor.get('/dashboard/live')).html, 'tiny-chat')).toContain('ready');
  });

  test('shows what of its sequences and KV cells a runner uses', async () => {
    const runner = {
      id: 'r_1',
      pid: 7,
      state: 'busy' as const,
      base: 'tiny-chat',
      combos: ['tiny-chat'],
      sequences: { 'tiny-chat': 4 },
      device: 'cpu',
      memory: { weight_bytes: 1, kv_bytes: 2, compute_bytes: 3, device_bytes: 0, resident_bytes: null },
      upload: null,
      counters: {},
      occupancy: { sequences: { used: 1, possible: 4 }, kv_cells: { used: 512, possible: 2048 }, mean: null },
      threads: 2,
      active_requests: 1,
      started_at: '2026-01-01T00:00:00.000Z',
    };
    const standby = { ...runner, id: 'r_2', state: 'standby' as const, base: null, occupancy: null };
    visitor.world.pool.runners = async () => [runner, standby];
    const { html } = await visitor.get('/dashboard');
    expect(row(html, 'r_1').slice(6)).toEqual(['1', '1 of 4', '25.0 % of 2048', '7']);
    expect(row(html, 'r_2').slice(6)).toEqual(['1', '–', '–', '7']);
  });

  test('shows budgets, and writes names as text', async () => {
    visitor.world.pool.budgets = () => [
      { kind: 'device', name: '<b>CUDA0', usedBytes: 1024 ** 3, limitBytes: 4 * 1024 ** 3 },
    ];
    const { html } = await visitor.get('/dashboard');
    expect(html).toContain('Device: &lt;b&gt;CUDA0');
    expect(html).toContain('1.0 GiB');
    expect(html).toContain('25.0 %');
  });
});

describe('pins', () => {
  const PIN = { combo: 'tiny-chat:pirate', level: 'ready', count: '2' };

  test('are set by a form of this session, for as many hours as it says, and removed', async () => {
    const { html } = await visitor.get('/dashboard');
    const before = Date.now();
    const { answer } = await visitor.post('/dashboard/pins', { ...PIN, hours: '2', csrf: csrfOf(html) });
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/dashboard']);
    const pin = visitor.world.pins.get(comboName('tiny-chat+pirate'));
    expect(pin).toMatchObject({ level: 'ready', count: 2 });
    expect((pin?.untilEpochMs ?? 0) - before).toBeGreaterThanOrEqual(7_200_000);
    expect(row((await visitor.get('/dashboard')).html, 'tiny-chat+pirate')).toContain('0 of 2');
    const removal = { combo: 'tiny-chat+pirate', csrf: csrfOf(html) };
    expect((await visitor.post('/dashboard/pins/remove', removal)).answer.status).toBe(303);
    expect(visitor.world.pins.pins.size).toBe(0);
  });

  test('that have no room are a 409 with the arithmetic', async () => {
    const csrf = csrfOf((await visitor.get('/dashboard')).html);
    const { answer, html } = await visitor.post('/dashboard/pins', { ...PIN, count: '9', csrf });
    expect(answer.status).toBe(409);
    expect(html).toContain('It needs 900 B of memory, which is 800 B: 100 B too much.');
    expect(html).toContain('value="tiny-chat:pirate"');
  });

  test.each([
    ['an unknown model', { combo: 'nope' }, 404],
    ['no level', { level: 'hot' }, 400],
    ['half a runner', { count: '0.5' }, 400],
    ['a negative time', { hours: '-1' }, 400],
    ['words for hours', { hours: 'many' }, 400],
  ])('of %s are refused in words', async (_, changes, status) => {
    const csrf = csrfOf((await visitor.get('/dashboard')).html);
    const { answer, html } = await visitor.post('/dashboard/pins', { ...PIN, ...changes, csrf });
    expect(answer.status).toBe(status);
    expect(html).toMatch(/role="alert"[^>]*>Cannot /);
    expect(visitor.world.pins.pins.size).toBe(0);
  });

  test.each([
    ['without the token', {}, { 'sec-fetch-site': 'same-origin' }],
    ['with another token', { csrf: 'guessed' }, { 'sec-fetch-site': 'same-origin' }],
  ])('are not set by a form %s', async (_, fields: Record<string, string>, headers) => {
    const { answer } = await visitor.post('/dashboard/pins', { ...PIN, ...fields }, headers);
    expect(answer.status).toBe(403);
    expect(visitor.world.pins.pins.size).toBe(0);
  });

  test('are not set by another site, even with the token', async () => {
    const csrf = csrfOf((await visitor.get('/dashboard')).html);
    const headers = { 'sec-fetch-site': 'same-site' };
    expect((await visitor.post('/dashboard/pins', { ...PIN, csrf }, headers)).answer.status).toBe(403);
    expect(visitor.world.pins.pins.size).toBe(0);
  });
});

describe('figures', () => {
  const stats = (p50: number, count = 3) => ({
    count,
    sum: p50 * count,
    p50,
    p90: p50,
    p95: 2 * p50,
    p99: 2 * p50,
  });

  test('of the last hour are by the minute and start kind, of answered requests alone', async () => {
    for (const [index, ttftMs] of [10, 20, 30].entries())
      remember(`w${index}`, {
        startKind: 'warm',
        joined: false,
        ttftMs,
        arrivedAtEpochMs: 1_700_000_000_000,
      });
    remember('c', { startKind: 'cold', ttftMs: 2_500, arrivedAtEpochMs: 1_700_000_000_000 });
    remember('f', { startKind: 'cold', errorCode: 'runner_died', arrivedAtEpochMs: 1_700_000_000_000 });
    const { html } = await visitor.get('/dashboard/latency?range=1h');
    const cells = row(html, '2023-11-14 22:13:00').slice(1);
    expect(cells).toEqual(['3', '20.0 ms', '20.0 ms', '1', '2.50 s', '2.50 s']);
  });

  test('of longer ranges are by hour or day, out of the roll-ups', async () => {
    const hour = 1_700_000_000_000 - (1_700_000_000_000 % 3_600_000);
    visitor.world.reports.found = [
      {
        by: { hour, start_kind: 'cold', joined: false },
        counters: { answered: 4 },
        measures: { ttft: stats(2_000), load: stats(1_000, 2) },
      },
    ];
    const { html } = await visitor.get('/dashboard/latency?range=7d');
    expect(row(html, '2023-11-14 22:00:00').slice(1)).toEqual(['3', '2.00 s', '4.00 s']);
    expect(row(html, 'cold').slice(1, 4)).toEqual(['3', '2.00 s', '4.00 s']);
    expect(html).toContain('aria-label="load 500 ms"');
    expect(visitor.world.reports.asked).toMatchObject([
      { cube: 'latency', groupBy: ['start_kind', 'joined'] },
      { cube: 'latency', groupBy: ['hour', 'start_kind'] },
      { cube: 'latency', groupBy: ['combo', 'start_kind'] },
    ]);
  });

  test('of spend are by key and by model, with what was corrected', async () => {
    const used = {
      answered: 2,
      promptTokens: 1_500,
      cachedTokens: 6,
      completionTokens: 40,
      costMicroUsd: 48,
    };
    const { reports } = visitor.world;
    reports.found = [
      { by: { key: 'key_1', base: 'tiny-chat' }, counters: used, measures: {} },
      { by: { key: null, base: 'other' }, counters: { failedByRunner: 1, costMicroUsd: 19 }, measures: {} },
      { by: { key: null, base: null }, counters: { failedByClient: 7 }, measures: {} },
    ];
    const credit = { promptTokens: -500, cachedTokens: 0, completionTokens: 0, costMicroUsd: -10 };
    reports.corrected = [{ key: 'key_1', combo: 'tiny-chat', base: 'tiny-chat', dayEpochMs: 0, ...credit }];
    const { html } = await visitor.get('/dashboard/spend');
    expect(row(html, 'key_1').slice(1)).toEqual(['$0.000038', '66.7 %', '2', '1,000', '6', '40']);
    expect(row(html, 'other').slice(1, 4)).toEqual(['$0.000019', '33.3 %', '1']);
    expect(row(html, 'without a key · other')[1]).toBe('$0.000019');
    expect(html).toContain('Of 3 requests.');
    expect(html).toContain('There is no price book');
  });

  test('that were not made say so', async () => {
    expect((await visitor.get('/dashboard/latency')).html).toContain(
      'No answered request in the last 24h. Choose',
    );
    expect((await visitor.get('/dashboard/spend?range=1h')).html).toContain(
      'Nothing was asked for in the last 1h.',
    );
    expect((await visitor.get('/dashboard/slos')).html).toMatch(/objective/);
  });
});

test('GET /dashboard/assets/{name} has the files of the package and no other', async () => {
  for (const name of ['nope.js', '..%2Froutes.tsx', 'constructor'])
    expect((await visitor.get(`/dashboard/assets/${name}`)).answer.status).toBe(404);
});
