import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { CryptAddon, CryptJob } from '../../native/cryptTypes.ts';
import { loadCryptAddon } from '../../native/loadCrypt.ts';
import type { ChosenKey } from './chooseKey.ts';
import { CommandFailure, failureOf } from './commandFailure.ts';
import { type Direction, makePlan, type Step } from './plan.ts';
import { drawProgress, formatBytes, progressText, type Terminal } from './progressLine.ts';

/** More gain nothing: one core encrypts several GB/s, and a disk is slower. */
const MOST_THREADS = 8;

export interface Conversion {
  readonly direction: Direction;
  readonly input: string;
  readonly output: string;
  readonly threads?: number | undefined;
  /** The key of a container, or of a new one. */
  readonly keyFor: (addon: CryptAddon, input: string) => Promise<ChosenKey>;
  readonly terminal: Terminal;
  /** Aborts: nothing is left behind then. The reason is what is thrown. */
  readonly signal: AbortSignal;
}

/** Files and bytes of plaintext that were converted. */
interface Done {
  files: number;
  bytes: number;
}

/** Encrypts or decrypts a file or a folder, which appears whole or not at all. Returns the line that says so. */
export async function convert(conversion: Conversion): Promise<string> {
  const { direction, input, output } = conversion;
  const plan = await makePlan(direction, input, output);
  const startedAtMonoMs = performance.now();
  const done = plan.kind === 'file' ? await oneFile(conversion) : await folder(conversion, plan.steps);
  const seconds = (performance.now() - startedAtMonoMs) / 1000;
  const files = plan.kind === 'file' ? '' : ` (${done.files} files)`;
  const rate = seconds > 0 ? `, ${formatBytes(done.bytes / seconds)}/s` : '';
  return `${direction}ed "${input}" to "${output}"${files}: ${formatBytes(done.bytes)} in ${seconds.toFixed(1)} s${rate}`;
}

async function oneFile(conversion: Conversion): Promise<Done> {
  const { input, output } = conversion;
  return { files: 1, bytes: await transfer(conversion, input, output, basename(input)) };
}

/** A folder of its own beside the output, which gets its name at the end. */
async function folder(conversion: Conversion, steps: readonly Step[]): Promise<Done> {
  const { direction, input } = conversion;
  const output = resolve(conversion.output);
  const partial = join(
    dirname(output),
    `.${basename(output).slice(0, 200)}.${randomBytes(8).toString('hex')}.partial`,
  );
  const mode = direction === 'encrypt' ? 0o755 : 0o700;
  try {
    await mkdir(partial, { mode });
    const done: Done = { files: 0, bytes: 0 };
    for (const step of steps) {
      await mkdir(dirname(join(partial, step.output)), { recursive: true, mode });
      const title = `${done.files + 1}/${steps.length} ${step.input}`;
      done.bytes += await transfer(conversion, join(input, step.input), join(partial, step.output), title);
      done.files += 1;
    }
    const made = new Set(steps.map((step) => dirname(join(partial, step.output))));
    for (const directory of [...made, partial]) await syncFolder(directory);
    await rename(partial, output);
    await syncFolder(dirname(output));
    return done;
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw placeFailure(error, conversion);
  }
}

/** The files in it are on the disk already; so are their names then. */
async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** What the system says of the output folder: expected, too. */
function placeFailure(error: unknown, { direction, input, output }: Conversion): unknown {
  if (error instanceof CommandFailure || !(error instanceof Error) || !('syscall' in error)) return error;
  return new CommandFailure(`Cannot ${direction} "${input}" to "${output}": ${error.message}`);
}

/** One file. Returns the bytes of its plaintext. */
async function transfer(
  conversion: Conversion,
  input: string,
  output: string,
  title: string,
): Promise<number> {
  const { signal, terminal } = conversion;
  signal.throwIfAborted();
  const addon = loadCryptAddon();
  try {
    const job = await begin(conversion, addon, input, output);
    const cancel = () => job.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    const startedAtMonoMs = performance.now();
    const erase = drawProgress(terminal, () => {
      const { doneBytes, totalBytes } = job.progress();
      return progressText(title, doneBytes, totalBytes, (performance.now() - startedAtMonoMs) / 1000);
    });
    try {
      if (signal.aborted) job.cancel();
      return (await job.done).plaintextBytes;
    } finally {
      erase();
      signal.removeEventListener('abort', cancel);
    }
  } catch (error) {
    signal.throwIfAborted();
    throw failureOf(error);
  }
}

async function begin(
  { direction, threads, keyFor }: Conversion,
  addon: CryptAddon,
  input: string,
  output: string,
): Promise<CryptJob> {
  const { key, name } = await keyFor(addon, input);
  const shared = { input, output, threads: threads ?? Math.min(MOST_THREADS, availableParallelism()) };
  return key.use((bytes) =>
    direction === 'encrypt'
      ? addon.encrypt({ ...shared, key: bytes, keyName: name })
      : addon.decrypt({ ...shared, key: bytes }),
  );
}
