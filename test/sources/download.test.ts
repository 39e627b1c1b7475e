import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { download } from '../../sources/download/download.ts';
import type { DownloadOptions, DownloadProgress } from '../../sources/download/types.ts';
import { openOrigin } from '../../sources/openOrigin.ts';
import { Transport } from '../../sources/transport.ts';
import { QuickPace } from './quickPace.ts';
import { noise, sha256, WeightServer } from './weightServer.ts';

const PART = 64 * 1024;
const SIZE = 10 * PART + 123;

let directory = '';
let path = '';
let server: WeightServer;
let transport: Transport;
let pace: QuickPace;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hearth-download-'));
  path = join(directory, 'model.gguf');
  server = await WeightServer.start();
  transport = new Transport();
  pace = new QuickPace();
});
afterEach(async () => {
  await transport.close();
  await server.close();
  await rm(directory, { recursive: true, force: true });
});

async function bring(uri: string, options: DownloadOptions = {}) {
  const origin = openOrigin(uri, { transport, pace });
  const [file] = await origin.files();
  if (!file) throw new Error('no file');
  return download(origin, file, path, { partBytes: PART, pace, ...options });
}

async function expectWhole(bytes: Buffer): Promise<void> {
  expect((await readFile(path)).equals(bytes)).toBe(true);
  expect(await readdir(directory)).toEqual(['model.gguf']);
}

describe('download() brings a file', () => {
  test('in ranges over several connections, and reports its progress to the end', async () => {
    const bytes = noise(SIZE);
    const reports: DownloadProgress[] = [];
    const result = await bring(server.put('/a', bytes), {
      parallel: 4,
      onProgress: (now) => reports.push(now),
    });
    expect(result).toMatchObject({
      ok: true,
      value: { resumedBytes: 0, verified: false, file: { bytes: SIZE } },
    });
    await expectWhole(bytes);
    expect(server.ranged).toHaveLength(11);
    expect(reports.at(-1)).toMatchObject({ bytes: SIZE, totalBytes: SIZE, secondsLeft: 0 });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  test('in one stream from a server without ranges', async () => {
    const bytes = noise(SIZE);
    server.ranges = false;
    expect(await bring(server.put('/a', bytes))).toMatchObject({ ok: true });
    await expectWhole(bytes);
    // The question for its size, and the file.
    expect(server.seen).toHaveLength(2);
  });

  test('that is empty, or already lies there in another version', async () => {
    await writeFile(path, 'the old version');
    expect(await bring(server.put('/a', Buffer.alloc(0)))).toMatchObject({ ok: true });
    await expectWhole(Buffer.alloc(0));
  });

  test('from this machine', async () => {
    const bytes = noise(SIZE);
    const source = join(directory, 'source.gguf');
    await writeFile(source, bytes);
    expect(await bring(source)).toMatchObject({ ok: true, value: { file: { name: 'source.gguf' } } });
    expect((await readFile(path)).equals(bytes)).toBe(true);
  });

  test('with the digest that it must have', async () => {
    const bytes = noise(SIZE);
    const result = await bring(server.put('/a', bytes), { sha256: sha256(bytes).toUpperCase() });
    expect(result).toMatchObject({ ok: true, value: { verified: true } });
  });
});

describe('download() goes on', () => {
  test('after connections that were cut off, from where they were, without a part twice', async () => {
    const bytes = noise(SIZE);
    const uri = server.put('/a', bytes);
    server.cut = { afterBytes: 20_000, times: 5 };
    const seen: number[] = [];
    expect(await bring(uri, { parallel: 1, onProgress: ({ bytes: now }) => seen.push(now) })).toMatchObject({
      ok: true,
    });
    await expectWhole(bytes);
    expect(pace.sleptMs).toHaveLength(5);
    const asked = server.ranged.map((range) => Number(/\d+/.exec(range)?.[0]));
    expect(asked.slice(0, 3)).toEqual([0, 20_000, 40_000]);
    expect(seen.at(-1)).toBe(SIZE);
  });

  test('after a connection that stalled', async () => {
    const bytes = noise(SIZE);
    const uri = server.put('/a', bytes);
    await transport.close();
    transport = new Transport({ stallTimeoutMs: 300 });
    server.stall = { afterBytes: 20_000, times: 1 };
    expect(await bring(uri, { parallel: 2 })).toMatchObject({ ok: true });
    await expectWhole(bytes);
    expect(server.ranged.length).toBeGreaterThan(11);
  });

  test('after a part that was refused with 429, when the server says', async () => {
    const bytes = noise(SIZE);
    const uri = server.put('/a', bytes);
    server.intercept = (_request, response, count) => {
      if (count !== 4) return false;
      response.writeHead(429, { 'retry-after': '2' }).end();
      return true;
    };
    expect(await bring(uri, { parallel: 2 })).toMatchObject({ ok: true });
    await expectWhole(bytes);
    expect(pace.sleptMs).toEqual([2000]);
  });

  test('from the start where the server knows no ranges, and counts no byte twice', async () => {
    const bytes = noise(SIZE);
    server.ranges = false;
    const uri = server.put('/a', bytes);
    server.cut = { afterBytes: SIZE - 1, times: 3 };
    const reports: DownloadProgress[] = [];
    // The first cut answers the question for the size, of which only the head counts.
    expect(await bring(uri, { onProgress: (now) => reports.push(now) })).toMatchObject({ ok: true });
    await expectWhole(bytes);
    expect(reports.at(-1)?.bytes).toBe(SIZE);
  });

  test('until a part has failed so often without a byte, and keeps what it has', async () => {
    const bytes = noise(SIZE);
    const uri = server.put('/a', bytes);
    server.intercept = ({ headers }, response) => {
      if (headers.range !== `bytes=${5 * PART}-${6 * PART - 1}`) return false;
      response.writeHead(500).end();
      return true;
    };
    const result = await bring(uri, { parallel: 1, attempts: 3 });
    expect(result).toMatchObject({ ok: false, error: { code: 'network' } });
    expect(existsSync(path)).toBe(false);
    server.intercept = null;
    const before = server.ranged.length;
    expect(await bring(uri)).toMatchObject({ ok: true, value: { resumedBytes: 5 * PART } });
    expect(server.ranged.slice(before)).toHaveLength(6);
    await expectWhole(bytes);
  });

  test('where an earlier one was cancelled', async () => {
    const bytes = noise(SIZE);
    const uri = server.put('/a', bytes);
    const stop = new AbortController();
    server.intercept = (_request, _response, count) => {
      if (count === 5) stop.abort();
      return count === 5;
    };
    const cancelled = await bring(uri, { parallel: 1, signal: stop.signal });
    expect(cancelled).toMatchObject({ ok: false, error: { code: 'cancelled' } });
    server.intercept = null;
    expect(await bring(uri, { sha256: sha256(bytes) })).toMatchObject({
      ok: true,
      value: { resumedBytes: 3 * PART, verified: true },
    });
    await expectWhole(bytes);
  });
});

describe('download() starts over', () => {
  test('when the source changes in the middle, with the new version', async () => {
    const uri = server.put('/a', noise(SIZE), { etag: '"v1"' });
    const bytes = noise(SIZE + 1);
    server.intercept = (_request, _response, count) => {
      if (count === 5) server.put('/a', bytes, { etag: '"v2"' });
      return false;
    };
    const result = await bring(uri, { parallel: 2 });
    expect(result).toMatchObject({ ok: true, value: { file: { etag: '"v2"', bytes: SIZE + 1 } } });
    await expectWhole(bytes);
  });

  test('and gives up on one that changes each time, which leaves nothing', async () => {
    const uri = server.put('/a', noise(SIZE), { etag: '"v1"' });
    server.intercept = ({ headers }, _response, count) => {
      if (headers.range !== 'bytes=0-0') server.put('/a', noise(SIZE), { etag: `"v${count}"` });
      return false;
    };
    expect(await bring(uri)).toMatchObject({ ok: false, error: { code: 'changed' } });
    expect(existsSync(path)).toBe(false);
  });

  test.each([
    ['the journal is of another version', { etag: '"other"' }],
    ['nothing tells versions apart', { etag: null }],
  ])('when %s', async (_why, { etag }) => {
    const uri = server.put('/a', noise(SIZE), { etag: etag === null ? null : '"v1"' });
    await half(uri);
    const bytes = noise(SIZE);
    server.put('/a', bytes, { etag });
    expect(await bring(uri)).toMatchObject({ ok: true, value: { resumedBytes: 0 } });
    await expectWhole(bytes);
  });

  test.each([
    ['is cut off in its last line', (text: string) => `${withoutSyncs(text)}w 3`, 3],
    ['has garbage behind', (text: string) => `${text}x\n\nw -1\ns 1e9\nw 5 6\n`, 3],
    [
      'is of another life of the system, but for what was on disk',
      (text: string) => `${withoutSyncs(text).replace(/boot .*/, 'boot another')}s 1\n`,
      1,
    ],
    ['is empty', () => '', 0],
  ])('as far as a journal does not count that %s', async (_how, damage, parts) => {
    const bytes = noise(SIZE);
    const uri = server.put('/a', bytes);
    await half(uri);
    const journal = `${path}.part.journal`;
    await writeFile(journal, damage(await readFile(journal, 'utf8')));
    expect(await bring(uri)).toMatchObject({ ok: true, value: { resumedBytes: parts * PART } });
    await expectWhole(bytes);
  });

  test('when the half-made file was cut', async () => {
    const bytes = noise(SIZE);
    const uri = server.put('/a', bytes);
    await half(uri);
    await writeFile(`${path}.part`, 'short');
    expect(await bring(uri)).toMatchObject({ ok: true, value: { resumedBytes: 0 } });
    await expectWhole(bytes);
  });

  const withoutSyncs = (text: string) => text.replaceAll(/^s .*\n/gm, '');

  /** Three parts are there, then the fourth fails. */
  async function half(uri: string): Promise<void> {
    server.intercept = (_request, response, count) => {
      if (count !== 5) return false;
      response.writeHead(418).end();
      return true;
    };
    expect(await bring(uri, { parallel: 1 })).toMatchObject({ ok: false, error: { code: 'bad_answer' } });
    server.intercept = null;
  }
});

describe('download() refuses', () => {
  test('what has another digest than it must have, and keeps nothing of it', async () => {
    const result = await bring(server.put('/a', noise(SIZE)), { sha256: sha256(Buffer.from('another')) });
    expect(result).toMatchObject({ ok: false, error: { code: 'digest_mismatch' } });
    expect(await readdir(directory)).toEqual([]);
  });

  test('what is larger than it may be, before a byte of it comes', async () => {
    const result = await bring(server.put('/a', noise(SIZE)), { maxBytes: SIZE - 1 });
    expect(result).toMatchObject({ ok: false, error: { code: 'too_large' } });
    expect(server.ranged).toEqual([]);
    expect(await readdir(directory)).toEqual([]);
  });

  test('what the disk has no room for, with the arithmetic', async () => {
    const origin = openOrigin(server.put('/a', noise(10)), { transport, pace });
    const [file] = await origin.files();
    if (!file) throw new Error('no file');
    const result = await download(origin, { ...file, bytes: 2 ** 52 }, path);
    expect(result).toMatchObject({ ok: false, error: { code: 'no_space' } });
    expect(result.ok || result.error.message).toMatch(/expected 4503599627370496 bytes free, got \d+/);
    expect(await readdir(directory)).toEqual([]);
  });

  test('a folder that is not there', async () => {
    path = join(directory, 'none', 'model.gguf');
    expect(await bring(server.put('/a', noise(10)))).toMatchObject({
      ok: false,
      error: { code: 'not_found' },
    });
  });

  test('what goes away in the middle', async () => {
    const uri = server.put('/a', noise(SIZE));
    server.intercept = (_request, _response, count) => {
      if (count === 4) server.files.clear();
      return false;
    };
    expect(await bring(uri)).toMatchObject({ ok: false, error: { code: 'not_found' } });
    expect(existsSync(path)).toBe(false);
  });
});
