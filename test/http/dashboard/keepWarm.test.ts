import { beforeEach, describe, expect, test } from 'vitest';
import { fail, ok } from '../../../gateway/domain/errors.ts';
import { ttlCurve } from '../../../gateway/reports/replay/ttlCurve.ts';
import { SETTINGS } from '../../pool/builders.ts';
import { csrfOf, row, Visitor } from './visitor.ts';

const HOUR = 3_600_000;
const PATH = '/dashboard/keepwarm?range=24h&wait=0';

let visitor: Visitor;
let csrf: string;
beforeEach(async () => {
  visitor = new Visitor();
  await visitor.logIn();
  csrf = csrfOf((await visitor.get('/dashboard/keepwarm')).html);
});

/** Ten requests, half an hour apart, for a combo that takes a second to start. */
function record(): void {
  const combo = { combo: 'tiny-chat', base: 'tiny-chat', requests: 10, starts: 4, waitedMs: 4_000 };
  visitor.world.keepWarm.recorded = {
    found: 12,
    combos: [{ ...combo, startMicroUsd: 40, baseMs: 990, attachMs: 10 }],
    atEpochMs: Float64Array.from({ length: 10 }, (_, index) => 1e12 + (index * HOUR) / 2),
    combo: new Uint32Array(10),
    durationMs: new Float64Array(10).fill(100),
  };
}

const ask = (fields: Record<string, string> = {}) =>
  visitor.post('/dashboard/keepwarm', { csrf, range: '24h', wait: '0', ...fields });

/** A replay that takes until `end` is called. */
function holdReplay() {
  const { keepWarm } = visitor.world;
  const begun: { end: () => void }[] = [];
  keepWarm.replay = (trace, ttlsMs) =>
    new Promise((resolve) => {
      begun.push({ end: () => resolve(ok(ttlCurve({ trace, ttlsMs, settings: SETTINGS }))) });
    });
  return begun;
}

describe('the keep-warm page', () => {
  test('replays nothing before somebody asks for it', async () => {
    const begun = holdReplay();
    const { html } = await visitor.get(PATH);
    expect(html).toContain('Nothing is worked out yet');
    expect(html).toContain('Work it out</button>');
    expect(begun).toHaveLength(0);
  });

  test('answers while a replay goes on, begins it once, and shows it when it is there', async () => {
    record();
    const begun = holdReplay();
    const { answer } = await ask();
    expect([answer.status, answer.headers.get('location')]).toEqual([303, PATH]);
    const working = (await visitor.get(PATH)).html;
    expect(working).toContain('data-working');
    expect(working).toContain('are being replayed…');
    expect(working).toContain('Look again');
    await ask();
    expect(begun).toHaveLength(1);
    begun[0]?.end();
    await expect.poll(async () => (await visitor.get(PATH)).html).not.toContain('data-working');
    const { html } = await visitor.get(PATH);
    expect(html).toMatch(/Worked out at [^<]* of the last 10 of 12 requests over 4\.5 hours\./);
    // Best, set, saved, requests, starts, waited, cost of starts, held.
    expect(row(html, 'tiny-chat').slice(1, 9)).toEqual([
      ...['–', '5 min', '–', '10', '4', '4.00 s', '$0.000040', '1000 B'],
    ]);
    expect(row(html, 'at once').slice(3, 5)).toEqual(['10', '10.0 s']);
    expect(row(html, '1 h')[3]).toBe('1');
    expect(html).toContain('there is nothing to weigh');
  });

  test('says which time is best by the prices, and what it would have saved', async () => {
    record();
    const start = { cold: 0.01 };
    const book = { startPolicy: 'initiator' as const, models: {}, adapters: {} };
    await visitor.world.deps.prices.set({ ...book, default: { deviceGbSecond: 0.000001, start } }, 'api');
    await ask();
    await expect.poll(async () => (await visitor.get(PATH)).html).toContain('Worked out at');
    const { html } = await visitor.get(PATH);
    const [, best, set, saved] = row(html, 'tiny-chat');
    // Nine starts of ten, one cent each, are saved by an hour.
    expect([best, set, saved]).toEqual(['1 h', '5 min', '$0.090000']);
    expect(html).toMatch(/<th scope="row"><span class="state-ok">1 h \(best\)/);
    expect(html).not.toContain('there is nothing to weigh');
    expect(html).toMatch(/<rect class="cost-starts" x="[\d.]+" y="0" width="[\d.]+"/);
  });

  test('has the table of the admin API as a file, of what was worked out', async () => {
    record();
    const { answer: early } = await visitor.get('/dashboard/keepwarm.csv?range=24h&wait=0');
    expect([early.status, early.headers.get('location')]).toEqual([303, PATH]);
    await ask();
    await expect.poll(async () => (await visitor.get(PATH)).html).toContain('Worked out at');
    const { answer, html: csv } = await visitor.get('/dashboard/keepwarm.csv?range=24h&wait=0');
    expect(answer.headers.get('content-disposition')).toMatch(
      /^attachment; filename="hearth-keepwarm-\d{8}T\d{6}Z-\d{8}T\d{6}Z\.csv"$/,
    );
    const lines = csv.trimEnd().split('\r\n');
    expect(lines[0]).toMatch(/^combo,ttl_s,is_best,cold_starts/);
    expect(lines.slice(1).map((line) => line.split(',').slice(0, 2).join())).toEqual([
      ...['tiny-chat,0', 'tiny-chat,60', 'tiny-chat,300', 'tiny-chat,900', 'tiny-chat,3600'],
      ...['tiny-chat,14400', 'tiny-chat,'],
    ]);
  });

  test('says why a replay failed', async () => {
    record();
    visitor.world.keepWarm.replay = async () =>
      fail('invalid_request', 'Cannot replay: ask for a shorter time');
    await ask();
    await expect.poll(async () => (await visitor.get(PATH)).html).toContain('The replay failed.');
    expect((await visitor.get(PATH)).html).toMatch(/role="alert"[^>]*>Cannot replay: ask for a shorter time/);
    visitor.world.keepWarm.replay = async () => Promise.reject(new Error('a secret of the thread'));
    await ask();
    await expect.poll(async () => (await visitor.get(PATH)).html).toContain('its log says more');
    expect((await visitor.get(PATH)).html).not.toContain('a secret');
    expect(visitor.world.errors).toEqual([{ error: 'a secret of the thread' }]);
  });

  test('tells apart what a second of waiting is worth, and refuses what is no amount', async () => {
    record();
    await ask({ wait: '0.5' });
    const other = '/dashboard/keepwarm?range=24h&wait=0.5';
    await expect.poll(async () => (await visitor.get(other)).html).toContain('Worked out at');
    expect((await visitor.get(PATH)).html).toContain('Nothing is worked out yet');
    for (const wait of ['-1', 'much', '1000001'])
      expect([wait, (await ask({ wait })).answer.status]).toEqual([wait, 400]);
  });

  test('begins at most 16 replays at the same time, and forgets the oldest that is done', async () => {
    record();
    const begun = holdReplay();
    for (let wait = 1; wait <= 16; wait += 1)
      expect((await ask({ wait: String(wait) })).answer.status).toBe(303);
    const refused = await ask({ wait: '17' });
    expect(refused.answer.status).toBe(429);
    expect(refused.html).toMatch(/role="alert"[^>]*>Cannot begin a replay/);
    await expect.poll(() => begun.length).toBe(16);
    begun[0]?.end();
    const first = '/dashboard/keepwarm?range=24h&wait=1';
    await expect.poll(async () => (await visitor.get(first)).html).toContain('Worked out at');
    expect((await ask({ wait: '17' })).answer.status).toBe(303);
    expect((await visitor.get(first)).html).toContain('Nothing is worked out yet');
  });

  test('begins none for a form that another page sent', async () => {
    const begun = holdReplay();
    const { answer } = await visitor.post('/dashboard/keepwarm', {
      csrf: 'guessed',
      range: '24h',
      wait: '0',
    });
    expect(answer.status).toBe(403);
    expect(begun).toHaveLength(0);
  });
});
