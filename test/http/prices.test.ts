import { beforeEach, describe, expect, test } from 'vitest';
import { createApp } from '../../gateway/http/app.ts';
import type { HttpApp } from '../../gateway/http/deps.ts';
import { asAdmin } from './asAdmin.ts';
import { type FakeWorld, fakeWorld } from './fakes.ts';

let world: FakeWorld;
let app: HttpApp;
beforeEach(() => {
  world = fakeWorld();
  app = createApp(world.deps);
});

async function call(method: string, path: string, body?: unknown): Promise<{ status: number; json: any }> {
  const answer = await asAdmin(app, method, path, body);
  return { status: answer.status, json: answer.body };
}

const BOOK = {
  start_policy: 'shared',
  default: { input_per_million: 0.15, output_per_million: 0.6, start: { cold: 0.01 } },
  adapters: { json: { output_per_million: 0.1 } },
};

describe('/admin/v1/prices', () => {
  test('are free before any were set', async () => {
    const { json } = await call('GET', '/prices');
    expect(json.data).toEqual([
      {
        object: 'price_book',
        version: 0,
        current: true,
        author: null,
        created: null,
        start_policy: 'initiator',
        default: {},
        models: {},
        adapters: {},
      },
    ]);
  });

  test('get a version with each change, and none without', async () => {
    expect(await call('POST', '/prices', BOOK)).toMatchObject({
      status: 201,
      json: { version: 1, current: true, author: 'api', ...BOOK, models: {} },
    });
    expect(await call('POST', '/prices', BOOK)).toMatchObject({ status: 200, json: { version: 1 } });
    expect((await call('POST', '/prices', {})).json).toMatchObject({ version: 2, start_policy: 'initiator' });
    expect((await call('GET', '/prices/1')).json).toMatchObject({ version: 1, current: false, ...BOOK });
    expect((await call('GET', '/prices/current')).json.version).toBe(2);
    expect((await call('GET', '/prices')).json.data.map(({ version }: any) => version)).toEqual([2, 1, 0]);
    expect(world.events.filter(({ type }) => type === 'prices_changed')).toHaveLength(2);
  });

  test.each([
    [{ default: { input_per_million: -1 } }, 'default.input_per_million'],
    [{ default: { start: { warm: 1 } } }, 'warm'],
    [{ start_policy: 'nobody' }, 'start_policy'],
    [{ price: 1 }, 'price'],
  ])('refuse %j', async (body, named) => {
    const { status, json } = await call('POST', '/prices', body);
    expect(status).toBe(400);
    expect(JSON.stringify(json.error)).toContain(named);
    expect((await call('GET', '/prices')).json.data).toHaveLength(1);
  });

  test('have no version that was never set', async () => {
    expect(await call('GET', '/prices/7')).toMatchObject({
      status: 404,
      json: { error: { code: 'not_found' } },
    });
  });
});

describe('/admin/v1/ledger/check', () => {
  test('tells what differs, over all versions of the prices', async () => {
    await call('POST', '/prices', BOOK);
    const { json } = await call('GET', '/ledger/check?from=2026-11-01&to=2026-12-01T00:00:00%2B01:00');
    expect(json).toEqual({
      object: 'ledger_check',
      from: '2026-11-01T00:00:00.000Z',
      to: '2026-11-30T23:00:00.000Z',
      requests: 3,
      recorded_micro_usd: 42,
      recomputed_micro_usd: 40,
      differing: 1,
      examples: [{ id: 'q1', recorded_micro_usd: 12, recomputed_micro_usd: 10 }],
      starts: 2,
      starts_differing: 0,
    });
    expect(Object.keys(world.costs.asked[0]?.books ?? {})).toEqual(['0', '1']);
  });

  test.each(['', '?from=yesterday'])('needs a time to begin at: %s', async (query) => {
    expect((await call('GET', `/ledger/check${query}`)).status).toBe(400);
  });
});
