import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NO_CREDENTIALS, type SourceCredentials } from '../../sources/credentials.ts';
import { SourceError } from '../../sources/errors.ts';
import { openOrigin } from '../../sources/openOrigin.ts';
import type { Origin, OriginFile } from '../../sources/origin.ts';
import { redirectTarget, Transport } from '../../sources/transport.ts';
import { QuickPace } from './quickPace.ts';
import { noise, WeightServer } from './weightServer.ts';

let server: WeightServer;
let other: WeightServer;
let transport: Transport;
let pace: QuickPace;
beforeEach(async () => {
  [server, other] = await Promise.all([WeightServer.start(), WeightServer.start()]);
  transport = new Transport();
  pace = new QuickPace();
});
afterEach(async () => {
  await transport.close();
  await Promise.all([server.close(), other.close()]);
});

const open = (uri: string, http: SourceCredentials['http'] = {}) =>
  openOrigin(uri, { transport, pace, credentials: { ...NO_CREDENTIALS, http } });

async function only(origin: Origin): Promise<OriginFile> {
  const [file] = await origin.files();
  if (!file) throw new Error('no file');
  return file;
}

async function collect(reading: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of reading) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function failure(promise: Promise<unknown>): Promise<SourceError> {
  const error = await promise.then(
    () => new Error('did not fail'),
    (reason: unknown) => reason,
  );
  if (error instanceof SourceError) return error;
  throw error;
}

describe('files() of an http source', () => {
  test('tells size, ETag, time and whether ranges work, by a read of one byte', async () => {
    const modified = new Date('2026-03-01T10:00:00Z');
    const uri = server.put('/models/tiny.gguf', noise(1000), { etag: '"v1"', modified });
    expect(await open(uri).files()).toEqual([
      {
        name: 'tiny.gguf',
        bytes: 1000,
        etag: '"v1"',
        modifiedAtEpochMs: modified.getTime(),
        sha256: null,
        ranges: true,
      },
    ]);
    expect(server.seen).toMatchObject([{ method: 'GET', range: 'bytes=0-0' }]);
  });

  test('knows a server without ranges, and an empty file', async () => {
    const uri = server.put('/tiny.gguf', noise(1000));
    server.ranges = false;
    expect(await only(open(uri))).toMatchObject({ bytes: 1000, ranges: false });
    server.ranges = true;
    expect(await only(open(server.put('/empty', Buffer.alloc(0))))).toMatchObject({ bytes: 0 });
  });

  test('has all shards of a split model, which is named by its first', async () => {
    for (const index of [1, 2, 3]) server.put(`/m/big-0000${index}-of-00003.gguf`, noise(index));
    const files = await open(`${server.origin}/m/big-00001-of-00003.gguf?sig=1`).files();
    expect(files.map(({ name, bytes }) => [name, bytes])).toEqual([
      ['big-00001-of-00003.gguf', 1],
      ['big-00002-of-00003.gguf', 2],
      ['big-00003-of-00003.gguf', 3],
    ]);
    expect(server.seen.map(({ query }) => query)).toEqual(['?sig=1', '?sig=1', '?sig=1']);
  });

  test.each([
    [401, 'forbidden'],
    [403, 'forbidden'],
    [404, 'not_found'],
    [410, 'not_found'],
    [412, 'changed'],
    [418, 'bad_answer'],
    [300, 'bad_answer'],
  ])('fails at once with status %d as %s, without the query in its message', async (status, code) => {
    server.intercept = (_request, response) => {
      response.writeHead(status).end();
      return true;
    };
    const error = await failure(open(`${server.origin}/a.gguf?token=secret`).files());
    expect(error.code).toBe(code);
    expect(error.message).toContain(`"${server.origin}/a.gguf"`);
    expect(error.message).toContain(`${status}`);
    expect(JSON.stringify([error.message, error.cause])).not.toContain('secret');
    // 412 is asked once more for the whole file, as of an empty one.
    expect(server.seen.length).toBeLessThanOrEqual(2);
  });

  test.each([429, 500, 503, 408])(
    'asks again after status %d, and waits as long as Retry-After says',
    async (status) => {
      const uri = server.put('/a.gguf', noise(10));
      server.intercept = (_request, response, count) => {
        if (count > 2) return false;
        response.writeHead(status, { 'retry-after': '7' }).end();
        return true;
      };
      expect(await only(open(uri))).toMatchObject({ bytes: 10 });
      expect(pace.sleptMs).toEqual([7000, 7000]);
    },
  );

  test('gives up when it always fails, or when it is told to come back much later', async () => {
    const uri = server.put('/a.gguf', noise(10));
    let retryAfter = '1';
    server.intercept = (_request, response) => {
      response.writeHead(503, { 'retry-after': retryAfter }).end();
      return true;
    };
    expect(await failure(open(uri).files())).toMatchObject({ code: 'network', isTransient: true });
    expect(server.seen).toHaveLength(3);
    retryAfter = new Date(Date.now() + 3_600_000).toUTCString();
    const error = await failure(open(uri).files());
    expect(error.retryAfterMs).toBeGreaterThan(3_500_000);
    expect(server.seen).toHaveLength(4);
  });

  test('is a network failure when nobody listens there', async () => {
    const gone = await WeightServer.start();
    const uri = `${gone.origin}/a.gguf?sig=secret`;
    await gone.close();
    const error = await failure(open(uri).files());
    expect(error).toMatchObject({ code: 'network' });
    expect(error.message).toContain('the connection was refused (ECONNREFUSED)');
    expect(error.message).not.toContain('secret');
  });

  test('refuses encoded content and a missing length', async () => {
    let headers: Record<string, string> = { 'content-encoding': 'gzip', 'content-length': '2' };
    server.intercept = (_request, response) => {
      response.writeHead(200, headers);
      response.end('ab');
      return true;
    };
    expect((await failure(open(`${server.origin}/a`).files())).message).toContain('encoded content');
    headers = { 'transfer-encoding': 'chunked' };
    expect((await failure(open(`${server.origin}/a`).files())).message).toContain('no length');
  });
});

describe('read() of an http source', () => {
  test('gives the bytes of a range', async () => {
    const bytes = noise(100_000);
    const origin = open(server.put('/a.gguf', bytes));
    const file = await only(origin);
    expect((await collect(origin.read(file, 5000, 70_000))).equals(bytes.subarray(5000, 70_000))).toBe(true);
    expect(await collect(origin.read(file, 7, 7))).toHaveLength(0);
    expect(server.ranged).toEqual(['bytes=5000-69999']);
  });

  test.each([
    ['another ETag', { etag: '"v2"' }],
    ['another size', { bytes: noise(999) }],
  ])('is `changed` with %s', async (_what, change) => {
    const origin = open(server.put('/a.gguf', noise(1000), { etag: '"v1"' }));
    const file = await only(origin);
    server.put('/a.gguf', noise(1000), { etag: '"v1"', ...change });
    expect(await failure(collect(origin.read(file, 10, 20)))).toMatchObject({ code: 'changed' });
  });

  test('compares the time of modification where there is no ETag', async () => {
    const modified = new Date('2026-03-01T10:00:00Z');
    const origin = open(server.put('/a.gguf', noise(1000), { etag: null, modified }));
    const file = await only(origin);
    expect(await collect(origin.read(file, 10, 20))).toHaveLength(10);
    server.put('/a.gguf', noise(1000), { etag: null, modified: new Date('2026-03-02T10:00:00Z') });
    expect(await failure(collect(origin.read(file, 10, 20)))).toMatchObject({ code: 'changed' });
  });

  test('is a network failure when the connection is cut off or stalls, and tells how far it came', async () => {
    const origin = open(server.put('/a.gguf', noise(200_000)));
    const file = await only(origin);
    server.cut = { afterBytes: 1000, times: 1 };
    const cut = await failure(collect(origin.read(file, 0, 100_000)));
    expect(cut).toMatchObject({ code: 'network' });
    const impatient = new Transport({ stallTimeoutMs: 300 });
    server.stall = { afterBytes: 1000, times: 1 };
    const reading = openOrigin(`${server.origin}/a.gguf`, { transport: impatient }).read(file, 0, 100_000);
    expect((await failure(collect(reading))).message).toContain('the connection stalled');
    await impatient.close();
  });

  test('refuses more bytes than it asked for, another range, and the whole in place of a range', async () => {
    const origin = open(server.put('/a.gguf', noise(1000)));
    const file = await only(origin);
    const etag = file.etag ?? '';
    let answer: [number, Record<string, string>, number] = [206, { 'content-range': 'bytes 0-9/1000' }, 20];
    server.intercept = (_request, response) => {
      response.writeHead(answer[0], { etag, ...answer[1] });
      response.end(Buffer.alloc(answer[2]));
      return true;
    };
    expect((await failure(collect(origin.read(file, 0, 10)))).message).toContain('more than the 10 bytes');
    answer = [206, { 'content-range': 'bytes 5-14/1000' }, 10];
    expect((await failure(collect(origin.read(file, 0, 10)))).message).toContain('another range');
    answer = [200, { 'content-length': '1000' }, 1000];
    expect((await failure(collect(origin.read(file, 0, 10)))).message).toContain('the whole file in place');
  });

  test('is cancelled by its signal, before and in the middle', async () => {
    const origin = open(server.put('/a.gguf', noise(200_000)));
    const file = await only(origin);
    expect(await failure(collect(origin.read(file, 0, 10, AbortSignal.abort())))).toMatchObject({
      code: 'cancelled',
    });
    server.stall = { afterBytes: 1000, times: 1 };
    const stop = new AbortController();
    const reading = origin.read(file, 0, 100_000, stop.signal)[Symbol.asyncIterator]();
    await reading.next();
    stop.abort();
    expect(await failure(reading.next())).toMatchObject({ code: 'cancelled' });
  });
});

describe('redirects', () => {
  const authorization = 'Bearer for-the-first-host-only';

  function redirect(from: WeightServer, to: string, status = 302) {
    from.intercept = (_request, response) => {
      response.writeHead(status, { location: to }).end('moved');
      return true;
    };
  }

  test.each([301, 302, 303, 307, 308])(
    'are followed with status %d, without the credentials of the host that sent them',
    async (status) => {
      redirect(server, `${other.put('/real.gguf', noise(10))}?sig=1`, status);
      const origin = open(`${server.origin}/a.gguf`, {
        [`127.0.0.1:${server.port}`]: { headers: { authorization, 'x-key': 'k' } },
      });
      expect(await only(origin)).toMatchObject({ name: 'a.gguf', bytes: 10 });
      expect(server.seen[0]?.headers).toMatchObject({ authorization, 'x-key': 'k' });
      expect(other.seen).toHaveLength(1);
      expect(other.seen[0]?.headers).not.toHaveProperty('authorization');
      expect(other.seen[0]?.headers).not.toHaveProperty('x-key');
    },
  );

  test('keep the credentials on the same host', async () => {
    server.put('/real.gguf', noise(10));
    server.intercept = ({ url }, response) => {
      if (url !== '/a.gguf') return false;
      response.writeHead(302, { location: '/real.gguf' }).end();
      return true;
    };
    await open(`${server.origin}/a.gguf`, {
      [`127.0.0.1:${server.port}`]: { headers: { authorization } },
    }).files();
    expect(server.seen.map(({ headers }) => headers.authorization)).toEqual([authorization, authorization]);
  });

  test('are not asked for again until the address that they led to refuses', async () => {
    const bytes = noise(1000);
    other.put('/signed', bytes);
    redirect(server, `${other.origin}/signed`);
    const origin = open(`${server.origin}/a.gguf`);
    const file = await only(origin);
    await collect(origin.read(file, 0, 10));
    expect([server.seen.length, other.seen.length]).toEqual([1, 2]);
    other.intercept = (_request, response, count) => {
      if (count > 3) return false;
      response.writeHead(403).end();
      return true;
    };
    expect((await collect(origin.read(file, 10, 20))).equals(bytes.subarray(10, 20))).toBe(true);
    expect([server.seen.length, other.seen.length]).toEqual([2, 4]);
  });

  test('in a circle, to no URL and to another protocol are refused', async () => {
    redirect(server, `${server.origin}/again`);
    expect((await failure(open(`${server.origin}/a`).files())).message).toContain('more than 5 redirects');
    redirect(server, 'http://');
    expect((await failure(open(`${server.origin}/a`).files())).message).toContain('a redirect to no URL');
    redirect(server, 'file:///etc/passwd');
    expect((await failure(open(`${server.origin}/a`).files())).message).toContain('a redirect to file:');
  });

  test('redirectTarget() does not go from https to http', () => {
    const from = new URL('https://weights.example/a');
    const to = (location: string) => redirectTarget({ url: from }, from, location).href;
    expect(to('/b')).toBe('https://weights.example/b');
    expect(to('//cdn.example/b')).toBe('https://cdn.example/b');
    expect(() => to('http://cdn.example/b')).toThrow('a redirect from https to http');
  });
});
