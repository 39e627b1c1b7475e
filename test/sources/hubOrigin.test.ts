import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NO_CREDENTIALS } from '../../sources/credentials.ts';
import { download } from '../../sources/download/download.ts';
import { SourceError } from '../../sources/errors.ts';
import { openOrigin } from '../../sources/openOrigin.ts';
import { Transport } from '../../sources/transport.ts';
import { FakeHub, TOKEN } from './fakeHub.ts';
import { QuickPace } from './quickPace.ts';
import { noise, sha256 } from './weightServer.ts';

let directory = '';
let hub: FakeHub;
let transport: Transport;
const pace = new QuickPace();
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hearth-hub-'));
  hub = await FakeHub.start();
  transport = new Transport();
});
afterEach(async () => {
  await transport.close();
  await hub.close();
  await rm(directory, { recursive: true, force: true });
});

function open(uri: string, token?: string) {
  const credentials = { ...NO_CREDENTIALS, hf: { endpoint: `${hub.api.origin}/`, token } };
  return openOrigin(uri, { transport, pace, credentials });
}

async function failure(promise: Promise<unknown>): Promise<SourceError> {
  const error = await promise.catch((reason: unknown) => reason);
  if (error instanceof SourceError) return error;
  throw new Error('did not fail as a source does');
}

const names = async (uri: string) => (await open(uri).files()).map(({ name }) => name);

describe('files() of an hf source', () => {
  test('tells size, SHA-256 and time of a file in LFS, and the blob of one that is not', async () => {
    const weights = noise(1000);
    hub.put('q8/a b.gguf', weights);
    hub.put('config.json', Buffer.from('{}'), false);
    expect(await open('hf:acme/tiny/q8/a b.gguf').files()).toEqual([
      {
        name: 'a b.gguf',
        bytes: 1000,
        etag: sha256(weights),
        modifiedAtEpochMs: Date.parse('2026-03-01T10:00:00Z'),
        sha256: sha256(weights),
        ranges: true,
      },
    ]);
    expect(await open('hf:acme/tiny@refs%2Fpr%2F7/config.json').files()).toMatchObject([
      { name: 'config.json', bytes: 2, etag: sha256(Buffer.from('{}')).slice(0, 40), sha256: null },
    ]);
  });

  test('has the whole repository, a folder of it, what a pattern names, and all shards of a split file', async () => {
    hub.pageFiles = 2;
    for (const path of [
      'README.md',
      'q4/x.gguf',
      'q8/m-00001-of-00002.gguf',
      'q8/m-00002-of-00002.gguf',
      'q8/x.gguf',
    ]) {
      hub.put(path, noise(10));
    }
    expect(await names('hf:acme/tiny')).toHaveLength(5);
    expect(await names('hf:acme/tiny/q8/')).toEqual([
      'm-00001-of-00002.gguf',
      'm-00002-of-00002.gguf',
      'x.gguf',
    ]);
    expect(await names('hf:acme/tiny/*/x.gguf')).toEqual(['q4/x.gguf', 'q8/x.gguf']);
    expect(await names('hf:acme/tiny/q8/m-00001-of-00002.gguf')).toHaveLength(2);
  });

  test('says what is missing: the file, the folder’s slash, the revision, the right', async () => {
    hub.put('q8/x.gguf', noise(10));
    const told = async (uri: string) => {
      const { code, message } = await failure(open(uri).files());
      return `${code}: ${message}`;
    };
    expect(await told('hf:acme/tiny/none.gguf')).toContain(
      'not_found: Cannot read "hf:acme/tiny@1f0c5e3a9b7d/none.gguf"',
    );
    expect(await told('hf:acme/tiny/q8')).toContain('it is a folder, which is written with a / at its end');
    expect(await told('hf:acme/tiny/none/')).toContain('not_found');
    expect(await told('hf:acme/tiny@v9/q8/x.gguf')).toContain(
      'not_found: Cannot read "hf:acme/tiny@v9/q8/x.gguf"',
    );
    hub.isPrivate = true;
    expect(await told('hf:acme/tiny/q8/x.gguf')).toContain('forbidden');
  });

  test('asks again after a failure of the server, and refuses answers that are none', async () => {
    hub.put('x.gguf', noise(10));
    const honest = hub.api.intercept;
    hub.api.intercept = (request, response, count) => {
      if (count > 1) return honest?.(request, response, count) ?? false;
      response.writeHead(502).end();
      return true;
    };
    expect(await names('hf:acme/tiny/x.gguf')).toEqual(['x.gguf']);
    hub.files.set('../../etc/passwd', { bytes: noise(1), lfs: false });
    expect(await failure(open('hf:acme/tiny/').files())).toMatchObject({ code: 'bad_answer' });
    hub.commit = 'not a commit';
    expect(await failure(open('hf:acme/tiny/').files())).toMatchObject({ code: 'bad_answer' });
  });
});

describe('download() of an hf source', () => {
  async function bring(uri: string, token?: string) {
    const origin = open(uri, token);
    const [file] = await origin.files();
    if (!file) throw new Error('no file');
    return download(origin, file, join(directory, 'a.gguf'), { partBytes: 10_000, pace });
  }

  test('compares the SHA-256 of the LFS object, and sends the token to the hub alone', async () => {
    const bytes = noise(95_000);
    hub.put('a.gguf', bytes);
    hub.isPrivate = true;
    expect(await bring('hf:acme/tiny/a.gguf', TOKEN)).toMatchObject({ ok: true, value: { verified: true } });
    expect((await readFile(join(directory, 'a.gguf'))).equals(bytes)).toBe(true);
    expect(hub.api.seen.every(({ headers }) => headers.authorization === `Bearer ${TOKEN}`)).toBe(true);
    expect(hub.content.seen.length).toBeGreaterThanOrEqual(10);
    expect(hub.content.seen.some(({ headers }) => 'authorization' in headers)).toBe(false);
  });

  test('refuses other bytes than the hub promised', async () => {
    const bytes = noise(95_000);
    hub.put('a.gguf', bytes);
    hub.content.put(`/blobs/${sha256(bytes)}`, noise(95_000));
    const result = await bring('hf:acme/tiny/a.gguf');
    expect(result).toMatchObject({ ok: false, error: { code: 'digest_mismatch' } });
  });

  test('shows no signed address and no token when it fails', async () => {
    const bytes = noise(95_000);
    hub.put('a.gguf', bytes);
    hub.content.intercept = (_request, response) => {
      response.writeHead(403).end();
      return true;
    };
    const result = await bring('hf:acme/tiny/a.gguf', TOKEN);
    expect(result).toMatchObject({ ok: false, error: { code: 'forbidden' } });
    const told = result.ok
      ? ''
      : `${result.error.message} ${result.error.stack} ${String(result.error.cause)}`;
    expect(told).toContain('hf:acme/tiny@1f0c5e3a9b7d/a.gguf');
    expect(told).not.toMatch(/Signature|127\.0\.0\.1|not-of-the-usual-form/);
  });
});
