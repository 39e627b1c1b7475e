/**
 * Copies of the weights that ten runners of one base hold on the CPU, each having answered: mapping one segment of the weight
 * store, as it is and repacked (llama.cpp's default), and beside it each reading the file for itself. The base is TinyLlama's shape with
 * random weights. Flags: `--types=Q8_0,Q4_K_M`, `--runners=10`, `--layers=22`, `--source=<folder on a disk>`.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadStoreAddon } from '../native/loadStore.ts';
import { flag } from './harness/flags.ts';
import { type LoadedRunner, type LoadManner, loadRunner, type WeightFile } from './harness/loadedRunner.ts';
import { MADE_TYPES, makeModel } from './harness/madeModel.ts';
import { type ProcessMemory, processMemory } from './harness/processMemory.ts';
import { stream } from './harness/streamClient.ts';

const RUNNERS = Number(flag('runners', '10'));
const LAYERS = Number(flag('layers', '22'));
const CHOSEN = flag('types', 'Q8_0,Q4_K_M').split(',');
const CONTEXT_TOKENS = 512;

interface Manner extends LoadManner {
  readonly name: string;
  /** From the segment, or from the file on the disk as if there were no store. */
  readonly isStaged: boolean;
}
const MANNERS: readonly Manner[] = [
  { name: 'segment, as it is', isStaged: true, useMmap: true, repack: false },
  { name: 'segment, repacked', isStaged: true, useMmap: true, repack: true },
  { name: 'file, mapped, repacked (llama.cpp)', isStaged: false, useMmap: true, repack: true },
  { name: 'file, read by each', isStaged: false, useMmap: false, repack: false },
];

/** So many runners, one after the other, that have answered and live on. */
async function startAll(file: WeightFile, manner: Manner, runners: LoadedRunner[]): Promise<void> {
  for (let count = 0; count < RUNNERS; count += 1) {
    const runner = await loadRunner(file, manner, { threads: 1, contextTokens: CONTEXT_TOKENS });
    runners.push(runner);
    await stream(runner.target, 'Hello', 2);
  }
}

async function held(file: WeightFile, manner: Manner): Promise<ProcessMemory[]> {
  const runners: LoadedRunner[] = [];
  try {
    await startAll(file, manner, runners);
    return runners.map(({ process: { pid } }) => processMemory(pid, file.path));
  } finally {
    for (const runner of runners) await runner.end();
  }
}

const sumOf = (all: readonly ProcessMemory[], field: keyof ProcessMemory): number =>
  all.reduce((sum, each) => sum + each[field], 0);
const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);

/** `ownBytes`: what a runner holds in private when it maps its weights: everything else than they. */
function row(name: string, all: readonly ProcessMemory[], weightBytes: number, ownBytes: number): object {
  const mapped = sumOf(all, 'mappedPssBytes') / weightBytes;
  const privately = (sumOf(all, 'anonymousBytes') - RUNNERS * ownBytes) / weightBytes;
  return {
    weights: name,
    'copies mapped (PSS)': mapped.toFixed(3),
    'private copies': privately.toFixed(2),
    'copies by all runners': (mapped + privately).toFixed(2),
    'PSS of all, MiB': mib(sumOf(all, 'pssBytes')),
    'mapped by each, MiB': mib(sumOf(all, 'mappedBytes') / RUNNERS),
  };
}

async function compare(folder: string, memory: string, made: (typeof MADE_TYPES)[number]): Promise<void> {
  const source = join(folder, `${made}.gguf`);
  const weightBytes = await makeModel(source, made, LAYERS);
  const store = loadStoreAddon().openStore({ root: join(memory, made), durable: false });
  const staged = await store.stage({ source, book: 'bases', priority: 'demand', budgetBytes: null }).done;
  const segment = {
    path: join(staged.lease.path, `${made}.gguf`),
    leasePath: join(staged.lease.path, '.lease'),
  };
  const rows = [];
  let ownBytes = 0;
  for (const manner of MANNERS) {
    const now = await held(manner.isStaged ? segment : { path: source }, manner);
    if (ownBytes === 0) ownBytes = sumOf(now, 'anonymousBytes') / RUNNERS;
    rows.push(row(manner.name, now, weightBytes, ownBytes));
  }
  const tmpfsBytes = statSync(segment.path).blocks * 512;
  console.log(
    `\n${made}: ${mib(weightBytes)} MiB (segment ${mib(tmpfsBytes)} MiB), ${RUNNERS} runners, each with ${mib(ownBytes)} MiB of its own beside the weights; load ${loadavg()[0]?.toFixed(1)}`,
  );
  console.table(rows);
  staged.lease.release();
  rmSync(source);
  rmSync(join(memory, made), { recursive: true });
}

const folder = mkdtempSync(join(flag('source', tmpdir()), 'hearth-bench-sharing-'));
const memory = mkdtempSync('/dev/shm/hearth-bench-sharing-');
try {
  for (const made of MADE_TYPES) if (CHOSEN.includes(made)) await compare(folder, memory, made);
} finally {
  rmSync(folder, { recursive: true, force: true });
  rmSync(memory, { recursive: true, force: true });
}
process.exit(0);
