import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createApp } from '../../gateway/http/app.ts';
import { clientAddresses } from '../../gateway/http/edge/clientAddress.ts';
import { type HttpServer, listen } from '../../gateway/http/server.ts';
import { type FakeWorld, fakeWorld } from './fakes.ts';
import { CHAT, CHAT_REQUEST, readAll, say } from './startServer.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures/tls');

let world: FakeWorld;
const servers: HttpServer[] = [];
beforeEach(() => {
  world = fakeWorld();
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close(0)));
});

async function serve(deps: object = {}, tls?: { cert: string; key: string }): Promise<HttpServer> {
  const app = createApp({ ...world.deps, ...deps });
  const options = { host: '127.0.0.1', port: 0, limits: world.deps.limits };
  const server = await listen(app, tls ? { ...options, tls: { files: tls, log: world.deps.log } } : options);
  servers.push(server);
  return server;
}

describe('every answer has the security headers', () => {
  test.each([
    ['of hono', 'GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'],
    ['that goes past hono', CHAT_REQUEST.replace('host: x', 'host: x\r\nconnection: close')],
    ['to what is no request', 'nonsense\r\n\r\n'],
    ['to a bad Host', 'GET /healthz HTTP/1.1\r\nhost: ///\r\nconnection: close\r\n\r\n'],
  ])('%s', async (_, text) => {
    const answer = await readAll(await say(await serve(), text));
    for (const header of [
      'x-content-type-options: nosniff',
      'x-frame-options: DENY',
      'referrer-policy: no-referrer',
      "content-security-policy: default-src 'none'; frame-ancestors 'none'",
    ]) {
      expect(answer).toContain(`${header}\r\n`);
    }
    expect(answer).not.toContain('strict-transport-security');
  });
});

describe('CORS', () => {
  const from = (origin: string, init: RequestInit = {}) => ({
    ...init,
    headers: { origin, 'access-control-request-method': 'POST' },
  });

  test('lets pages of the listed origins read answers and our headers, streams too', async () => {
    const { port } = await serve({ corsOrigins: ['https://chat.example.com'] });
    const url = `http://127.0.0.1:${port}/v1/chat/completions`;
    const answer = await fetch(url, from('https://chat.example.com', { method: 'POST', body: CHAT }));
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://chat.example.com');
    const exposed = answer.headers.get('access-control-expose-headers')?.split(',');
    expect(exposed).toEqual(
      expect.arrayContaining(['x-request-id', 'x-hearth-start', 'x-ratelimit-reset-tokens']),
    );
    const foreign = await fetch(url, from('https://evil.example.com', { method: 'POST', body: CHAT }));
    expect(foreign.headers.get('access-control-allow-origin')).toBeNull();
  });

  test('answers preflights before keys are asked for, and only under /v1', async () => {
    await world.keys.book.create({
      ...{ name: 'k', tags: {}, weight: 1, budget: null, expiresAtEpochMs: null },
      scopes: { models: null, adapters: null, endpoints: null },
      limits: { requestsPerMinute: null, tokensPerMinute: null, concurrentRequests: null },
    });
    const { port } = await serve({ corsOrigins: ['*'] });
    const ask = (path: string) =>
      fetch(`http://127.0.0.1:${port}${path}`, from('https://any.example', { method: 'OPTIONS' }));
    const preflight = await ask('/v1/chat/completions');
    expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([204, '*']);
    expect((await ask('/admin/v1/keys')).headers.get('access-control-allow-origin')).toBeNull();
    const refused = await fetch(`http://127.0.0.1:${port}/v1/models`, from('https://any.example'));
    expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([401, '*']);
  });

  test('is off unless origins are listed', async () => {
    const { port } = await serve();
    const answer = await fetch(`http://127.0.0.1:${port}/v1/models`, from('https://any.example'));
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('clientAddresses()', () => {
  const addressOf = clientAddresses(['10.0.0.0/8', '192.168.1.1', 'fd00::/8']);
  const incoming = (remoteAddress: string | undefined, forwarded?: string) =>
    ({ socket: { remoteAddress }, headers: { 'x-forwarded-for': forwarded } }) as never;

  test.each([
    ['a connection of its own', '203.0.113.9', undefined, '203.0.113.9'],
    ['one that only says so', '203.0.113.9', '1.1.1.1', '203.0.113.9'],
    ['a trusted proxy', '10.1.2.3', '198.51.100.7', '198.51.100.7'],
    ['a chain of trusted proxies', '192.168.1.1', '198.51.100.7, 10.9.9.9', '198.51.100.7'],
    ['a forged entry before the real one', '10.1.2.3', '1.1.1.1, 198.51.100.7', '198.51.100.7'],
    ['a trusted proxy that says nothing', '10.1.2.3', undefined, '10.1.2.3'],
    ['a trusted proxy that says nonsense', '10.1.2.3', 'unknown', '10.1.2.3'],
    ['an IPv4 address in IPv6', '::ffff:10.1.2.3', '[2001:db8::1]:4711', '2001:db8::1'],
    ['an address with a port', 'fd00::1', '198.51.100.7:80', '198.51.100.7'],
    ['nobody', undefined, '1.1.1.1', null],
  ])('tells of %s', (_, remote, forwarded, expected) => {
    expect(addressOf(incoming(remote, forwarded))).toBe(expected);
  });

  test.each(['10.0.0.0/33', 'proxy', '10.0.0.0/8/8', 'fd00::/129', '/8'])('refuses %s', (range) => {
    expect(() => clientAddresses([range])).toThrow(`Cannot trust proxy "${range}"`);
  });
});

describe('TLS', () => {
  let folder: string;
  let files: { cert: string; key: string };
  const use = (name: string): void => {
    copyFileSync(join(FIXTURES, `${name}.crt`), files.cert);
    copyFileSync(join(FIXTURES, `${name}.key`), files.key);
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'hearth-tls-'));
    files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
    use('first');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const connected = async (server: HttpServer): Promise<TLSSocket> => {
    const socket = connect({ port: server.port, host: '127.0.0.1', rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    return socket;
  };
  const nameOf = async (server: HttpServer): Promise<string | string[] | undefined> => {
    const socket = await connected(server);
    const { CN } = socket.getPeerCertificate().subject;
    socket.destroy();
    return CN;
  };

  test('serves with the certificate, and says that it is to stay so', async () => {
    const server = await serve({}, files);
    expect(server.protocol).toBe('https');
    const asked = httpsRequest({
      ...{ port: server.port, host: '127.0.0.1', path: '/healthz', agent: false },
      ca: readFileSync(files.cert),
    }).end();
    const [answer] = await once(asked, 'response');
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['strict-transport-security']).toMatch(/^max-age=\d+/);
    answer.resume();
  });

  test('takes a new certificate, and connections that are open stay', async () => {
    const server = await serve({}, files);
    const open = await connected(server);
    expect(open.getPeerCertificate().subject.CN).toBe('first.test');
    use('second');
    await server.lookAtCertificate();
    expect(await nameOf(server)).toBe('second.test');
    const text = readAll(open);
    open.write('GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    expect(await text).toContain('HTTP/1.1 200 OK');
  });

  test('keeps the certificate while the files are half a pair, broken or gone', async () => {
    const server = await serve({}, files);
    copyFileSync(join(FIXTURES, 'second.crt'), files.cert);
    await server.lookAtCertificate();
    expect(await nameOf(server)).toBe('first.test');
    writeFileSync(files.cert, 'nothing');
    await server.lookAtCertificate();
    rmSync(files.cert);
    await server.lookAtCertificate();
    expect(await nameOf(server)).toBe('first.test');
    use('second');
    await server.lookAtCertificate();
    expect(await nameOf(server)).toBe('second.test');
  });

  test('does not begin without a pair, and says which', async () => {
    copyFileSync(join(FIXTURES, 'second.key'), files.key);
    await expect(serve({}, files)).rejects.toThrow(
      `Cannot use certificate "${files.cert}" with key "${files.key}": `,
    );
  });
});
