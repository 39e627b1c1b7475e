import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type BucketAccess, NO_CREDENTIALS, type SourceCredentials } from '../../sources/credentials.ts';
import { download } from '../../sources/download/download.ts';
import { SourceError } from '../../sources/errors.ts';
import { openOrigin } from '../../sources/openOrigin.ts';
import { readListing } from '../../sources/s3Listing.ts';
import { Transport } from '../../sources/transport.ts';
import { QuickPace } from './quickPace.ts';
import { signatureProblem } from './signedRequest.ts';
import { noise, sha256, WeightServer } from './weightServer.ts';

const KEYS = { accessKey: 'AKIDEXAMPLE', secretKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
const REGION = 'eu-test-1';

let directory = '';
let server: WeightServer;
let transport: Transport;
let problems: string[];
let pageKeys = 1000;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hearth-s3-'));
  server = await WeightServer.start();
  transport = new Transport();
  problems = [];
  pageKeys = 1000;
  server.intercept = answer;
});
afterEach(async () => {
  await transport.close();
  await server.close();
  await rm(directory, { recursive: true, force: true });
});

/** A bucket "weights" in the path, which wants every request signed. */
function answer(request: IncomingMessage, response: ServerResponse): boolean {
  const problem = signatureProblem(request, { ...KEYS, region: REGION });
  if (problem !== null) {
    problems.push(problem);
    response.writeHead(403).end('<Error><Code>SignatureDoesNotMatch</Code></Error>');
    return true;
  }
  const url = new URL(request.url ?? '/', server.origin);
  if (url.pathname === '/weights' && url.searchParams.get('list-type') === '2') {
    response.writeHead(200, { 'content-type': 'application/xml' }).end(listing(url.searchParams));
    return true;
  }
  const file = server.files.get(decodeURIComponent(url.pathname));
  if (file && request.method === 'HEAD') {
    const checksum = Buffer.from(sha256(file.bytes), 'hex').toString('base64');
    response.setHeader('x-amz-checksum-sha256', checksum);
    response.setHeader('x-amz-checksum-type', url.pathname.includes('parts') ? 'COMPOSITE' : 'FULL_OBJECT');
  }
  return false;
}

function listing(query: URLSearchParams): string {
  const keys = [...server.files.keys()]
    .map((path) => path.slice('/weights/'.length))
    .filter((key) => key.startsWith(query.get('prefix') ?? ''))
    .sort();
  const from = Number(query.get('continuation-token') ?? 0);
  const to = from + pageKeys;
  const contents = keys.slice(from, to).map((key) => {
    const { bytes, etag } = server.files.get(`/weights/${key}`) ?? { bytes: Buffer.alloc(0) };
    const url = encodeURIComponent(key).replaceAll('%2F', '/').replaceAll('%20', '+');
    return `<Contents><Key>${url}</Key><LastModified>2026-03-01T10:00:00.000Z</LastModified><ETag>${String(etag).replaceAll('"', '&quot;')}</ETag><Size>${bytes.length}</Size></Contents>`;
  });
  const more = to < keys.length ? `<NextContinuationToken>${to}</NextContinuationToken>` : '';
  return `<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>weights</Name><EncodingType>url</EncodingType><IsTruncated>${to < keys.length}</IsTruncated>${contents.join('')}${more}</ListBucketResult>`;
}

function open(uri: string, access: Partial<BucketAccess> = {}) {
  const whole: BucketAccess = {
    endpoint: server.origin,
    region: REGION,
    pathStyle: true,
    keys: KEYS,
    ...access,
  };
  const credentials: SourceCredentials = { ...NO_CREDENTIALS, s3: { default: whole } };
  return openOrigin(uri, { transport, pace: new QuickPace(), credentials });
}

async function failure(promise: Promise<unknown>): Promise<SourceError> {
  const error = await promise.catch((reason: unknown) => reason);
  if (error instanceof SourceError) return error;
  throw new Error('did not fail as a source does');
}

describe('an s3 source', () => {
  test.each(['base/tiny.gguf', "odd/a b+c=d'(1)&ü~%41.gguf"])(
    'signs every request for %s, and the SHA-256 of the store is compared',
    async (key) => {
      const bytes = noise(95_000);
      server.put(`/weights/${key}`, bytes);
      const origin = open(`s3://weights/${key}`);
      const [file] = await origin.files();
      if (!file) throw new Error('no file');
      expect(file).toMatchObject({ bytes: 95_000, sha256: sha256(bytes), ranges: true });
      const path = join(directory, 'a');
      const result = await download(origin, file, path, { partBytes: 10_000 });
      expect(problems).toEqual([]);
      expect(result).toMatchObject({ ok: true, value: { verified: true } });
      expect((await readFile(path)).equals(bytes)).toBe(true);
      expect(server.ranged).toHaveLength(10);
    },
  );

  test('takes no checksum of parts for one of the whole', async () => {
    server.put('/weights/parts.gguf', noise(10));
    expect(await open('s3://weights/parts.gguf').files()).toMatchObject([{ sha256: null }]);
  });

  test('lists a folder over several pages, and what a pattern names', async () => {
    pageKeys = 2;
    for (const key of ['base/a b.gguf', 'base/c.json', 'base/sub/d&e.gguf', 'base/', 'other/f.gguf']) {
      server.put(`/weights/${key}`, noise(key.length));
    }
    const files = await open('s3://weights/base/').files();
    expect(files.map(({ name, bytes }) => [name, bytes])).toEqual([
      ['a b.gguf', 13],
      ['c.json', 11],
      ['sub/d&e.gguf', 17],
    ]);
    expect(files[0]?.etag).toBe(server.files.get('/weights/base/a b.gguf')?.etag);
    expect((await open('s3://weights/base/*.gguf').files()).map(({ name }) => name)).toEqual(['a b.gguf']);
    expect(await failure(open('s3://weights/none/').files())).toMatchObject({ code: 'not_found' });
    expect(problems).toEqual([]);
  });

  test('is forbidden without keys or with wrong ones, which no message shows', async () => {
    server.put('/weights/a.gguf', noise(10));
    const wrong = { accessKey: KEYS.accessKey, secretKey: 'wrong-secret' };
    const errors = [
      await failure(open('s3://weights/a.gguf', { keys: null }).files()),
      await failure(open('s3://weights/a.gguf', { keys: wrong }).files()),
      await failure(open('s3://weights/', { keys: { ...KEYS, accessKey: 'AKIDOTHER' } }).files()),
      await failure(open('s3://weights/', { region: 'us-east-1' }).files()),
    ];
    expect(errors.map(({ code }) => code)).toEqual(Array(4).fill('forbidden'));
    expect(problems).toEqual(['no signature', 'a wrong signature', 'another access key', 'another region']);
    expect(errors.map(({ message, stack }) => message + String(stack)).join()).not.toMatch(
      /AKID|secret|wJalr/,
    );
  });

  test('sends a session’s token, signed', async () => {
    server.put('/weights/a.gguf', noise(10));
    await open('s3://weights/a.gguf', { keys: { ...KEYS, sessionToken: 'session' } }).files();
    expect(server.seen[0]?.headers['x-amz-security-token']).toBe('session');
    expect(problems).toEqual([]);
  });

  test('says which region a bucket is in, and does not follow there with its signature', async () => {
    const elsewhere = await WeightServer.start();
    server.intercept = (_request, response) => {
      response.writeHead(301, { 'x-amz-bucket-region': 'us-west-2' }).end();
      return true;
    };
    const error = await failure(open('s3://weights/a.gguf').files());
    expect(error.message).toContain('the bucket is in region "us-west-2"');
    server.intercept = (_request, response) => {
      response.writeHead(307, { location: `${elsewhere.origin}/a.gguf` }).end();
      return true;
    };
    await failure(open('s3://weights/a.gguf').files());
    expect(elsewhere.seen).toHaveLength(1);
    expect(elsewhere.seen[0]?.headers).not.toHaveProperty('authorization');
    await elsewhere.close();
  });

  test('puts the bucket into the host’s name where the path does not hold it', async () => {
    const error = await failure(
      open('s3://weights/a.gguf', { endpoint: 'http://s3.invalid', pathStyle: false }).files(),
    );
    expect(error).toMatchObject({ code: 'network' });
    expect(error.message).toContain('"s3://weights/a.gguf"');
  });
});

test('readListing() refuses what is no listing', () => {
  expect(readListing('<html>sign in</html>')).toBeNull();
  expect(readListing('<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>')).toBeNull();
  expect(
    readListing('<ListBucketResult><Contents><Key>%zz</Key><Size>1</Size></Contents></ListBucketResult>'),
  ).toBeNull();
  expect(
    readListing('<ListBucketResult><Contents><Key>a</Key><Size>-1</Size></Contents></ListBucketResult>'),
  ).toBeNull();
  expect(readListing('<ListBucketResult></ListBucketResult>')).toEqual({ objects: [], next: null });
});
