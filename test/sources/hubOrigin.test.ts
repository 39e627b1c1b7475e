import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NO_CREDENTIALS } from '../../sources/credentials.ts';
import { download } from '../../sources/download/download.ts';
import { SourceError } from '../../sources/errors.ts';
import { openOrigin } from '../../sources/openOrigin.ts';
import { Transport } from '../../sources/transport.ts';
import { QuickPace } from './quickPace.ts';
import { noise, sha256, WeightServer } from './weightServer.ts';

const COMMIT = '1f0c5e3a9b7d2468ace013579bdf02468ace0135';
const TOKEN = 'not-of-the-usual-form';

/** A hub as huggingface.co is one: its API, `resolve`, and a content server at another port that it redirects to. */
class Hub {
  readonly api: WeightServer;
  readonly content: WeightServer;
  readonly files = new Map<string, { bytes: Buffer; lfs: boolean }>();
  commit = COMMIT;
  /** Files of one page of a list. */
  pageFiles = 1000;
  isPrivate = false;

  constructor(api: WeightServer, content: WeightServer) {
    this.api = api;
    this.content = content;
    api.intercept = (request, response) => {
      const url = new URL(request.url ?? '/', api.origin);
      if (this.isPrivate && request.headers.authorization !== `Bearer ${TOKEN}`) {
        response.writeHead(401).end();
        return true;
      }
      const [, , , rest = ''] = /^\/(api\/models\/)?(acme\/tiny)\/(.*)$/.exec(url.pathname) ?? [];
      const [verb = '', ...segments] = rest.split('/').map(decodeURIComponent);
      if (verb === 'revision') this.#revision(segments[0] ?? '', response);
      else if (verb === 'tree') this.#tree(segments, url, response);
      else if (verb === 'paths-info') void this.#pathsInfo(request, response);
      else if (verb === 'resolve') this.#resolve(segments, response);
      else response.writeHead(404).end();
      return true;
    };
  }

  put(path: string, bytes: Buffer, lfs = true): void {
    this.files.set(path, { bytes, lfs });
    this.content.put(`/blobs/${sha256(bytes)}`, bytes, { etag: '"of the content server"' });
  }

  #revision(revision: string, response: ServerResponse): void {
    if (!['main', 'refs/pr/7', COMMIT].includes(revision)) return void response.writeHead(404).end();
    json(response, { _id: 'x', id: 'acme/tiny', sha: this.commit, lastModified: '2026-03-01T10:00:00.000Z' });
  }

  #tree([, ...folder]: string[], url: URL, response: ServerResponse): void {
    const prefix = folder.length > 0 ? `${folder.join('/')}/` : '';
    const all = [...this.files.keys()]
      .filter((path) => path.startsWith(prefix))
      .map((path) => this.#entry(path));
    const from = Number(url.searchParams.get('cursor') ?? 0);
    const to = from + this.pageFiles;
    url.searchParams.set('cursor', String(to));
    const link: Record<string, string> = to < all.length ? { link: `<${url.href}>; rel="next"` } : {};
    json(response, [{ type: 'directory', path: 'q8', size: 0, oid: 'd' }, ...all.slice(from, to)], link);
  }

  async #pathsInfo(request: AsyncIterable<Buffer>, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { paths } = JSON.parse(Buffer.concat(chunks).toString()) as { paths: string[] };
    const found = paths.flatMap((path) => {
      if (this.files.has(path)) return [this.#entry(path)];
      const isFolder = [...this.files.keys()].some((name) => name.startsWith(`${path}/`));
      return isFolder ? [{ type: 'directory', path, size: 0, oid: 'd' }] : [];
    });
    json(response, found);
  }

  #resolve([commit, ...segments]: string[], response: ServerResponse): void {
    const file = this.files.get(segments.join('/'));
    if (!file || commit !== this.commit) return void response.writeHead(404).end();
    response
      .writeHead(302, { location: `${this.content.origin}/blobs/${sha256(file.bytes)}?X-Amz-Signature=s` })
      .end();
  }

  #entry(path: string) {
    const { bytes, lfs } = this.files.get(path) ?? { bytes: Buffer.alloc(0), lfs: false };
    const entry = { type: 'file', path, size: bytes.length, oid: sha256(bytes).slice(0, 40) };
    return lfs ? { ...entry, lfs: { oid: sha256(bytes), size: bytes.length, pointerSize: 134 } } : entry;
  }
}

function json(response: ServerResponse, value: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
}

let directory = '';
let hub: Hub;
let transport: Transport;
const pace = new QuickPace();
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hearth-hub-'));
  hub = new Hub(await WeightServer.start(), await WeightServer.start());
  transport = new Transport();
});
afterEach(async () => {
  await transport.close();
  await Promise.all([hub.api.close(), hub.content.close()]);
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
