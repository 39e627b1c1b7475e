import { once } from 'node:events';
import { request } from 'node:http';
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { discardRest } from '../../gateway/http/discard.ts';
import { CHAT, CHAT_REQUEST, readAll, say, start } from './startServer.ts';

const post = (url: string, body: RequestInit['body'], headers: Record<string, string> = {}) =>
  fetch(`${url}/v1/chat/completions`, { method: 'POST', body: body ?? null, headers, duplex: 'half' });

async function* megabytes(count: number): AsyncGenerator<Uint8Array> {
  for (let sent = 0; sent < count * 10; sent++) yield new Uint8Array(100_000);
}

test('readIncoming() refuses ten announced megabytes with 413', async () => {
  const { world, url } = await start();
  const answer = await post(url, 'x'.repeat(10_000_000));
  expect(answer.status).toBe(413);
  expect(await answer.json()).toMatchObject({ error: { code: 'request_too_large' } });
  expect(world.inference.refusals).toMatchObject([
    { errorCode: 'request_too_large', httpStatus: 413, combo: null, endpoint: 'chat_completions' },
  ]);
});

test('readIncoming() refuses ten chunked megabytes with 413', async () => {
  const { url } = await start();
  expect((await post(url, megabytes(10) as never)).status).toBe(413);
});

test('discardRest() lets a client that sends all before it reads see the 413, and go on', async () => {
  const { server } = await start({ bodyBytes: 1000 });
  const body = 'x'.repeat(5_000_000);
  const socket = await say(
    server,
    `POST /v1/embeddings HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n`,
  );
  socket.pause();
  await new Promise((resolve) => socket.write(body, resolve));
  socket.resume();
  socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
  const text = await readAll(socket);
  expect(text).toMatch(/^HTTP\/1\.1 413 /);
  expect(text).toContain('{"status":"ok"}');
});

test.each([
  ['/v1/embeddings', 413],
  ['/admin/v1/models', 401],
  ['/nope', 404],
  ['/v1/models', 405],
])(
  'discardRest() keeps the answer of %s from being lost when the client closes after it',
  async (path, status) => {
    const { server } = await start({ bodyBytes: 1000 });
    const body = 'x'.repeat(5_000_000);
    const head = `POST ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n`;
    const socket = await say(server, head);
    socket.pause();
    await new Promise((resolve) => socket.write(body, resolve));
    const text = readAll(socket);
    socket.resume();
    expect(await text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  },
);

test('discardRest() gives up past its bounds and closes after the answer', async () => {
  const incoming = Object.assign(new PassThrough(), { headers: { 'content-length': '99' }, complete: false });
  const headers = new Map<string, unknown>();
  const outgoing = {
    headersSent: false,
    getHeader: (name: string) => headers.get(name),
    setHeader: (name: string, value: unknown) => headers.set(name, value),
  };
  incoming.write('more than ten bytes');
  await discardRest(incoming as never, outgoing as never, { bytes: 10, ms: 60_000 });
  expect(headers.get('connection')).toBe('close');
});

test('readIncoming() takes a body of just the limit', async () => {
  const { url } = await start({ bodyBytes: CHAT.length });
  expect((await post(url, CHAT)).status).toBe(200);
  expect((await post(url, `${CHAT} `)).status).toBe(413);
});

test('readIncoming() refuses a body before it is sent when the client waits for 100', async () => {
  const { url } = await start();
  const call = request(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-length': 10_000_000, expect: '100-continue' },
  });
  call.on('error', () => {});
  call.flushHeaders();
  const [answer] = await once(call, 'response');
  expect(answer.statusCode).toBe(413);
  expect(answer.headers.connection).toBe('close');
  call.destroy();
});

test('readIncoming() says 100 to a client that waits for it', async () => {
  const { url } = await start();
  const call = request(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-length': CHAT.length, expect: '100-continue' },
  });
  call.flushHeaders();
  await once(call, 'continue');
  call.end(CHAT);
  const [answer] = await once(call, 'response');
  expect(answer.statusCode).toBe(200);
  answer.resume();
});

test('readIncoming() answers 408 when the body does not arrive in time', async () => {
  const { server } = await start({ bodyTimeoutMs: 5 });
  const socket = await say(
    server,
    'POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 50\r\n\r\n{',
  );
  const text = await readAll(socket);
  expect(text).toMatch(/^HTTP\/1\.1 408 /);
  expect(text).toContain('"code":"request_timeout"');
});

test('readIncoming() records a client that goes in the middle of its body', async () => {
  const { world, server } = await start();
  const refused = new Promise<unknown>((resolve) => {
    world.inference.refused = async (refusal) => resolve(refusal);
  });
  const socket = await say(
    server,
    'POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 50\r\n\r\n{',
  );
  socket.destroy();
  expect(await refused).toMatchObject({ errorCode: 'client_closed', httpStatus: 499 });
});

test.each([
  ['{"model":"tiny-chat","messages":[{"role":"user","content":"secret-text" oops}]}', 72],
  ['{"a":1,}', 7],
  ['[1,2', 4],
  ['{"a":NaN}', 5],
  ['{"a":"\n"}', 5],
])('parseJson() says where %j breaks and not what is there', async (body, position) => {
  const { url } = await start();
  const answer = await post(url, body, { 'content-type': 'application/json' });
  const text = await answer.text();
  expect(answer.status).toBe(400);
  expect(JSON.parse(text).error).toMatchObject({ code: 'invalid_json', param: null });
  expect(text).toContain(`breaks at character ${position}`);
  expect(text).not.toContain('secret');
});

test.each([
  ['', 400, 'invalid_json'],
  [new Uint8Array([0x22, 0xff, 0x22]), 400, 'invalid_json'],
  ['a=1&b=2', 415, 'unsupported_media_type'],
  ['{"model":', 400, 'invalid_json'],
])('parseJson() answers body %j of a form type', async (body, status, code) => {
  const { url } = await start();
  const answer = await post(url, body, { 'content-type': 'application/x-www-form-urlencoded' });
  expect([answer.status, await answer.json()]).toMatchObject([status, { error: { code } }]);
});

test('readJson() takes JSON of any content type, with a byte order mark too', async () => {
  const { url } = await start();
  for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'application/vnd.x+json']) {
    expect((await post(url, CHAT, { 'content-type': type })).status).toBe(200);
  }
  expect((await post(url, `\uFEFF${CHAT}`)).status).toBe(200);
  expect((await post(url, CHAT, { 'content-encoding': 'gzip' })).status).toBe(415);
});

test('parseJson() takes a million open brackets as broken JSON', async () => {
  const { url } = await start();
  expect((await post(url, '['.repeat(1_000_000))).status).toBe(400);
  expect((await post(url, '{"a":'.repeat(1_000_000))).status).toBe(400);
});

test.each([
  ['NOT HTTP\r\n\r\n', 400],
  [`GET / HTTP/1.1\r\nhost: x\r\nx-big: ${'x'.repeat(40_000)}\r\n\r\n`, 431],
  ['GET / HTTP/1.1\r\nhost: x y\r\n\r\n', 400],
  ['GET /\\..\\x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n', 400],
])('listen() answers %j in the envelope', async (text, status) => {
  const { server } = await start();
  const socket = await say(server, text);
  socket.end();
  const [head = '', body = ''] = (await readAll(socket)).split('\r\n\r\n');
  expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  expect(head.toLowerCase()).toContain('x-request-id: req_');
  expect(body).toContain('"type":"invalid_request_error"');
});

test('listen() answers 408 to headers that never end', async () => {
  const { server } = await start({ headersTimeoutMs: 20 });
  const socket = await say(server, 'GET / HTTP/1.1\r\nhost:');
  expect(await readAll(socket)).toMatch(/^HTTP\/1\.1 408 [\s\S]*"code":"request_timeout"/);
});

test('listen() serves a request without a Host header', async () => {
  const { server } = await start();
  const socket = await say(server, 'GET /healthz HTTP/1.0\r\n\r\n');
  expect(await readAll(socket)).toMatch(/^HTTP\/1\.1 200 /);
});

test('listen() serves two requests that come at once over one connection', async () => {
  const { server, world } = await start();
  const last = CHAT_REQUEST.replace('host: x', 'host: x\r\nconnection: close');
  const text = await readAll(await say(server, CHAT_REQUEST + last));
  expect(text.match(/HTTP\/1\.1 200 /g)).toHaveLength(2);
  expect(world.inference.served).toHaveLength(2);
});
