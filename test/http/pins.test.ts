import { beforeEach, describe, expect, test } from 'vitest';
import { fail } from '../../gateway/domain/errors.ts';
import { createApp } from '../../gateway/http/app.ts';
import type { HttpApp } from '../../gateway/http/deps.ts';
import { asAdmin } from './asAdmin.ts';
import { ADMIN_TOKEN, type FakeWorld, fakeWorld } from './fakes.ts';

let world: FakeWorld;
let app: HttpApp;
beforeEach(() => {
  world = fakeWorld();
  app = createApp(world.deps);
});

const admin = (method: string, path: string, body?: unknown) => asAdmin(app, method, path, body);

describe('PUT /admin/v1/pins/{combo}', () => {
  test('answers with the pin under its canonical name, however the combo was written', async () => {
    const { status, body } = await admin('PUT', '/pins/tiny-chat:pirate', { level: 'ready' });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      object: 'pin',
      combo: 'tiny-chat+pirate',
      level: 'ready',
      count: 1,
      until: null,
    });
    expect((await admin('GET', '/pins')).body).toEqual({ object: 'list', data: [body] });
    expect((await admin('GET', '/pins/tiny-chat%2Bpirate')).body).toEqual(body);
  });

  test('takes level, count and an end in any zone', async () => {
    const asked = { level: 'staged', count: 2, until: '2099-12-01T02:00:00+02:00' };
    const { body } = await admin('PUT', '/pins/other', asked);
    expect(body).toMatchObject({ ...asked, until: '2099-12-01T00:00:00.000Z' });
  });

  test.each([
    ['no level', {}, 'level'],
    ['an unknown level', { level: 'hot' }, 'level'],
    ['a count of zero', { level: 'ready', count: 0 }, 'count'],
    ['a count of a half', { level: 'ready', count: 1.5 }, 'count'],
    ['no time', { level: 'ready', until: 'tomorrow' }, 'until'],
    ['a day without a time', { level: 'ready', until: '2099-12-01' }, 'until'],
    ['a time that is over', { level: 'ready', until: '2020-01-01T00:00:00Z' }, 'until'],
    ['an unknown field', { level: 'ready', forever: true }, 'forever'],
  ])('refuses %s and pins nothing', async (_, asked, param) => {
    const { status, body } = await admin('PUT', '/pins/tiny-chat', asked);
    expect(status).toBe(400);
    expect(body).toMatchObject({ error: { param } });
    expect(world.pins.pins.size).toBe(0);
  });

  test.each([9, 1e9, 1e30])('gives the arithmetic for a count of %d', async (count) => {
    const { status, body } = await admin('PUT', '/pins/tiny-chat', { level: 'ready', count });
    expect(status).toBe(409);
    expect(body).toMatchObject({
      error: { code: 'conflict', needed_bytes: count * 100, budget_bytes: 800, in_use: [], pinned: [] },
    });
  });

  test.each(['1e308', '1e999'])('gives numbers for a count of %s', async (count) => {
    const answer = await app.request('/admin/v1/pins/tiny-chat', {
      method: 'PUT',
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
      body: `{"level":"ready","count":${count}}`,
    });
    expect(answer.status).toBe(409);
    expect(await answer.json()).toMatchObject({ error: { code: 'conflict', needed_bytes: 1e202 } });
  });

  test('says in words what an end looks like', async () => {
    const { body } = await admin('PUT', '/pins/tiny-chat', { level: 'ready', until: 'tomorrow' });
    expect(body.error.message).toBe(
      'Cannot read request: `until`: expected a time such as "2026-12-01T00:00:00Z", got string',
    );
  });

  test('of an unknown model is a 404', async () => {
    const { status, body } = await admin('PUT', '/pins/nope', { level: 'ready' });
    expect([status, body.error.code]).toEqual([404, 'model_not_found']);
  });
});

describe('DELETE and GET /admin/v1/pins/{combo}', () => {
  test('ends a pin, after which there is none', async () => {
    await admin('PUT', '/pins/tiny-chat', { level: 'ready' });
    const { status, body } = await admin('DELETE', '/pins/tiny-chat');
    expect([status, body]).toEqual([200, { id: 'tiny-chat', object: 'pin', deleted: true }]);
    expect((await admin('DELETE', '/pins/tiny-chat')).status).toBe(404);
    expect((await admin('GET', '/pins/tiny-chat')).body).toMatchObject({ error: { code: 'not_found' } });
    expect((await admin('GET', '/pins/nope')).body).toMatchObject({ error: { code: 'model_not_found' } });
  });

  test('finds a pin whose model has gone by its canonical name', async () => {
    await admin('PUT', '/pins/other', { level: 'ready' });
    world.catalogue.models.delete('other' as never);
    expect((await admin('GET', '/pins/other')).status).toBe(200);
    expect((await admin('DELETE', '/pins/other')).status).toBe(200);
  });
});

describe('POST /admin/v1/runners/{id}/drain', () => {
  test('tells what becomes of the runner', async () => {
    world.pool.drain = async (id) => ({ ok: true, value: { state: id === 'r_1' ? 'draining' : 'stopping' } });
    const { status, body } = await admin('POST', '/runners/r_1/drain');
    expect([status, body]).toEqual([200, { object: 'runner', id: 'r_1', state: 'draining' }]);
  });

  test('of an unknown runner is a 404', async () => {
    world.pool.drain = async () => fail('not_found', 'Cannot drain runner "r_9": there is none');
    expect((await admin('POST', '/runners/r_9/drain')).status).toBe(404);
  });
});
