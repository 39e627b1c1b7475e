import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FetchFailed } from '../../gateway/ports/originFetcher.ts';
import type { ChildFetcher } from '../../gateway/shell/fetcher/childFetcher.ts';
import { NO_CREDENTIALS } from '../../sources/credentials.ts';
import { isAlive, until } from '../e2e/startGateway.ts';
import { noise, sha256, WeightServer } from '../sources/weightServer.ts';
import { childFetcher, fetchOrder, Lines, scripted } from './fetching.ts';

const PART = 16 * 2 ** 20;

let root = '';
let target = '';
let server: WeightServer;
let lines: Lines;
const opened: ChildFetcher[] = [];
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'hearth-fetcher-'));
  target = join(root, 'a.gguf');
  server = await WeightServer.start();
  lines = new Lines();
});
afterEach(async () => {
  for (const fetcher of opened.splice(0)) await fetcher.close();
  await server.close();
  rmSync(root, { recursive: true, force: true });
});

function open(
  ...[settings, deps]: [Parameters<typeof childFetcher>[1]?, Parameters<typeof childFetcher>[2]?]
) {
  const fetcher = childFetcher(join(root, 'run'), settings, { log: lines, ...deps });
  opened.push(fetcher);
  return fetcher;
}

async function failureOf(promise: Promise<unknown>): Promise<FetchFailed> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof FetchFailed) return error;
  throw new Error(`Cannot see a failure: got ${String(error)}`);
}

const quiet = () => {};

/** Lets the first part through and holds the others, until it is taken away. */
function holdLaterParts(): void {
  server.intercept = ({ headers: { range = 'bytes=0-' } }) => !range.startsWith('bytes=0-');
}

async function firstPartIsThere(): Promise<void> {
  const journal = `${target}.part.journal`;
  await until(() => existsSync(journal) && /^w 0$/m.test(readFileSync(journal, 'utf8')), 'a part is noted');
}

function signal(fetcher: ChildFetcher, name: NodeJS.Signals): number {
  const { pid } = fetcher;
  if (pid === null) throw new Error('Cannot signal the fetcher: there is none');
  process.kill(pid, name);
  return pid;
}

describe('ChildFetcher.fetch()', () => {
  test('brings a file in another process, and tells how far it is', async () => {
    const bytes = noise(3_000_000);
    const fetcher = open();
    expect(fetcher.pid).toBeNull();
    const told: { bytes: number; totalBytes: number }[] = [];
    await fetcher.fetch(await fetchOrder(server.put('/a.gguf', bytes), target), (now) => told.push(now)).done;
    expect(readFileSync(target).equals(bytes)).toBe(true);
    expect(told.at(-1)).toEqual({ bytes: bytes.length, totalBytes: bytes.length });
    expect(fetcher.pid).not.toBe(process.pid);
  });

  test.each(['SIGKILL', 'SIGSEGV'] as const)(
    'goes on in a new process where one that %s ended left off',
    async (name) => {
      const bytes = noise(PART + 1000);
      const order = await fetchOrder(server.put('/a.gguf', bytes), target);
      const fetcher = open();
      holdLaterParts();
      const { done } = fetcher.fetch(order, quiet);
      await firstPartIsThere();
      server.seen.length = 0;
      server.intercept = null;
      const pid = signal(fetcher, name);
      await done;
      expect(readFileSync(target).equals(bytes)).toBe(true);
      expect(server.ranged).toEqual([`bytes=${PART}-${PART + 999}`]);
      expect(fetcher.pid).not.toBe(pid);
      expect(lines.text).toContain(`was ended by ${name}`);
    },
  );

  test('goes on in a new process when one hangs, and not before that has gone', async () => {
    const bytes = noise(PART + 1000);
    const order = await fetchOrder(server.put('/a.gguf', bytes), target);
    const fetcher = open({ silenceMs: 3_000 });
    holdLaterParts();
    const { done } = fetcher.fetch(order, quiet);
    await firstPartIsThere();
    server.intercept = null;
    const pid = signal(fetcher, 'SIGSTOP');
    await done;
    expect(isAlive(pid)).toBe(false);
    expect(readFileSync(target).equals(bytes)).toBe(true);
    expect(lines.text).toContain('said nothing for 3000 ms');
  });

  test('is not taken for hanging for as long as it says that it is alive', async () => {
    const order = await fetchOrder(server.put('/a.gguf', noise(1000)), target);
    // Twice what would be too long for one that says nothing.
    const speaking = `import { Socket } from 'node:net';
      const control = new Socket({ fd: 3 });
      const say = (message) => control.write(JSON.stringify(message) + '\\n');
      control.once('data', () => {
        let times = 0;
        const timer = setInterval(() => {
          times += 1;
          if (times < 40) return say({ type: 'alive' });
          say({ type: 'fetched', seq: 1, resumedBytes: 0 });
          clearInterval(timer);
        }, 100);
      });`;
    const entry = scripted(join(root, 'run'), speaking);
    await open({ entry, silenceMs: 2_000 }).fetch(order, quiet).done;
    expect(lines.text).toBe('');
  });

  test('fails with what it said last when it ends again and again', async () => {
    const order = await fetchOrder(server.put('/a.gguf', noise(1000)), target);
    const entry = scripted(join(root, 'run'), `process.stderr.write('no good\\n'); process.exit(7);`);
    const failure = await failureOf(open({ entry }).fetch(order, quiet).done);
    expect(failure.code).toBe('fetcher_gone');
    expect(failure.message).toBe('the process that downloads ends each time: it exited with 7: no good');
    expect(lines.text.match(/fetcher has gone/g)).toHaveLength(3);
    expect(readdirSync(join(root, 'run'))).toEqual(['scripted.mjs']);
  });

  test('fails when what runs does not speak its protocol', async () => {
    const order = await fetchOrder(server.put('/a.gguf', noise(1000)), target);
    const speaking = `import { Socket } from 'node:net';
      const control = new Socket({ fd: 3 });
      control.on('data', () => {});
      control.write('{"type":"ready","version":99,"pid":1}\\n');`;
    const entry = scripted(join(root, 'run'), speaking);
    const failure = await failureOf(open({ entry }).fetch(order, quiet).done);
    expect(failure).toMatchObject({ code: 'fetcher_gone' });
    expect(failure.message).toContain('expected protocol version 1, got 99');
  });

  test('tells what the source is at fault for, by its code', async () => {
    const fetcher = open();
    const order = await fetchOrder(server.put('/a.gguf', noise(1000)), target);
    const wrong = { ...order, sha256: sha256(noise(8)) };
    expect(await failureOf(fetcher.fetch(wrong, quiet).done)).toMatchObject({ code: 'digest_mismatch' });
    const other = { ...order, version: '0a'.repeat(16) };
    expect(await failureOf(fetcher.fetch(other, quiet).done)).toMatchObject({ code: 'changed' });
    const large = { ...order, bytes: 999 };
    expect(await failureOf(fetcher.fetch(large, quiet).done)).toMatchObject({ code: 'too_large' });
    server.files.clear();
    expect(await failureOf(fetcher.fetch(order, quiet).done)).toMatchObject({ code: 'not_found' });
    expect(existsSync(target)).toBe(false);
  });

  test('holds prefetches back together, and none of them any longer when a request waits', async () => {
    const fetcher = open({ prefetchBytesPerSecond: 1 });
    const files = ['/a.gguf', '/b.gguf'].map((name) => ({ name, bytes: noise(3 * 2 ** 20) }));
    const fetches = [];
    for (const { name, bytes } of files) {
      const order = await fetchOrder(server.put(name, bytes), join(root, name.slice(1)), {
        priority: 'prefetch',
      });
      fetches.push(fetcher.fetch(order, quiet));
    }
    fetches[1]?.hurry();
    await fetches[1]?.done;
    expect(readFileSync(join(root, 'b.gguf')).equals(files[1]?.bytes ?? noise(1))).toBe(true);
    expect(existsSync(join(root, 'a.gguf'))).toBe(false);
    fetches[0]?.hurry();
    await fetches[0]?.done;
    expect(readFileSync(target).equals(files[0]?.bytes ?? noise(1))).toBe(true);
  });

  test('is as urgent in a new process as it was in the one that has gone', async () => {
    const bytes = noise(PART + 2 ** 20);
    const order = await fetchOrder(server.put('/a.gguf', bytes), target, { priority: 'prefetch' });
    const fetcher = open({ prefetchBytesPerSecond: 1 });
    holdLaterParts();
    const fetch = fetcher.fetch(order, quiet);
    fetch.hurry();
    await firstPartIsThere();
    server.intercept = null;
    signal(fetcher, 'SIGKILL');
    await fetch.done;
    expect(readFileSync(target).equals(bytes)).toBe(true);
  });

  test('keeps what came when it is cancelled, and others go on', async () => {
    const [a, b] = [noise(PART + 1000), noise(1000)];
    const order = await fetchOrder(server.put('/a.gguf', a), target);
    const other = await fetchOrder(server.put('/b.gguf', b), join(root, 'b.gguf'));
    const fetcher = open();
    holdLaterParts();
    const fetch = fetcher.fetch(order, quiet);
    await firstPartIsThere();
    fetch.cancel();
    expect(await failureOf(fetch.done)).toMatchObject({ code: 'cancelled' });
    await fetcher.fetch(other, quiet).done;
    server.intercept = null;
    server.seen.length = 0;
    await fetcher.fetch(order, quiet).done;
    expect(server.ranged).toEqual([`bytes=${PART}-${PART + 999}`]);
    expect(readFileSync(target).equals(a)).toBe(true);
  });
});

describe('ChildFetcher', () => {
  test('ends its process when it is idle, and has another for the next order', async () => {
    const order = await fetchOrder(server.put('/a.gguf', noise(1000)), target);
    const fetcher = open({}, { idleMs: 0 });
    await fetcher.fetch(order, quiet).done;
    await until(() => fetcher.pid === null, 'it has gone');
    rmSync(target);
    await fetcher.fetch(order, quiet).done;
    expect(existsSync(target)).toBe(true);
    expect(lines.text).toBe('');
  });

  test('close() ends the process, and what was under way is cancelled and can be gone on with', async () => {
    const order = await fetchOrder(server.put('/a.gguf', noise(PART + 1000)), target);
    const fetcher = open();
    holdLaterParts();
    const { done } = fetcher.fetch(order, quiet);
    const failing = failureOf(done);
    await firstPartIsThere();
    const { pid } = fetcher;
    await fetcher.close();
    expect(await failing).toMatchObject({ code: 'cancelled' });
    expect(isAlive(pid ?? 0)).toBe(false);
    expect(await failureOf(fetcher.fetch(order, quiet).done)).toMatchObject({ code: 'cancelled' });
    server.intercept = null;
    server.seen.length = 0;
    await open().fetch(order, quiet).done;
    expect(server.ranged).toEqual([`bytes=${PART}-${PART + 999}`]);
  });

  test('gives secrets by the pipe alone', async () => {
    const secret = 'Bearer not-to-be-seen';
    const host = new URL(server.origin).host;
    const credentials = { ...NO_CREDENTIALS, http: { [host]: { headers: { authorization: secret } } } };
    const source = server.put('/a.gguf', noise(1000));
    const order = await fetchOrder(source, target, {}, credentials);
    server.seen.length = 0;
    const fetcher = open({ environment: { PATH: '/usr/bin' } }, { credentials: async () => credentials });
    server.intercept = (request, response) => {
      if (request.headers.authorization === secret) return false;
      response.writeHead(401).end();
      return true;
    };
    await fetcher.fetch(order, quiet).done;
    const { pid } = fetcher;
    const seen = ['cmdline', 'environ'].map((name) => readFileSync(`/proc/${pid}/${name}`, 'latin1'));
    for (const name of readdirSync(join(root, 'run')))
      seen.push(readFileSync(join(root, 'run', name), 'latin1'));
    expect([...seen, lines.text].join('\n')).not.toContain('not-to-be-seen');
    expect(seen[1]).toContain('PATH=/usr/bin');
    // Also not when it dies of an order that it cannot read.
    const bad = {
      ...NO_CREDENTIALS,
      http: { [host]: { headers: { authorization: 7 as unknown as string } } },
    };
    const failure = await failureOf(
      open({}, { credentials: async () => ({ ...bad, hf: { endpoint: secret } }) }).fetch(order, quiet).done,
    );
    expect(failure.message).toContain('expected a known message, got one that is wrong at "credentials.http');
    expect(failure.message + lines.text).not.toContain('not-to-be-seen');
  });
});
