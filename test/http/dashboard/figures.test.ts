import { beforeEach, describe, expect, test } from 'vitest';
import { ALL_SCOPES, type KeyBudget, NO_LIMITS } from '../../../gateway/domain/apiKey.ts';
import type { MeasureStats, ReportGroup } from '../../../gateway/domain/reportFigures.ts';
import type { Slo } from '../../../gateway/domain/slo.ts';
import type { KeyTerms } from '../../../gateway/shell/keys/keyControl.ts';
import { row, Visitor } from './visitor.ts';

let visitor: Visitor;
beforeEach(async () => {
  visitor = new Visitor();
  await visitor.logIn();
});

const stats = (each: number, count = 3): MeasureStats => {
  return { count, sum: each * count, p50: each, p90: each, p95: 2 * each, p99: 2 * each };
};

const keyTerms = (name: string, budget: KeyBudget | null): KeyTerms => {
  const free = { scopes: ALL_SCOPES, limits: NO_LIMITS, tags: {}, weight: 1, expiresAtEpochMs: null };
  return { ...free, name, budget };
};

/** What the fake books answer, by the names that are told apart. */
function answerWith(byNames: Readonly<Record<string, readonly ReportGroup[] | null>>): void {
  const { reports } = visitor.world;
  reports.groups = async (query) => {
    reports.asked.push(query);
    const groups = byNames[query.groupBy.join()];
    return groups === undefined ? [] : groups;
  };
}

describe('GET /dashboard/startup', () => {
  test('says where the seconds of starts went, by kind, tier and base', async () => {
    const cold = { start: stats(2_000), stage: stats(1_500), load: stats(500), read: stats(1_200) };
    const attach = { start: stats(10, 10), attach: stats(10, 10) };
    answerWith({
      'start_kind,tier': [
        {
          by: { start_kind: 'cold', tier: 'origin' },
          counters: { stagedBytes: 6 * 1024 ** 3 },
          measures: cold,
        },
        { by: { start_kind: 'attach', tier: null }, counters: {}, measures: attach },
      ],
      'base,start_kind': [{ by: { base: 'tiny-chat', start_kind: 'cold' }, counters: {}, measures: cold }],
    });
    const { html } = await visitor.get('/dashboard/startup?range=7d');
    expect(html.replace(/<[^>]+>/g, '')).toContain(
      '13 starts took 6.10 s in all: stage 73.8 %, load 24.6 %, attach 1.6 %',
    );
    const kinds = row(html, 'cold');
    expect(kinds.slice(1, 5)).toEqual(['their source', '3', '2.00 s', '4.00 s']);
    expect(kinds.slice(6)).toEqual(['stage 75.0 %, load 25.0 %', 'read 1.20 s, 2.0 GiB staged']);
    // The mean start is the scale of all: a cold one takes the whole bar, an attach a two-hundredth.
    expect(html).toMatch(
      /aria-label="attach 10.0 ms"[^>]*><rect class="phase-attach" x="0.0" y="0" width="5.0"/,
    );
    expect(row(html, 'tiny-chat').slice(1, 4)).toEqual(['cold', '3', '6.00 s']);
  });

  test('shows the rest where there are more bases than a report may have', async () => {
    const group = {
      by: { start_kind: 'cold' as const, tier: null },
      counters: {},
      measures: { start: stats(1) },
    };
    answerWith({ 'start_kind,tier': [group], 'base,start_kind': null });
    const { answer, html } = await visitor.get('/dashboard/startup');
    expect(answer.status).toBe(200);
    expect(html).toContain('There are more bases than can be shown at once');
  });
});

describe('GET /dashboard/latency', () => {
  const groups = (of: 'combo' | 'base', names: readonly string[]): ReportGroup[] =>
    names.flatMap((name, index) => [
      { by: { [of]: name, start_kind: 'warm' }, counters: {}, measures: { ttft: stats(10, 100 - index) } },
      { by: { [of]: name, start_kind: 'cold' }, counters: {}, measures: { ttft: stats(2_000, 1) } },
    ]);
  const hours: ReportGroup[] = [
    { by: { hour: 0, start_kind: 'warm' }, counters: { answered: 1 }, measures: { ttft: stats(1) } },
  ];

  test('has cold against warm of each combo, the most asked for first, and says how many more there are', async () => {
    const names = Array.from({ length: 60 }, (_, index) => `combo-${index}`);
    answerWith({ 'hour,start_kind': hours, 'combo,start_kind': groups('combo', names) });
    const { html } = await visitor.get('/dashboard/latency');
    const [, marks, ...cells] = row(html, 'combo-0');
    expect(marks).toBe('warm 10.0 ms to 20.0 mscold 2.00 s to 4.00 s');
    expect(cells).toEqual(['200×', '10.0 ms / 20.0 ms100 requests', '2.00 s / 4.00 s1 request']);
    expect(row(html, 'combo-49')).not.toEqual([]);
    expect(row(html, 'combo-50')).toEqual([]);
    expect(html).toContain('These are the first 50 of 60 combos; 10 more are in the CSV.');
  });

  test('has bases in the place of more combos than a report may have', async () => {
    answerWith({
      'hour,start_kind': hours,
      'combo,start_kind': null,
      'base,start_kind': groups('base', ['tiny-chat']),
    });
    const { answer, html } = await visitor.get('/dashboard/latency');
    expect(answer.status).toBe(200);
    expect(html).toContain('Cold against warm, by base');
    expect(row(html, 'tiny-chat')[2]).toBe('200×');
  });
});

describe('GET /dashboard/evictions', () => {
  test('has what gave way, what it took to get it back, and which share of it', async () => {
    const { reports } = visitor.world;
    const gone = { what: 'base', bytes: 1024 ** 2 } as const;
    reports.gone = [
      { ...gone, atEpochMs: 1, name: 'a' },
      { ...gone, atEpochMs: 5, name: 'b' },
      { what: 'segment', bytes: 7, atEpochMs: 6, name: 'seg' },
    ];
    const start = { kind: 'cold', stagedBytes: 5, uploadBytes: 0 };
    reports.began = [
      { ...start, arrivedAtEpochMs: 3, combo: 'a', base: 'a', tookMs: 3_000 },
      { ...start, arrivedAtEpochMs: 7, combo: 'b', base: 'b', tookMs: 1_000 },
    ];
    const { html } = await visitor.get('/dashboard/evictions');
    expect(row(html, 'a').slice(1)).toEqual(['base', '1', '1.0 MiB', '1', '3.00 s', '75.0 %', '5 B']);
    expect(row(html, 'seg').slice(1)).toEqual(['segment', '1', '7 B', 'not known', '–', '–', '–']);
    expect(html).toContain('3 evictions gave back 2.0 MiB; requests brought back 2, by 4.00 s of starts.');
  });
});

test('GET /dashboard/evictions links to a CSV of all that it says to be in it', async () => {
  const { reports } = visitor.world;
  const gone = (count: number) =>
    Array.from({ length: count }, (_, index) => {
      return { what: 'base' as const, bytes: 1, atEpochMs: index, name: `base-${index}` };
    });
  reports.gone = gone(120);
  const { html } = await visitor.get('/dashboard/evictions');
  expect(html).toContain('These are the first 50 of 120 names; 70 more are in the CSV.');
  const link = /href="([^"]+evictions\.csv[^"]+)"/.exec(html)?.[1]?.replaceAll('&amp;', '&') ?? '';
  expect((await visitor.get(link)).html.trimEnd().split('\r\n')).toHaveLength(121);
  reports.gone = gone(1_001);
  expect((await visitor.get('/dashboard/evictions')).html).toContain('951 more are too many for a CSV');
});

describe('GET /dashboard/spend', () => {
  const used = (key: string, base: string, costMicroUsd: number): ReportGroup => {
    return { by: { key, base }, counters: { answered: 1, costMicroUsd }, measures: {} };
  };

  test('adds up halves of the time where it has more groups than a report may have, and shows the top', async () => {
    const DAY = 86_400_000;
    const { reports } = visitor.world;
    reports.groups = async (query) => {
      reports.asked.push(query);
      const { fromEpochMs, toEpochMs } = query;
      if ((toEpochMs ?? Date.now()) - fromEpochMs > 10 * DAY) return null;
      const all = Array.from({ length: 40 }, (_, index) => used(`key_${index}`, 'tiny-chat', 100 - index));
      return [...all, used(`key_of_${fromEpochMs}`, 'tiny-chat', 1)];
    };
    const { answer, html } = await visitor.get('/dashboard/spend?range=30d');
    expect(answer.status).toBe(200);
    // 30 days are halved to 15 and again: four reads that fit. Their ends are whole days, so that roll-ups are enough.
    const read = reports.asked as { fromEpochMs: number; toEpochMs: number | null }[];
    const fits = read.filter(({ fromEpochMs: from, toEpochMs: to }) => (to ?? Date.now()) - from <= 10 * DAY);
    expect([read.length, fits.length]).toEqual([7, 4]);
    for (const [index, { toEpochMs }] of fits.entries()) {
      expect(toEpochMs).toBe(fits[index + 1]?.fromEpochMs ?? null);
      expect((toEpochMs ?? 0) % DAY).toBe(0);
    }
    expect(row(html, 'key_0').slice(1, 2)).toEqual(['$0.000400']);
    expect(row(html, 'tiny-chat').slice(3, 4)).toEqual(['164']);
    // Forty that are in all quarters, and one more in each.
    expect([...html.matchAll(/<th scope="row">key_of_\d+<\/th>/g)]).toHaveLength(4);
    expect(html).toContain('Of 164 requests.');
  });

  test('says how many more keys there are than it shows', async () => {
    visitor.world.reports.found = Array.from({ length: 70 }, (_, index) =>
      used(`key_${index}`, 'm', 100 - index),
    );
    const { html } = await visitor.get('/dashboard/spend');
    expect(row(html, 'key_49')).not.toEqual([]);
    expect(row(html, 'key_50')).toEqual([]);
    expect(html).toContain('These are the first 50 of 70 keys; 20 more are in the CSV.');
  });

  test('says so where those that it does not show are too many for a CSV', async () => {
    const { reports } = visitor.world;
    reports.groups = async ({ fromEpochMs }) =>
      Array.from({ length: 6_000 }, (_, index) => used(`key_${fromEpochMs}_${index}`, 'm', 1));
    const { html } = await visitor.get('/dashboard/spend?range=30d');
    expect(html).toContain('These are the first 50 of 6,000 keys; 5,950 more are in the CSV.');
    let asked = 0;
    reports.groups = async ({ fromEpochMs }) => {
      asked += 1;
      if (asked === 1) return null;
      return Array.from({ length: 6_000 }, (_, index) => used(`key_${fromEpochMs}_${index}`, 'm', 1));
    };
    expect((await visitor.get('/dashboard/spend?range=30d')).html).toContain(
      'These are the first 50 of 12,000 keys; 11,950 more are too many for a CSV',
    );
  });

  test('tells two keys of the same name apart', async () => {
    const { keys, reports } = visitor.world;
    const ids = [];
    for (let index = 0; index < 2; index += 1) {
      const made = await keys.book.create(keyTerms('twin', null));
      ids.push(made.ok ? made.value.key.id : expect.unreachable());
    }
    reports.found = ids.map((id, index) => used(id, 'm', 5 + index));
    const { html } = await visitor.get('/dashboard/spend');
    const costs = [...html.matchAll(/<th scope="row">twin<\/th><td class="figure">([^<]*)/g)];
    expect(costs.map(([, cost]) => cost)).toEqual(['$0.000006', '$0.000005']);
  });

  test('says what to do where even the shortest time has too many', async () => {
    visitor.world.reports.found = null;
    const { answer, html } = await visitor.get('/dashboard/spend');
    expect(answer.status).toBe(200);
    expect(html).toContain('Choose a shorter time');
    expect(html).toContain('/dashboard/reports/billing.csv?');
    expect(visitor.world.reports.asked.length).toBeLessThanOrEqual(24);
  });

  test('has the budget of each key: who is nearest to the end first, who has none last', async () => {
    const { keys, deps } = visitor.world;
    const make = async (name: string, softMicroUsd: number | null, hardMicroUsd: number | null) => {
      const hasNone = softMicroUsd === null && hardMicroUsd === null;
      const budget = hasNone ? null : { period: 'month' as const, softMicroUsd, hardMicroUsd };
      const made = await keys.book.create(keyTerms(name, budget));
      return made.ok ? made.value.key.id : expect.unreachable();
    };
    const free = await make('free', null, null);
    const half = await make('half', 400_000, 1_000_000);
    const over = await make('over', null, 10);
    await make('gone', null, 10).then((id) => keys.book.remove(id));
    const now = deps.clock.epochMs();
    keys.spend.settle(free, 0, 7, now);
    keys.spend.settle(half, 0, 450_000, now);
    keys.spend.reserve(half, 50_000);
    keys.spend.settle(over, 0, 12, now);
    const { html } = await visitor.get('/dashboard/spend');
    const reset = new Date(now);
    const begins = new Date(Date.UTC(reset.getUTCFullYear(), reset.getUTCMonth() + 1)).toISOString();
    expect(row(html, 'half').slice(1)).toEqual([
      ...['past soft limit', '$1.00 a month', '50.0 % 50.0 %'],
      ...['$0.450000', '$0.050000', '$0.500000', '$0.400000', begins.slice(0, 16).replace('T', ' ')],
    ]);
    expect(row(html, 'over').slice(1, 7)).toEqual([
      ...['used up', '$0.000010 a month', '120.0 % 120.0 %', '$0.000012', '$0.000000', '$0.000000'],
    ]);
    expect(row(html, 'free').slice(1, 5)).toEqual(['ok', 'none', '–', '$0.000007']);
    const order = ['over', 'half', 'free'].map((name) => html.indexOf(`<th scope="row">${name}</th>`));
    expect(order).toEqual(order.toSorted((a, b) => a - b));
    expect(html).not.toContain('<th scope="row">gone</th>');
  });

  test('tells how to make a key where there is none', async () => {
    const { html } = await visitor.get('/dashboard/spend');
    expect(html).toContain('There is no API key');
    expect(html).toContain('hearth keys create');
  });
});

describe('GET /dashboard/slos', () => {
  const SLO: Slo = {
    ...{ id: 'chat-warm', model: 'tiny-chat', combo: null, objective: 'ttft_warm', thresholdMs: 200 },
    ...{ target: 0.9, windowMs: 30 * 86_400_000, countsCold: false },
  };

  test('has what was promised, and both shares: with the requests that waited for a start and without them', async () => {
    const { slos } = visitor.world;
    slos.objectives = [SLO];
    slos.count = () => ({ good: 95, bad: 5, startGood: 0, startBad: 100 });
    const { html } = await visitor.get('/dashboard/slos');
    expect(row(html, 'chat-warm').slice(1)).toEqual([
      ...['tiny-chat', 'first token within 200 ms, over 30 d', '90.0 %', 'ok', '50.0 % 50.0 %'],
      ...['47.5 %', '95.0 %', '95 of 100', '5m 0.5×, 30m 0.5×, 1h 0.5×, 6h 0.5×, 3d 0.5×'],
    ]);
    expect(html).toContain('<strong>95.0 %</strong>');
    expect(html).toContain('/dashboard/reports/slo.csv?');
  });
});

describe('a time that is asked for', () => {
  test('is that of the figures and of their CSV, in UTC', async () => {
    const { html } = await visitor.get('/dashboard/evictions?from=2026-11-01T10:00&to=2026-11-02T10:30');
    const range = { fromEpochMs: Date.UTC(2026, 10, 1, 10), toEpochMs: Date.UTC(2026, 10, 2, 10, 30) };
    expect(visitor.world.reports.asked).toEqual([range]);
    expect(html).toContain('Nothing gave way for want of room from 2026-11-01 10:00 to 2026-11-02 10:30 UTC');
    expect(html).toContain('value="2026-11-01T10:00"');
  });

  test.each([
    ['from=yesterday', 'expected From as'],
    ['from=2026-11-01&to=2026-13-01', 'expected To as'],
    ['from=2026-11-02&to=2026-11-01', 'its end must come after its beginning'],
    ['to=2026-11-01', 'expected From as'],
  ])('and is wrong (%s) is a 400 that says so above the last day', async (query, why) => {
    for (const path of ['latency', 'startup', 'evictions', 'spend', 'keepwarm']) {
      const { answer, html } = await visitor.get(`/dashboard/${path}?${query}`);
      expect([path, answer.status]).toEqual([path, 400]);
      expect(html).toMatch(new RegExp(`role="alert"[^>]*>Cannot show that time: [^<]*${why}`));
      expect(html).toContain('aria-current="true">last 24h');
    }
  });
});

describe('GET /dashboard/reports/{name}.csv', () => {
  test.each(['latency', 'cold_vs_warm', 'startup', 'billing', 'evictions', 'slo'])(
    '%s is the table of the admin API as a file with a name',
    async (name) => {
      const query = 'from=2026-11-01T00:00:00.000Z&to=2026-11-02T10:30:00.000Z';
      visitor.world.reports.gone = [{ what: 'base', bytes: 1, atEpochMs: 1, name: '=1+1' }];
      const { answer, html: csv } = await visitor.get(`/dashboard/reports/${name}.csv?${query}`);
      expect(answer.headers.get('content-type')).toMatch(/^text\/csv/);
      expect(answer.headers.get('content-disposition')).toBe(
        `attachment; filename="hearth-${name}-20261101T000000Z-20261102T103000Z.csv"`,
      );
      const admin = await visitor.app.request(`/admin/v1/reports/${name}?${query}&format=csv`, {
        headers: { authorization: `Bearer ${visitor.world.deps.adminToken}` },
      });
      expect(csv).toBe(await admin.text());
      expect(csv.split('\r\n')[0]).toContain(',');
    },
  );

  test('that cannot be made is a page that says why', async () => {
    visitor.world.reports.found = null;
    const { answer, html } = await visitor.get('/dashboard/reports/billing.csv?from=2026-11-01');
    expect(answer.status).toBe(400);
    expect(answer.headers.get('content-disposition')).toBeNull();
    expect(html).toMatch(/role="alert"[^>]*>Cannot make report: expected at most 10000 rows/);
  });

  test.each(['nope', 'constructor'])('is a 404 for %s', async (name) => {
    expect((await visitor.get(`/dashboard/reports/${name}.csv?from=2026-11-01`)).answer.status).toBe(404);
  });
});
