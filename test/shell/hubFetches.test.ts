/** A hub's files through a real fetcher process. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FetchFailed } from '../../gateway/ports/originFetcher.ts';
import type { ChildFetcher } from '../../gateway/shell/fetcher/childFetcher.ts';
import { NO_CREDENTIALS, type SourceCredentials } from '../../sources/credentials.ts';
import { until } from '../e2e/startGateway.ts';
import { FakeHub, TOKEN } from '../sources/fakeHub.ts';
import { noise, sha256 } from '../sources/weightServer.ts';
import { childFetcher, fetchOrder } from './fetching.ts';

const PART = 16 * 2 ** 20;
const SOURCE = 'hf:acme/tiny/q8/a.gguf';

let root = '';
let target = '';
let hub: FakeHub;
let credentials: SourceCredentials;
let fetcher: ChildFetcher;
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'hearth-hub-fetch-'));
  target = join(root, 'a.gguf');
  hub = await FakeHub.start();
  hub.isPrivate = true;
  credentials = { ...NO_CREDENTIALS, hf: { endpoint: hub.api.origin, token: TOKEN } };
  fetcher = childFetcher(join(root, 'run'), {}, { credentials: async () => credentials });
});
afterEach(async () => {
  await fetcher.close();
  await hub.close();
  rmSync(root, { recursive: true, force: true });
});

async function bring(): Promise<void> {
  await fetcher.fetch(await fetchOrder(SOURCE, target, {}, credentials), () => {}).done;
}

async function failureOf(promise: Promise<unknown>): Promise<FetchFailed> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof FetchFailed) return error;
  throw new Error(`Cannot see a failure: got ${String(error)}`);
}

describe('ChildFetcher.fetch() of an hf source', () => {
  test('brings a private file with the token, which the content server does not see', async () => {
    const bytes = noise(3_000_000);
    hub.put('q8/a.gguf', bytes);
    await bring();
    expect(readFileSync(target).equals(bytes)).toBe(true);
    expect(hub.content.seen.length).toBeGreaterThan(0);
    expect(hub.content.seen.some(({ headers }) => 'authorization' in headers)).toBe(false);
  });

  test('goes on in a new process where one that was killed left off, and brings no part twice', async () => {
    const bytes = noise(3 * PART);
    hub.put('q8/a.gguf', bytes);
    hub.content.intercept = ({ headers: { range = 'bytes=0-' } }) => !range.startsWith('bytes=0-');
    const order = await fetchOrder(SOURCE, target, {}, credentials);
    const { done } = fetcher.fetch(order, () => {});
    const journal = `${target}.part.journal`;
    await until(() => existsSync(journal) && /^w 0$/m.test(readFileSync(journal, 'utf8')), 'a part is noted');
    const killed = fetcher.pid;
    if (killed === null) throw new Error('Cannot kill the fetcher: there is none');
    hub.content.intercept = null;
    hub.content.seen.length = 0;
    process.kill(killed, 'SIGKILL');
    await done;
    expect(readFileSync(target).equals(bytes)).toBe(true);
    expect(fetcher.pid).not.toBe(killed);
    expect(hub.content.ranged.length).toBeGreaterThan(0);
    expect(hub.content.ranged.some((range) => range.startsWith('bytes=0-'))).toBe(false);
  });

  test('refuses other bytes than the hub promised, and keeps nothing of them', async () => {
    const bytes = noise(3_000_000);
    hub.put('q8/a.gguf', bytes);
    hub.content.put(`/blobs/${sha256(bytes)}`, noise(3_000_000));
    const failure = await failureOf(bring());
    expect(failure).toMatchObject({ code: 'digest_mismatch' });
    expect(failure.message).not.toContain(TOKEN);
    expect(readdirSync(root).filter((name) => name.startsWith('a.gguf'))).toEqual([]);
  });

  test('refuses a commit that came after the catalogue looked', async () => {
    hub.put('q8/a.gguf', noise(1_000_000));
    const order = await fetchOrder(SOURCE, target, {}, credentials);
    hub.put('q8/a.gguf', noise(1_000_000));
    expect(await failureOf(fetcher.fetch(order, () => {}).done)).toMatchObject({ code: 'changed' });
    expect(existsSync(target)).toBe(false);
  });
});
