/**
 * A download over loopback HTTP to disk: our connections beside curl, in turns within one run. The server is a process of
 * its own with the file in memory; once it sends as fast as it can, once no connection gets more than 40 MB/s, as object
 * stores and hubs do. `--mib N` sets the size (512). curl's file is synced as ours is, inside the measured time.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash, randomFillSync } from 'node:crypto';
import { closeSync, createReadStream, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { ChildFetcher } from '../gateway/shell/fetcher/childFetcher.ts';
import { NO_CREDENTIALS } from '../sources/credentials.ts';
import { download } from '../sources/download/download.ts';
import { sourceIdentity } from '../sources/identity.ts';
import { openOrigin } from '../sources/openOrigin.ts';
import { median } from './harness/streamClient.ts';

const MIB = 2 ** 20;
const ROUNDS = 3;
const CONNECTION_BYTES_PER_S = 40e6;

/** Sends the file at `path`, whole or by range; `/slow` at the rate of a connection that is limited. */
async function serve(path: string): Promise<void> {
  const total = statSync(path).size;
  async function* paced(from: number, to: number, isSlow: boolean): AsyncGenerator<Buffer> {
    const startedMs = performance.now();
    let sent = 0;
    for await (const chunk of createReadStream(path, { start: from, end: to, highWaterMark: MIB })) {
      sent += (chunk as Buffer).length;
      yield chunk as Buffer;
      const dueMs = (sent / CONNECTION_BYTES_PER_S) * 1000 - (performance.now() - startedMs);
      if (isSlow && dueMs > 1) await delay(dueMs);
    }
  }
  const server = createServer((request, response) => {
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
    const [from, to] = range ? [Number(range[1]), Number(range[2])] : [0, total - 1];
    response.writeHead(range ? 206 : 200, {
      etag: '"bench"',
      'content-length': to - from + 1,
      ...(range ? { 'content-range': `bytes ${from}-${to}/${total}` } : {}),
    });
    pipeline(paced(from, to, request.url === '/slow'), response).catch(() => {});
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
}

/** What it costs the process that orders it. */
interface Cost {
  readonly cpuMs: number;
  /** How late its timers come, in one of a hundred cases. */
  readonly lateMs: number;
}

async function costOf(work: () => Promise<void>): Promise<Cost> {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  const before = process.cpuUsage();
  delays.enable();
  await work();
  delays.disable();
  const { user, system } = process.cpuUsage(before);
  return { cpuMs: (user + system) / 1000, lateMs: delays.percentile(99) / 1e6 };
}

type Bring = (uri: string, path: string) => Promise<void>;

const ours =
  (parallel: number, verified: boolean): Bring =>
  async (uri, path) => {
    const origin = openOrigin(uri);
    const [file] = await origin.files();
    if (!file) throw new Error('no file');
    const sha256 = verified ? { sha256: digest } : {};
    const result = await download(origin, file, path, { parallel, ...sha256 });
    if (!result.ok) throw result.error;
  };

/** As the gateway has it: in another process. */
const inFetcher: Bring = async (uri, path) => {
  const files = await openOrigin(uri).files();
  const order = { source: uri, version: sourceIdentity(uri, files).slice(0, 32), path, sha256: digest };
  const bytes = files[0]?.bytes ?? 0;
  await fetcher.fetch({ ...order, names: [basename(path)], bytes, priority: 'demand' }, () => {}).done;
};

const curl: Bring = async (uri, path) => {
  const { status } = spawnSync('sh', ['-c', 'curl -sf -o "$1" "$0" && sync "$1"', uri, path]);
  if (status !== 0) throw new Error(`curl ended with ${status}`);
};

/** Noise in memory, so that no file system packs it and the source's disk does not count. */
function makeFile(path: string, bytes: number): string {
  const noise = Buffer.alloc(MIB);
  const hash = createHash('sha256');
  const file = openSync(path, 'w');
  for (let at = 0; at < bytes; at += MIB) {
    hash.update(randomFillSync(noise));
    writeSync(file, noise);
  }
  closeSync(file);
  return hash.digest('hex');
}

async function measure(origin: string, directory: string, bytes: number): Promise<void> {
  const ways: Readonly<Record<string, Bring>> = {
    curl,
    'one connection': ours(1, false),
    '6 connections': ours(6, false),
    '6, with SHA-256, in a fetcher': inFetcher,
    '6, with SHA-256': ours(6, true),
  };
  const rows = [];
  for (const path of ['/fast', '/slow']) {
    const rates = new Map<string, number[]>();
    const costs = new Map<string, Cost[]>();
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [name, bring] of Object.entries(ways)) {
        const target = join(directory, 'target');
        const startedMs = performance.now();
        const cost = await costOf(() => bring(`${origin}${path}`, target));
        const rate = bytes / 1e6 / ((performance.now() - startedMs) / 1000);
        costs.set(name, [...(costs.get(name) ?? []), cost]);
        rates.set(name, [...(rates.get(name) ?? []), rate]);
        rmSync(target);
      }
    }
    const base = median(rates.get('curl') ?? []);
    for (const [name, all] of rates) {
      const middle = median(all);
      const server = path === '/fast' ? 'as fast as it can' : '40 MB/s a connection';
      const own = costs.get(name) ?? [];
      rows.push({
        ...{ server, client: name, 'MB/s': Math.round(middle), 'of curl': (middle / base).toFixed(2) },
        ...(name === 'curl'
          ? {}
          : {
              'own CPU, ms': Math.round(median(own.map(({ cpuMs }) => cpuMs))),
              'event loop late, p99, ms': median(own.map(({ lateMs }) => lateMs)).toFixed(1),
            }),
      });
    }
  }
  console.table(rows);
}

let digest = '';
const fetcher = new ChildFetcher({
  settings: {
    entry: join(process.cwd(), 'dist', 'fetcher.mjs'),
    runDir: tmpdir(),
    environment: {},
    prefetchBytesPerSecond: null,
    silenceMs: 60_000,
  },
  credentials: async () => NO_CREDENTIALS,
  idleMs: 60_000,
  log: { debug() {}, info() {}, warn() {}, error() {} },
});
if (process.argv[2] === '--serve') {
  await serve(process.argv[3] ?? '');
} else {
  const mib = process.argv.indexOf('--mib');
  const bytes = (mib > 0 ? Number(process.argv[mib + 1]) : 512) * MIB;
  const source = mkdtempSync('/dev/shm/hearth-bench-');
  const directory = mkdtempSync(join(process.cwd(), '.cache', 'sources-bench-'));
  digest = makeFile(join(source, 'weights'), bytes);
  const server = spawn(process.execPath, [process.argv[1] ?? '', '--serve', join(source, 'weights')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const port = await new Promise<string>((resolve, reject) => {
      server.stdout.once('data', (line: Buffer) => resolve(line.toString().trim()));
      server.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
    });
    await measure(`http://127.0.0.1:${port}`, directory, bytes);
  } finally {
    await fetcher.close();
    server.kill();
    rmSync(source, { recursive: true });
    rmSync(directory, { recursive: true });
  }
}
