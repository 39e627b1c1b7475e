import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createApp } from '../../gateway/http/app.ts';
import type { HttpLimits } from '../../gateway/http/deps.ts';
import { type HttpServer, listen } from '../../gateway/http/server.ts';
import { type FakeWorld, fakeWorld } from './fakes.ts';

const open: HttpServer[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close(0)));
});

async function start(
  limits: Partial<HttpLimits> = {},
): Promise<{ world: FakeWorld; url: string; port: number }> {
  const world = fakeWorld(limits);
  const server = await listen(createApp(world.deps), {
    host: '127.0.0.1',
    port: 0,
    limits: world.deps.limits,
  });
  open.push(server);
  return { world, url: `http://127.0.0.1:${server.port}`, port: server.port };
}

const CHAT = JSON.stringify({ model: 'tiny-chat', messages: [{ role: 'user', content: 'hi' }] });

/** All that comes over a raw connection until it ends. */
async function readAll(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  await once(socket, 'close');
  return text;
}

test('createApp() serves a chat over the raw connection', async () => {
  const { world, url } = await start();
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    body: CHAT,
    headers: { 'x-request-id': 'mine_1' },
  });
  expect(answer.status).toBe(200);
  expect(await answer.json()).toEqual({ object: 'fake' });
  expect(answer.headers.get('x-request-id')).toBe(world.inference.served[0]?.requestId);
  expect(answer.headers.get('x-client-request-id')).toBe('mine_1');
});

test('readIncoming() refuses ten announced megabytes with 413', async () => {
  const { world, url } = await start();
  const answer = await fetch(`${url}/v1/chat/completions`, { method: 'POST', body: 'x'.repeat(10_000_000) });
  expect(answer.status).toBe(413);
  expect(await answer.json()).toMatchObject({ error: { code: 'request_too_large' } });
  expect(world.inference.refusals[0]?.errorCode).toBe('request_too_large');
});

test('readIncoming() refuses ten chunked megabytes with 413', async () => {
  const { url } = await start();
  const body = (async function* () {
    for (let sent = 0; sent < 100; sent++) yield new Uint8Array(100_000);
  })();
  const answer = await fetch(`${url}/v1/chat/completions`, { method: 'POST', body, duplex: 'half' });
  expect(answer.status).toBe(413);
});
