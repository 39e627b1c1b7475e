import { beforeEach, describe, expect, test } from 'vitest';
import { createApp } from '../../gateway/http/app.ts';
import type { HttpApp } from '../../gateway/http/deps.ts';
import { group, stats } from '../reports/builders.ts';
import { ADMIN_TOKEN, type FakeWorld, fakeWorld } from './fakes.ts';

let world: FakeWorld;
let app: HttpApp;
beforeEach(() => {
  world = fakeWorld();
  app = createApp(world.deps);
});

const FROM = Date.UTC(2026, 10, 1);

function get(path: string, headers: Record<string, string> = {}) {
  return app.request(`/admin/v1/reports/${path}`, {
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, ...headers },
  });
}
async function json(path: string) {
  const answer = await get(path);
  return { status: answer.status, body: (await answer.json()) as any };
}

describe('GET /admin/v1/reports/latency', () => {
  test('answers with one row per combo and kind, in order', async () => {
    world.reports.found = [
      group({ combo: null, start_kind: null }, {}, { failedByClient: 2 }),
      group({ combo: 'tiny-chat', start_kind: 'cold' }, { ttft: stats(123.456) }),
      group(
        { combo: 'tiny-chat', start_kind: 'warm' },
        { ttft: stats(2), total: stats(10), tpot: stats(0.51234), prefill: stats(1.5, 2) },
        { answered: 3, aborted: 1, failedByRunner: 1, failedByGateway: 1 },
      ),
      group({ combo: 'other', start_kind: 'warm' }),
    ];
    const { status, body } = await json('latency?from=2026-11-01');
    expect(status).toBe(200);
    expect(body.object).toBe('list');
    expect(body.data.map((row: any) => [row.combo, row.start_kind])).toEqual([
      ['other', 'warm'],
      ['tiny-chat', 'warm'],
      ['tiny-chat', 'cold'],
      [null, null],
    ]);
    expect(body.data[1]).toEqual({
      combo: 'tiny-chat',
      start_kind: 'warm',
      count: 3,
      failed: 2,
      aborted: 1,
      ttft_ms: { p50: 2, p90: 4, p95: 6, p99: 8 },
      total_ms: { p50: 10, p90: 20, p95: 30, p99: 40 },
      tpot_ms: { p50: 0.5123, p90: 1.025, p95: 1.537, p99: 2.049 },
      phases_ms: { prefill: { p50: 1.5, p90: 3, p95: 4.5, p99: 6, count: 2 } },
    });
    expect(body.data[2].ttft_ms.p50).toBe(123.5);
    expect(body.data[3]).toMatchObject({ count: 0, failed: 2, ttft_ms: { p50: null } });
    expect(world.reports.asked).toEqual([
      { cube: 'latency', combo: null, fromEpochMs: FROM, toEpochMs: null, groupBy: ['combo', 'start_kind'] },
    ]);
  });

  test('takes a range in any zone, a combo in any form, and what to group by', async () => {
    const hour = Date.UTC(2026, 10, 2, 7);
    world.reports.found = [group({ hour, joined: true })];
    const path =
      'latency?from=2026-11-01T02:00:00%2B02:00&to=2026-11-03T00:00:00 00:00&combo=tiny-chat:pirate&group_by=hour,joined';
    const { body } = await json(path.replace(' ', '+'));
    expect(world.reports.asked).toEqual([
      {
        cube: 'latency',
        combo: 'tiny-chat+pirate',
        fromEpochMs: FROM,
        toEpochMs: FROM + 2 * 86_400_000,
        groupBy: ['hour', 'joined'],
      },
    ]);
    expect(body.data[0]).toMatchObject({ hour: '2026-11-02T07:00:00Z', joined: true });
  });

  test('keeps the name of a combo that is in no catalogue', async () => {
    await json('latency?from=2026-11-01&combo=gone%2Bold');
    expect(world.reports.asked[0]).toMatchObject({ combo: 'gone+old' });
  });

  test('reads times by key from where they are kept by key', async () => {
    await json('latency?from=2026-11-01&group_by=key,endpoint,day');
    expect(world.reports.asked[0]).toMatchObject({ cube: 'keyLatency', groupBy: ['key', 'endpoint', 'day'] });
  });

  test.each([
    ['no beginning', '', 'from'],
    ['a beginning that is no time', 'from=yesterday', 'from'],
    ['a time without a zone', 'from=2026-11-01T00:00:00', 'from'],
    ['a day that is not', 'from=2026-02-30', 'from'],
    ['an end that is no time', 'from=2026-11-01&to=1', 'to'],
    ['an end before the beginning', 'from=2026-11-01&to=2026-10-01', 'to'],
    ['an end at the beginning', 'from=2026-11-01&to=2026-11-01', 'to'],
    ['an unknown dimension', 'from=2026-11-01&group_by=combo,colour', 'group_by'],
    ['a dimension twice', 'from=2026-11-01&group_by=combo,combo', 'group_by'],
    ['nothing to group by', 'from=2026-11-01&group_by=', 'group_by'],
    ['keys with combos', 'from=2026-11-01&group_by=key,combo', 'group_by'],
    ['keys of a combo', 'from=2026-11-01&group_by=key&combo=tiny-chat', 'group_by'],
    ['an unknown format', 'from=2026-11-01&format=xml', 'format'],
    ['a mistyped parameter', 'from=2026-11-01&groupby=combo', 'groupby'],
  ])('refuses %s, and names the parameter', async (_, query, param) => {
    const { status, body } = await json(`latency?${query}`);
    expect(status).toBe(400);
    expect(body.error.param).toBe(param);
    expect(body.error.message).toContain('Cannot');
    expect(world.reports.asked).toEqual([]);
  });

  test('refuses a report of too many rows', async () => {
    world.reports.found = null;
    const { status, body } = await json('latency?from=2026-11-01');
    expect(status).toBe(400);
    expect(body.error).toMatchObject({
      param: 'group_by',
      message: expect.stringContaining('at most 10000 rows'),
    });
  });

  test('is for who has the admin token', async () => {
    const answer = await app.request('/admin/v1/reports/latency?from=2026-11-01');
    expect(answer.status).toBe(401);
    expect(world.reports.asked).toEqual([]);
  });
});

describe('A report as a table', () => {
  test.each([
    ['format=csv', {}],
    ['', { accept: 'text/csv' }],
  ])('has a line of names and one per row (%s)', async (format, headers: Record<string, string>) => {
    world.reports.found = [
      group({ combo: 'tiny-chat', start_kind: 'warm' }, { ttft: stats(2), decode: stats(7) }),
      group({ combo: 'other', start_kind: null }, {}, { failedByClient: 1 }),
    ];
    const answer = await get(`latency?from=2026-11-01&${format}`.replace(/&$/, ''), headers);
    expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present');
    const text = await answer.text();
    expect(text.endsWith('\r\n')).toBe(true);
    const [names, ...lines] = text.trimEnd().split('\r\n');
    const columns = names!.split(',');
    expect(columns.slice(0, 9)).toEqual([
      'combo',
      'start_kind',
      'count',
      'failed',
      'aborted',
      'ttft_ms_p50',
      'ttft_ms_p90',
      'ttft_ms_p95',
      'ttft_ms_p99',
    ]);
    expect(columns).toContain('phases_ms_decode_count');
    const rows = lines.map((line) =>
      Object.fromEntries(line.split(',').map((cell, at) => [columns[at], cell])),
    );
    expect(rows).toMatchObject([
      { combo: 'other', start_kind: '', count: '0', failed: '1', ttft_ms_p50: '' },
      { combo: 'tiny-chat', start_kind: 'warm', ttft_ms_p99: '8', phases_ms_decode_p50: '7' },
    ]);
  });

  test('has its names also without any row', async () => {
    expect(await (await get('billing?from=2026-11-01&format=csv&group_by=day')).text()).toBe(
      `day,requests,failed_requests,input_tokens,cached_tokens,output_tokens,total_tokens,cost_micro_usd,${[
        'input',
        'cached',
        'output',
        'runner',
        'device',
        'start',
        'corrections',
        'unsplit',
      ]
        .map((part) => `cost_parts_micro_usd_${part}`)
        .join(',')}\r\n`,
    );
  });

  test('quotes what has commas or quotes, and disarms what a spreadsheet would run', async () => {
    world.reports.tags.set('key_a', { team: 'a, "b"' });
    world.reports.tags.set('key_b', { '=cmd|/c': 'calc' });
    world.reports.found = [group({ key: 'key_a' }), group({ key: 'key_b' })];
    world.reports.corrected = [
      {
        key: 'key_b',
        combo: null,
        base: null,
        dayEpochMs: FROM,
        promptTokens: -5,
        cachedTokens: 0,
        completionTokens: 0,
        costMicroUsd: -4,
      },
    ];
    const text = await (await get('billing?from=2026-11-01&format=csv&group_by=tag')).text();
    expect(text.split('\r\n').slice(1, 3)).toEqual([
      "'=cmd|/c=calc,3,0,-5,0,0,-5,-4,0,0,0,0,0,0,-4,0",
      '"team=a, ""b""",3,0,0,0,0,0,0,0,0,0,0,0,0,0,0',
    ]);
  });
});

describe('GET /admin/v1/reports/cold_vs_warm', () => {
  test('has the kinds of a combo side by side', async () => {
    world.reports.found = [
      group({ combo: 'tiny-chat', start_kind: 'warm' }, { ttft: stats(2), total: stats(9) }),
      group(
        { combo: 'tiny-chat', start_kind: 'cold' },
        { ttft: stats(500), total: stats(600) },
        { answered: 4 },
      ),
      group({ combo: null, start_kind: null }, {}, { failedByClient: 9 }),
    ];
    const { body } = await json('cold_vs_warm?from=2026-11-01');
    expect(body.data).toHaveLength(1);
    expect(body.data[0]).toMatchObject({
      combo: 'tiny-chat',
      warm: { count: 3, ttft_ms: { p50: 2 }, total_ms: { p99: 36 } },
      attach: null,
      cold: { count: 4, ttft_ms: { p50: 500 } },
      cold_to_warm: 250,
    });
  });
});

describe('GET /admin/v1/reports/startup', () => {
  test('says what share of the time each phase has', async () => {
    const { load, context } = { load: stats(750, 2), context: stats(250, 2) };
    world.reports.found = [
      group(
        { start_kind: 'cold', tier: 'origin' },
        { start: stats(1000, 2), load, context, read: stats(400, 2) },
        { answered: 2, stagedBytes: 4000 },
      ),
    ];
    const { body } = await json('startup?from=2026-11-01');
    expect(world.reports.asked[0]).toMatchObject({ cube: 'starts', groupBy: ['start_kind', 'tier'] });
    expect(body.data).toEqual([
      {
        start_kind: 'cold',
        tier: 'origin',
        count: 2,
        total_ms: { count: 2, sum: 2000, p50: 1000, p90: 2000, p95: 3000, p99: 4000 },
        phases_ms: {
          load: { share: 0.75, count: 2, sum: 1500, p50: 750, p90: 1500, p95: 2250, p99: 3000 },
          context: { share: 0.25, count: 2, sum: 500, p50: 250, p90: 500, p95: 750, p99: 1000 },
        },
        detail_ms: { read: { count: 2, sum: 800, p50: 400, p90: 800, p95: 1200, p99: 1600 } },
        staged_bytes: 4000,
        upload_bytes: 0,
      },
    ]);
  });
});

describe('GET /admin/v1/reports/billing', () => {
  const used = {
    answered: 2,
    aborted: 1,
    promptTokens: 100,
    cachedTokens: 40,
    completionTokens: 10,
    costMicroUsd: 7,
    inputMicroUsd: 3,
    outputMicroUsd: 2,
    startMicroUsd: 1,
  };

  test('has sums by key, corrections among them', async () => {
    world.reports.found = [group({ key: 'key_a' }, {}, used), group({ key: null }, {}, { answered: 1 })];
    world.reports.corrected = [
      {
        key: 'key_a',
        combo: 'tiny-chat',
        base: 'tiny-chat',
        dayEpochMs: FROM,
        promptTokens: -30,
        cachedTokens: -10,
        completionTokens: -1,
        costMicroUsd: -2,
      },
    ];
    const { body } = await json('billing?from=2026-11-01');
    expect(body.data).toEqual([
      {
        key: 'key_a',
        requests: 2,
        failed_requests: 1,
        input_tokens: 70,
        cached_tokens: 30,
        output_tokens: 9,
        total_tokens: 79,
        cost_micro_usd: 5,
        cost_parts_micro_usd: {
          input: 3,
          cached: 0,
          output: 2,
          runner: 0,
          device: 0,
          start: 1,
          corrections: -2,
          unsplit: 1,
        },
      },
      expect.objectContaining({ key: null, requests: 1, total_tokens: 0 }),
    ]);
  });

  test('counts a key for each of its tags, and keys without any apart', async () => {
    world.reports.tags.set('key_a', { team: 'search', project: 'x' });
    world.reports.tags.set('key_b', { team: 'search' });
    const day = FROM + 86_400_000;
    world.reports.found = [
      group({ key: 'key_a', base: 'tiny-chat', day }, {}, used),
      group({ key: 'key_b', base: 'tiny-chat', day }, {}, used),
      group({ key: null, base: 'other', day }, {}, used),
    ];
    const { body } = await json('billing?from=2026-11-01&group_by=day,tag,model');
    expect(world.reports.asked[0]).toMatchObject({ cube: 'usage', groupBy: ['day', 'key', 'base'] });
    expect(body.data.map((row: any) => [row.day, row.tag, row.model, row.input_tokens])).toEqual([
      ['2026-11-02', 'project=x', 'tiny-chat', 100],
      ['2026-11-02', 'team=search', 'tiny-chat', 200],
      ['2026-11-02', null, 'other', 100],
    ]);
  });
});

describe('GET /admin/v1/reports/evictions', () => {
  test('has what cost most to get back first, up to the limit', async () => {
    const start = { combo: 'b+x', base: 'b', stagedBytes: 5, uploadBytes: 7 };
    world.reports.gone = [
      { atEpochMs: 10, what: 'base', name: 'b', bytes: 100 },
      { atEpochMs: 11, what: 'combo', name: 'b+x', bytes: 10 },
      { atEpochMs: 30, what: 'combo', name: 'b+x', bytes: 10 },
      { atEpochMs: 50, what: 'segment', name: 'k', bytes: 1 },
    ];
    world.reports.began = [
      { ...start, arrivedAtEpochMs: 5, kind: 'cold', tookMs: 9999 },
      { ...start, arrivedAtEpochMs: 20, kind: 'staged', tookMs: 300 },
      { ...start, arrivedAtEpochMs: 21, kind: 'staged', tookMs: 9999 },
      { ...start, arrivedAtEpochMs: 40, kind: 'attach', tookMs: 2 },
      { ...start, arrivedAtEpochMs: 41, kind: 'attach', tookMs: 9999 },
    ];
    const none = { reloads: null, reload_ms: null, reload_bytes: null };
    const rows = [
      {
        what: 'base',
        name: 'b',
        evictions: 1,
        evicted_bytes: 100,
        reloads: 1,
        reload_ms: 300,
        reload_bytes: 12,
      },
      {
        what: 'combo',
        name: 'b+x',
        evictions: 2,
        evicted_bytes: 20,
        reloads: 1,
        reload_ms: 2,
        reload_bytes: 12,
      },
      { what: 'segment', name: 'k', evictions: 1, evicted_bytes: 1, ...none },
    ];
    expect((await json('evictions?from=2026-11-01')).body.data).toEqual(rows);
    expect((await json('evictions?from=2026-11-01&limit=1')).body.data).toEqual(rows.slice(0, 1));
  });

  test('refuses a limit that is none', async () => {
    const { status, body } = await json('evictions?from=2026-11-01&limit=0');
    expect([status, body.error.param]).toEqual([400, 'limit']);
  });
});
