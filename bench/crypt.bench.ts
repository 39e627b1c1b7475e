/**
 * Encrypted weights: GB/s of encrypting and decrypting per number of threads, beside a plain copy of the same bytes and beside
 * Node's crypto. First in memory, then from file to file on /dev/shm, beside `cp`. `--mib=N` sets the size, 512 unless given.
 */
import { execFileSync } from 'node:child_process';
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { loadCryptAddon } from '../native/loadCrypt.ts';
import { buildThroughput, type Measured } from './crypt/buildThroughput.ts';

const ROUNDS = 7;
const CHUNK = 4 * 2 ** 20;
const mib = Number(process.argv.find((arg) => arg.startsWith('--mib='))?.slice(6) ?? 512);
const chunks = Math.max(1, Math.round(mib / 4));
const bytes = chunks * CHUNK;
const threadCounts = [1, 2, 4, 8, 16].filter((threads) => threads === 1 || threads <= availableParallelism());
const KINDS = ['copy', 'encrypt', 'decrypt'] as const;

const median = (values: number[]): number =>
  values.sort((one, other) => one - other)[values.length >> 1] ?? 0;
/** GB/s, the median and in brackets the best. */
const rate = (seconds: number[]): string => {
  const rates = seconds.map((each) => bytes / each / 1e9);
  return `${median(rates).toFixed(2)} (${Math.max(...rates).toFixed(2)})`;
};
const row = (name: string, cells: string[]): void =>
  console.log([name.padEnd(24), ...cells.map((cell) => cell.padStart(16))].join(''));

function inMemory(): void {
  const throughput = buildThroughput(process.cwd());
  console.log(`\nin memory, ${mib} MiB, GB/s, median (best) of ${ROUNDS}`);
  row('', [...KINDS]);
  const measure = (name: string, threads: number, cpuTime: boolean): void => {
    const measured: Measured[] = [];
    for (let round = 0; round < ROUNDS; round += 1)
      measured.push(throughput.measure(chunks, threads, cpuTime));
    row(
      name,
      KINDS.map((kind) => rate(measured.map((each) => each[kind]))),
    );
  };
  measure('1 thread, its CPU time', 1, true);
  for (const threads of threadCounts)
    measure(`${threads} ${threads === 1 ? 'thread' : 'threads'}`, threads, false);
  const ours = nodeCrypto();
  row("Node's crypto", ['', rate(ours.encrypt), rate(ours.decrypt)]);
}

const secondsOf = (work: () => void): number => {
  const startedAtMonoMs = performance.now();
  work();
  return (performance.now() - startedAtMonoMs) / 1000;
};

/** The same chunks through createCipheriv() and createDecipheriv(), which copy each into a new buffer. */
function nodeCrypto(): { encrypt: number[]; decrypt: number[] } {
  const key = randomBytes(32);
  const header = Buffer.alloc(4096);
  const plain = randomBytes(CHUNK);
  const nonce = (chunk: number): Buffer => {
    const made = Buffer.alloc(12);
    made.writeUInt32BE(chunk, 7);
    return made;
  };
  const result = { encrypt: [] as number[], decrypt: [] as number[] };
  for (let round = 0; round < ROUNDS; round += 1) {
    const sealed: { data: Buffer; tag: Buffer }[] = [];
    const encrypt = secondsOf(() => {
      for (let chunk = 0; chunk < chunks; chunk += 1) {
        const cipher = createCipheriv('aes-256-gcm', key, nonce(chunk)).setAAD(header);
        const data = cipher.update(plain);
        cipher.final();
        sealed.push({ data, tag: cipher.getAuthTag() });
      }
    });
    const decrypt = secondsOf(() => {
      for (const [chunk, { data, tag }] of sealed.entries()) {
        const decipher = createDecipheriv('aes-256-gcm', key, nonce(chunk)).setAAD(header).setAuthTag(tag);
        decipher.update(data);
        decipher.final();
      }
    });
    result.encrypt.push(encrypt);
    result.decrypt.push(decrypt);
  }
  return result;
}

async function fileToFile(): Promise<void> {
  const folder = mkdtempSync('/dev/shm/hearth-bench-');
  const at = (name: string): string => join(folder, name);
  const addon = loadCryptAddon();
  const key = randomBytes(32);
  console.log(`\nfrom file to file on /dev/shm, ${mib} MiB, GB/s, median (best) of ${ROUNDS}`);
  row('', [...KINDS]);
  try {
    writeFileSync(at('plain'), randomBytes(bytes));
    for (const threads of threadCounts) {
      const seconds: Record<(typeof KINDS)[number], number[]> = { copy: [], encrypt: [], decrypt: [] };
      for (let round = 0; round < ROUNDS; round += 1) {
        seconds.copy.push(secondsOf(() => execFileSync('cp', ['--reflink=never', at('plain'), at('copy')])));
        const shared = { key, threads };
        seconds.encrypt.push(
          await jobSeconds(() =>
            addon.encrypt({ input: at('plain'), output: at('sealed'), keyName: '', ...shared }),
          ),
        );
        seconds.decrypt.push(
          await jobSeconds(() => addon.decrypt({ input: at('sealed'), output: at('out'), ...shared })),
        );
        for (const name of ['copy', 'sealed', 'out']) rmSync(at(name));
      }
      row(
        `${threads} ${threads === 1 ? 'thread' : 'threads'}`,
        KINDS.map((kind) => (kind === 'copy' && threads > 1 ? '' : rate(seconds[kind]))),
      );
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function jobSeconds(start: () => { done: Promise<unknown> }): Promise<number> {
  const startedAtMonoMs = performance.now();
  await start().done;
  return (performance.now() - startedAtMonoMs) / 1000;
}

console.log(
  `${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(1)}, OpenSSL ${process.versions.openssl}`,
);
inMemory();
await fileToFile();
console.log(`load ${loadavg()[0]?.toFixed(1)} at the end`);
