import { describe, expect, test } from 'vitest';
import { createApp } from '../../../gateway/http/app.ts';
import { ADMIN_TOKEN, fakeWorld } from '../fakes.ts';
import { csrfOf, Visitor } from './visitor.ts';

/** A world whose monotonic clock the test sets. */
function timedVisitor(): { visitor: Visitor; time: { nowMs: number } } {
  const world = fakeWorld();
  const time = { nowMs: 1_000_000 };
  const deps = { ...world.deps, clock: { ...world.deps.clock, monoMs: () => time.nowMs } };
  return { visitor: new Visitor(world, createApp(deps)), time };
}

describe('/dashboard without a session', () => {
  test.each([
    '/dashboard',
    '/dashboard/latency',
    '/dashboard/startup',
    '/dashboard/keepwarm',
    '/dashboard/keepwarm.csv',
    '/dashboard/evictions',
    '/dashboard/spend',
    '/dashboard/slos',
    '/dashboard/reports/billing.csv?from=2026-11-01',
  ])('%s is the login page, below 400', async (path) => {
    const { answer, html } = await new Visitor().get(path);
    expect(answer.status).toBe(200);
    expect(html).toContain('<label for="token">Admin token</label>');
    expect(html).toMatch(/^<!DOCTYPE html>/i);
  });

  test.each(['/dashboard/live', '/dashboard/events'])('%s is a 401', async (path) => {
    expect((await new Visitor().get(path)).answer.status).toBe(401);
  });

  test('changes nothing', async () => {
    const visitor = new Visitor();
    const { html } = await visitor.post('/dashboard/pins', {
      combo: 'tiny-chat',
      level: 'ready',
      count: '1',
    });
    expect(html).toContain('Admin token');
    expect(visitor.world.pins.pins.size).toBe(0);
  });

  test('has a policy that allows nothing inline, foreign or framed, and is not stored', async () => {
    const { answer, html } = await new Visitor().get('/dashboard');
    const policy = answer.headers.get('content-security-policy') ?? '';
    expect(policy.split('; ')).toEqual(
      expect.arrayContaining([
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
      ]),
    );
    expect(policy).not.toMatch(/unsafe|\*|http/);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(html).not.toMatch(/<style|<script(?![^>]* src=)|\son\w+=|style=|https?:\/\//);
  });
});

describe('POST /dashboard/login', () => {
  test('gives a session for the admin token, in a cookie that scripts and other sites cannot use', async () => {
    const visitor = new Visitor();
    const answer = await visitor.logIn();
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/dashboard']);
    const cookie = answer.headers.getSetCookie().find((line) => line.startsWith('hearth_session=')) ?? '';
    for (const attribute of ['HttpOnly', 'SameSite=Strict', 'Path=/dashboard', 'Max-Age=43200'])
      expect(cookie).toContain(attribute);
    expect(cookie).not.toContain('Secure');
    expect((await visitor.get('/dashboard')).html).toContain('<h1>Overview</h1>');
  });

  test('marks the cookie as secure where the page came over TLS', async () => {
    const visitor = new Visitor();
    const { html } = await visitor.get('/dashboard');
    const fields = { csrf: csrfOf(html), token: ADMIN_TOKEN };
    const headers = { origin: 'https://gateway.example', host: 'gateway.example' };
    const { answer } = await visitor.post('/dashboard/login', fields, headers);
    expect(answer.headers.getSetCookie().find((line) => line.startsWith('hearth_session='))).toContain(
      'Secure',
    );
  });

  test.each(['wrong', '', `${ADMIN_TOKEN}x`])('refuses the token %j and gives no session', async (token) => {
    const visitor = new Visitor();
    expect((await visitor.logIn(token)).status).toBe(401);
    expect([...visitor.cookies.keys()]).toEqual(['hearth_login']);
    expect((await visitor.get('/dashboard')).html).toContain('Admin token');
  });

  test.each([
    ['from another site', { 'sec-fetch-site': 'cross-site' }],
    ['from another host', { origin: 'https://evil.example', host: 'gateway.example' }],
    ['from nowhere that can be told', { origin: 'null', host: 'gateway.example' }],
  ])('refuses a form %s', async (_, headers) => {
    const visitor = new Visitor();
    const { html } = await visitor.get('/dashboard');
    const fields = { csrf: csrfOf(html), token: ADMIN_TOKEN };
    expect((await visitor.post('/dashboard/login', fields, headers)).answer.status).toBe(403);
    expect(visitor.cookies.has('hearth_session')).toBe(false);
  });

  test('refuses a form that was given to another browser', async () => {
    const world = fakeWorld();
    const app = createApp(world.deps);
    const { html } = await new Visitor(world, app).get('/dashboard');
    const victim = new Visitor(world, app);
    await victim.get('/dashboard');
    const fields = { csrf: csrfOf(html), token: ADMIN_TOKEN };
    expect((await victim.post('/dashboard/login', fields)).answer.status).toBe(403);
  });

  test('makes who tries wrong tokens wait, ever longer, and the right one too', async () => {
    const { visitor, time } = timedVisitor();
    for (let tries = 0; tries < 5; tries += 1) expect((await visitor.logIn('wrong')).status).toBe(401);
    const refused = await visitor.logIn();
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
    time.nowMs += 1_000;
    expect((await visitor.logIn('wrong')).status).toBe(401);
    time.nowMs += 1_999;
    expect((await visitor.logIn()).status).toBe(429);
    time.nowMs += 1;
    expect((await visitor.logIn()).status).toBe(303);
  });

  test('takes no form that is larger than one of ours', async () => {
    const visitor = new Visitor();
    const { html } = await visitor.get('/dashboard');
    const { answer } = await visitor.post('/dashboard/login', {
      csrf: csrfOf(html),
      token: 'x'.repeat(20_000),
    });
    expect(answer.status).toBeGreaterThanOrEqual(400);
  });
});

describe('a session', () => {
  test('ends after twelve hours', async () => {
    const { visitor, time } = timedVisitor();
    await visitor.logIn();
    time.nowMs += 12 * 3_600_000 - 1;
    expect((await visitor.get('/dashboard/live')).answer.status).toBe(200);
    time.nowMs += 1;
    expect((await visitor.get('/dashboard/live')).answer.status).toBe(401);
  });

  test('ends with a logout that its own page asked for, and no other', async () => {
    const visitor = new Visitor();
    await visitor.logIn();
    const session = visitor.cookies.get('hearth_session') ?? '';
    const { html } = await visitor.get('/dashboard');
    expect((await visitor.post('/dashboard/logout', { csrf: 'guessed' })).answer.status).toBe(403);
    expect((await visitor.get('/dashboard/live')).answer.status).toBe(200);
    expect((await visitor.post('/dashboard/logout', { csrf: csrfOf(html) })).answer.status).toBe(303);
    expect(visitor.cookies.has('hearth_session')).toBe(false);
    visitor.cookies.set('hearth_session', session);
    expect((await visitor.get('/dashboard/live')).answer.status).toBe(401);
  });

  test('is none of the admin API, nor is a client’s token one of the dashboard', async () => {
    const visitor = new Visitor();
    await visitor.logIn();
    expect((await visitor.get('/admin/v1/pins')).answer.status).toBe(401);
    const authorization = `Bearer ${ADMIN_TOKEN}`;
    const answer = await visitor.app.request('/dashboard/live', { headers: { authorization } });
    expect(answer.status).toBe(401);
  });

  test('never shows the admin token or the session in a page', async () => {
    const visitor = new Visitor();
    await visitor.logIn();
    for (const path of ['/dashboard', '/dashboard/latency', '/dashboard/spend', '/dashboard/slos']) {
      const { html } = await visitor.get(path);
      expect(html).not.toContain(ADMIN_TOKEN);
      expect(html).not.toContain(visitor.cookies.get('hearth_session'));
    }
  });
});
