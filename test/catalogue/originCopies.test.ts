import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { OriginCopies, type OriginCopiesDeps } from '../../gateway/catalogue/origins/originCopies.ts';
import { containerBytes } from '../../gateway/domain/containerLayout.ts';
import { segmentKey } from '../../gateway/domain/ids.ts';
import type { OriginOrder } from '../../gateway/ports/originFiles.ts';
import { StageFailed } from '../../gateway/ports/weightStore.ts';
import type { ChildFetcher } from '../../gateway/shell/fetcher/childFetcher.ts';
import { sourceIdentity } from '../../sources/identity.ts';
import { openOrigin } from '../../sources/openOrigin.ts';
import { childFetcher, scripted } from '../shell/fetching.ts';
import { noise, sha256, WeightServer } from '../sources/weightServer.ts';

let root = '';
let server: WeightServer;
let changes: string[];
const fetchers: ChildFetcher[] = [];
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'hearth-copies-'));
  server = await WeightServer.start();
  changes = [];
});
afterEach(async () => {
  for (const fetcher of fetchers.splice(0)) await fetcher.close();
  await server.close();
  rmSync(root, { recursive: true, force: true });
});

function fetcherWith(prefetchBytesPerSecond: number | null): ChildFetcher {
  const fetcher = childFetcher(join(root, 'run'), { prefetchBytesPerSecond });
  fetchers.push(fetcher);
  return fetcher;
}

function copiesWith(more: Partial<OriginCopiesDeps> = {}): OriginCopies {
  return new OriginCopies({
    directory: join(root, 'weights'),
    fetcher: fetcherWith(null),
    maxBytes: null,
    changed: async (source) => changes.push(source),
    ...more,
  });
}

/** An order for what the server has now, as the catalogue would have seen it. */
async function orderOf(source: string, more: Partial<OriginOrder> = {}): Promise<OriginOrder> {
  const files = await openOrigin(source).files();
  const key = segmentKey(sourceIdentity(source, files).slice(0, 32));
  server.seen.length = 0;
  const bytes = files[0]?.bytes ?? 0;
  return { key, source, bytes, isEncrypted: false, digest: null, priority: 'demand', ...more };
}

async function failureOf(bringing: Promise<unknown>): Promise<StageFailed> {
  const error = await bringing.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof StageFailed)) throw new Error(`expected StageFailed, got ${String(error)}`);
  return error;
}

const quiet = () => {};

describe('OriginCopies.bring()', () => {
  test('downloads once for all who ask, tells each how far it is, and then asks nobody', async () => {
    const bytes = noise(300_000);
    const order = await orderOf(server.put('/a.gguf', bytes));
    const copies = copiesWith();
    const seen: number[][] = [[], []];
    const brought = await Promise.all(
      seen.map((told) => copies.bring(order, (progress) => told.push(progress.bytes))),
    );
    expect(brought.map(({ isFromOrigin }) => isFromOrigin)).toEqual([true, true]);
    expect(readFileSync(brought[0]?.path ?? '').equals(bytes)).toBe(true);
    expect(brought[0]?.path).toBe(copies.placeOf(order.key, order.source));
    const bodies = server.seen.filter(({ method, range }) => method === 'GET' && range !== 'bytes=0-0');
    expect(bodies).toHaveLength(1);
    for (const told of seen) expect(told.at(-1)).toBe(bytes.length);
    await server.close();
    expect(await copies.bring(order, quiet)).toMatchObject({
      path: brought[0]?.path,
      isFromOrigin: false,
    });
    server = await WeightServer.start();
  });

  test('has the catalogue look again and fails when the source has another version', async () => {
    const source = server.put('/a.gguf', noise(1000));
    const order = await orderOf(source);
    server.put('/a.gguf', noise(1000));
    const copies = copiesWith();
    const failure = await failureOf(copies.bring(order, quiet));
    expect(failure).toMatchObject({ code: 'source_unreadable', isPermanent: false });
    expect(failure.message).toContain(
      `Cannot bring "${source}": expected version "${order.key.slice(0, 16)}"`,
    );
    expect(changes).toEqual([source]);
    expect(existsSync(copies.placeOf(order.key, source))).toBe(false);
  });

  test('goes on where an earlier gateway was ended', async () => {
    const bytes = noise(40 * 2 ** 20);
    const order = await orderOf(server.put('/a.gguf', bytes));
    const first = copiesWith();
    // The first part of 16 MiB comes, the others do not.
    server.intercept = ({ headers: { range = 'bytes=0-' } }) => !range.startsWith('bytes=0-');
    const going = failureOf(first.bring(order, quiet));
    const journal = `${first.placeOf(order.key, order.source)}.part.journal`;
    await vi.waitFor(() => expect(readFileSync(journal, 'utf8')).toMatch(/^w 0$/m), 10_000);
    await first.close();
    expect(await going).toMatchObject({ code: 'cancelled' });
    server.intercept = null;
    server.seen.length = 0;
    const { path } = await copiesWith().bring(order, quiet);
    expect(readFileSync(path).equals(bytes)).toBe(true);
    expect(server.ranged.toSorted()).toEqual(['bytes=16777216-33554431', 'bytes=33554432-41943039']);
  });

  test('brings all files of a split model, side by side under their names, and again when one has gone', async () => {
    const parts = [noise(300_000), noise(200_000), noise(100_000)];
    const uris = parts.map((bytes, index) => server.put(`/m-0000${index + 1}-of-00003.gguf`, bytes));
    const bytes = 600_000;
    const order = await orderOf(uris[0] ?? '', { bytes });
    const first = copiesWith();
    const told: number[] = [];
    const brought = await first.bring(order, (progress) => told.push(progress.bytes));
    expect(brought).toMatchObject({ isFromOrigin: true, path: first.placeOf(order.key, order.source) });
    expect(told.at(-1)).toBe(bytes);
    expect(told).toEqual(told.toSorted((a, b) => a - b));
    const folder = dirname(brought.path);
    const names = parts.map((_, index) => `m-0000${index + 1}-of-00003.gguf`);
    expect(readdirSync(folder).toSorted()).toEqual(names);
    for (const [index, name] of names.entries())
      expect(readFileSync(join(folder, name)).equals(parts[index] ?? Buffer.alloc(0))).toBe(true);
    expect(await copiesWith().bring(order, quiet)).toMatchObject({ isFromOrigin: false });
    rmSync(join(folder, names[1] ?? ''));
    expect(await copiesWith().bring(order, quiet)).toMatchObject({ isFromOrigin: true });
    expect(readdirSync(folder).toSorted()).toEqual(names);
  });

  test('fails for good, and keeps nothing, when it is not what the catalogue says', async () => {
    const source = server.put('/a.gguf', noise(1000));
    const order = await orderOf(source, { digest: `sha256:${sha256(noise(8))}` });
    const copies = copiesWith();
    const failure = await failureOf(copies.bring(order, quiet));
    expect(failure).toMatchObject({ code: 'digest_mismatch', isPermanent: true });
    expect(existsSync(copies.placeOf(order.key, source))).toBe(false);
  });

  test('knows an encrypted file by its own size, and leaves the digest of its plaintext alone', async () => {
    const plaintextBytes = 5_000_000;
    const bytes = noise(containerBytes(plaintextBytes));
    const source = server.put('/a.gguf.hearth', bytes);
    const digest = `sha256:${sha256(noise(8))}`;
    const order = await orderOf(source, { bytes: plaintextBytes, isEncrypted: true, digest });
    const copies = copiesWith({ maxBytes: bytes.length });
    const brought = await copies.bring(order, quiet);
    expect(brought.path.endsWith('/a.gguf.hearth')).toBe(true);
    expect(readFileSync(brought.path).equals(bytes)).toBe(true);
    expect(await copies.bring(order, quiet)).toMatchObject({ isFromOrigin: false });
    await copies.discard(order.key);
    const failure = await failureOf(copiesWith({ maxBytes: bytes.length - 1 }).bring(order, quiet));
    expect(failure.message).toContain(`got ${bytes.length}`);
  });

  test('names the source when who downloads it ends again and again', async () => {
    const source = server.put('/a.gguf', noise(1000));
    const order = await orderOf(source);
    const entry = scripted(join(root, 'run'), 'process.exit(9)');
    const fetcher = childFetcher(join(root, 'run'), { entry });
    const failure = await failureOf(copiesWith({ fetcher }).bring(order, quiet));
    expect(failure).toMatchObject({ code: 'source_unreadable', isPermanent: false });
    expect(failure.message).toBe(
      `Cannot bring "${source}": the process that downloads ends each time: it exited with 9`,
    );
  });

  test('removes what was used longest ago where it may not take more, and refuses what is larger than all', async () => {
    const copies = copiesWith({ maxBytes: 2500 });
    const orders: OriginOrder[] = [];
    for (const name of ['/a.gguf', '/b.gguf', '/c.gguf'])
      orders.push(await orderOf(server.put(name, noise(1000))));
    const [a, b, c] = orders as [OriginOrder, OriginOrder, OriginOrder];
    const there = () => orders.map(({ key, source }) => existsSync(copies.placeOf(key, source)));
    await copies.bring(a, quiet);
    await copies.bring(b, quiet);
    utimesSync(dirname(copies.placeOf(a.key, a.source)), 2000, 2000);
    utimesSync(dirname(copies.placeOf(b.key, b.source)), 1000, 1000);
    await copies.bring(c, quiet);
    expect(there()).toEqual([true, false, true]);
    const large = await orderOf(server.put('/d.gguf', noise(3000)));
    const failure = await failureOf(copies.bring(large, quiet));
    expect(failure.message).toContain('expected at most 2500 bytes of downloads, got 3000');
    expect(there()).toEqual([true, false, true]);
  });

  test('goes on without the limit of prefetches when a request waits for it', async () => {
    const bytes = noise(3 * 2 ** 20);
    const order = await orderOf(server.put('/a.gguf', bytes), { priority: 'prefetch' });
    const copies = copiesWith({ fetcher: fetcherWith(1) });
    const ahead = copies.bring(order, quiet);
    const wanted = await copies.bring({ ...order, priority: 'demand' }, quiet);
    expect((await ahead).path).toBe(wanted.path);
    expect(readFileSync(wanted.path).equals(bytes)).toBe(true);
  });
});

describe('OriginCopies', () => {
  test('removeUnused() and discard() let go of versions', async () => {
    const copies = copiesWith();
    const [a, b] = [
      await orderOf(server.put('/a.gguf', noise(10))),
      await orderOf(server.put('/b.gguf', noise(10))),
    ];
    await copies.bring(a, quiet);
    await copies.bring(b, quiet);
    await copies.removeUnused(new Set([a.key]));
    expect(existsSync(copies.placeOf(b.key, b.source))).toBe(false);
    expect(existsSync(copies.placeOf(a.key, a.source))).toBe(true);
    await copies.discard(a.key);
    expect(existsSync(copies.placeOf(a.key, a.source))).toBe(false);
  });

  test('placeOf() shows no query, and leads nowhere else', () => {
    const copies = copiesWith();
    const key = segmentKey('0a'.repeat(16));
    const folder = join(root, 'weights', key);
    expect(copies.placeOf(key, 'https://w.example/x/a.gguf?sig=secret')).toBe(join(folder, 'a.gguf'));
    expect(dirname(copies.placeOf(key, 's3://bucket/x/..'))).toBe(folder);
    expect(copies.placeOf(key, '/models/a.gguf')).toBe('/models/a.gguf');
  });
});
