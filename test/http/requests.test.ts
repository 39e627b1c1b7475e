import { beforeEach, describe, expect, test } from 'vitest';
import { requestId } from '../../gateway/domain/ids.ts';
import { createApp } from '../../gateway/http/app.ts';
import type { HttpApp } from '../../gateway/http/deps.ts';
import { admission, requestRecord } from '../fakes/records.ts';
import { asAdmin } from './asAdmin.ts';
import { type FakeWorld, fakeWorld } from './fakes.ts';

let world: FakeWorld;
let app: HttpApp;
beforeEach(() => {
  world = fakeWorld();
  app = createApp(world.deps);
});

const admin = (method: string, path: string, body?: unknown) => asAdmin(app, method, path, body);

function keep(...ids: string[]): void {
  for (const id of ids) {
    world.ledger.accounts.push({
      record: requestRecord(id),
      admission: admission(id),
      corrections: [],
    });
  }
}

describe('GET /admin/v1/requests', () => {
  test('gives pages, each with the cursor of the next one', async () => {
    keep('r1', 'r2', 'r3');
    const first = (await admin('GET', '/requests?limit=2')).body;
    expect(first).toMatchObject({ object: 'list', data: [{ id: 'r1' }, { id: 'r2' }] });
    const second = (await admin('GET', `/requests?limit=2&cursor=${first.next_cursor}`)).body;
    expect(second).toMatchObject({ data: [{ id: 'r3' }], next_cursor: null });
    expect(world.ledger.asked[1]?.after).toEqual({ arrivedAtEpochMs: 1_700_000_000_000, requestId: 'r2' });
  });

  test('asks the ledger for what the query says', async () => {
    const query = new URLSearchParams({
      from: '2026-11-01T00:00:00Z',
      to: '2026-12-01T02:00:00+02:00',
      combo: 'tiny-chat+pirate',
      key_id: 'key_1',
      status: '429',
      error_code: 'queue_full',
      request_id: 'req_1',
    });
    expect((await admin('GET', `/requests?${query.toString()}`)).status).toBe(200);
    expect(world.ledger.asked[0]).toEqual({
      filter: {
        fromEpochMs: Date.UTC(2026, 10, 1),
        toEpochMs: Date.UTC(2026, 11, 1),
        combo: 'tiny-chat+pirate',
        keyId: 'key_1',
        httpStatus: 429,
        errorCode: 'queue_full',
        requestId: 'req_1',
      },
      after: null,
      limit: 101,
    });
  });

  test.each([
    ['limit=0', 'limit'],
    ['limit=1001', 'limit'],
    ['from=yesterday', 'from'],
    ['status=42', 'status'],
    ['cursor=bm9uZQ', 'cursor'],
  ])('refuses ?%s', async (query, param) => {
    const { status, body } = await admin('GET', `/requests?${query}`);
    expect([status, body.error.param]).toEqual([400, param]);
  });

  test('needs the admin token', async () => {
    expect((await app.request('/admin/v1/requests')).status).toBe(401);
  });
});

test('GET /admin/v1/requests/{id} gives the row with its phases, admission and corrections', async () => {
  keep('r1');
  const { body } = await admin('GET', '/requests/r1');
  expect(body).toMatchObject({
    id: 'r1',
    object: 'request',
    phases_ms: { queue: 0.25, attach: 1.5, prefill: 3, decode: 10.125 },
    admission: { gateway_run: 'run1', most_completion_tokens: 64, reserved_micro_usd: 0 },
    corrections: [],
  });
  expect((await admin('GET', '/requests/r2')).status).toBe(404);
});

describe('POST /admin/v1/requests/{id}/corrections', () => {
  test('adds a correction by the admin', async () => {
    keep('r1');
    const asked = { reason: 'agreed', completion_tokens: -5 };
    const { status, body } = await admin('POST', '/requests/r1/corrections', asked);
    expect(status).toBe(201);
    expect(body).toMatchObject({
      ...asked,
      object: 'correction',
      request_id: requestId('r1'),
      author: 'admin',
      prompt_tokens: 0,
      cost_micro_usd: 0,
    });
    expect(body.id).toMatch(/^cor_/);
  });

  test.each([
    ['no reason', { completion_tokens: -5 }],
    ['no figure', { reason: 'agreed' }],
    ['half a token', { reason: 'agreed', completion_tokens: 0.5 }],
    ['an unknown field', { reason: 'agreed', completion_tokens: 1, author: 'system' }],
  ])('refuses %s', async (_, asked) => {
    keep('r1');
    expect((await admin('POST', '/requests/r1/corrections', asked)).status).toBe(400);
  });

  test('is a 404 for a request that is not in the ledger', async () => {
    const { status } = await admin('POST', '/requests/r9/corrections', { reason: 'x', prompt_tokens: 1 });
    expect(status).toBe(404);
  });
});
