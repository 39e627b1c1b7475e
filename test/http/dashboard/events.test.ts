import { expect, test } from 'vitest';
import { ADMIN_TOKEN } from '../fakes.ts';
import { start } from '../startServer.ts';
import { csrfOf } from './visitor.ts';

test('GET /dashboard/events relays what happens as the admin API tells it, until the session ends', async () => {
  const { world, url } = await start();
  const form = await fetch(`${url}/dashboard`);
  const cookieOf = (answer: Response): string => answer.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  const post = (path: string, cookie: string, fields: Record<string, string>) =>
    fetch(`${url}${path}`, {
      ...{ method: 'POST', redirect: 'manual', body: new URLSearchParams(fields) },
      headers: { cookie, origin: url },
    });
  const token = { csrf: csrfOf(await form.text()), token: ADMIN_TOKEN };
  const cookie = cookieOf(await post('/dashboard/login', cookieOf(form), token));
  expect(cookie).toMatch(/^hearth_session=/);

  const stream = await fetch(`${url}/dashboard/events`, { headers: { cookie } });
  expect(stream.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  world.feed.append({ atEpochMs: 0, type: 'combo_ready', runnerId: 'r_1', combo: 'tiny-chat' });
  const page = await fetch(`${url}/dashboard`, { headers: { cookie } });
  expect((await post('/dashboard/logout', cookie, { csrf: csrfOf(await page.text()) })).status).toBe(303);
  // It ends here, or the test does not.
  const heard = await stream.text();
  expect(JSON.parse(/^data: (.*)$/m.exec(heard)?.[1] ?? '')).toEqual({
    object: 'event',
    at: '1970-01-01T00:00:00.000Z',
    type: 'combo_ready',
    runner: 'r_1',
    combo: 'tiny-chat',
    detail: {},
  });
});
