import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readlink, rename, rm, stat, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { hasScheme, shownUri } from '../../../sources/uri.ts';
import { weightFileOf } from '../../domain/catalogue.ts';
import { fail, ok, type Result } from '../../domain/errors.ts';
import type { AdapterConverter, ConvertedAdapter } from '../../ports/adapterConverter.ts';
import type { ModelFileFacts, ModelFiles } from '../../ports/modelFile.ts';
import type { SealedFiles } from '../../ports/readableFile.ts';
import { readBaseWeights } from './baseWeights.ts';
import type { ConverterThread } from './converterThread.ts';
import { CONVERTER_VERSION } from './convertPeft.ts';
import { findPeftFiles, identityOfFiles, type PeftFiles } from './peftFiles.ts';

const SOURCES = 'sources';
const CONVERTED = /^([0-9a-f]{64})\.gguf$/;
/** A file, or the draft of one that was not finished. */
const OURS = /^[0-9a-f]{64}\.gguf(?:\.[0-9a-f]+\.tmp)?$/;

/**
 * PEFT directories as GGUF files under `<data directory>/adapters`:
 *
 *     <digest>.gguf          made once, named by all that it was made from
 *     sources/<source key>   link to the file that a directory in this state makes for this base
 *
 * The key is known without reading the weights, so that a start with hundreds of adapters reads none of them.
 */
export class PeftAdapters implements AdapterConverter {
  readonly #directory: string;
  readonly #thread: Pick<ConverterThread, 'run'>;
  readonly #files: ModelFiles;
  readonly #sealed: SealedFiles | null;
  readonly #underWay = new Map<string, Promise<Result<ConvertedAdapter>>>();

  /** `sealed` opens encrypted bases; null: there are none. */
  constructor(
    directory: string,
    thread: Pick<ConverterThread, 'run'>,
    files: ModelFiles,
    sealed: SealedFiles | null = null,
  ) {
    this.#sealed = sealed;
    this.#directory = directory;
    this.#thread = thread;
    this.#files = files;
  }

  async convert(path: string, base: ModelFileFacts): Promise<Result<ConvertedAdapter | null>> {
    const isDirectory = await stat(path).then(
      (stats) => stats.isDirectory(),
      () => false,
    );
    if (!isDirectory) return ok(null);
    if (hasScheme(base.path))
      return refuse(path, `expected a base of this machine, got "${shownUri(base.path)}"`);
    let inputs: PeftFiles;
    try {
      inputs = await findPeftFiles(path);
    } catch (error) {
      return refuse(path, error);
    }
    const key = sourceKeyOf(inputs, base);
    const underWay = this.#underWay.get(key);
    if (underWay) return underWay;
    const making = this.#make(path, base, inputs, key).finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, making);
    return making;
  }

  async removeUnused(usedPaths: ReadonlySet<string>): Promise<void> {
    const used = new Set([...usedPaths].map((path) => basename(path)));
    for (const name of await namesIn(this.#directory)) {
      if (OURS.test(name) && !used.has(name)) await rm(join(this.#directory, name), { force: true });
    }
    for (const name of await namesIn(join(this.#directory, SOURCES))) {
      const target = await readlink(join(this.#directory, SOURCES, name)).catch(() => '');
      if (!used.has(basename(target))) await rm(join(this.#directory, SOURCES, name), { force: true });
    }
  }

  async #make(
    path: string,
    base: ModelFileFacts,
    inputs: PeftFiles,
    key: string,
  ): Promise<Result<ConvertedAdapter>> {
    const modifiedAtEpochMs = Math.max(
      ...[inputs.config, ...inputs.weights].map(({ stats }) => Number(stats.mtimeMs)),
    );
    const known = await this.#known(key);
    if (known) return ok({ ...known, modifiedAtEpochMs });
    try {
      const file = weightFileOf(base);
      const weights = base.isEncrypted ? await readBaseWeights(file, this.#sealed) : file;
      const job = { directory: path, base: weights, outputDir: this.#directory };
      const { path: made, digest } = await this.#thread.run(job);
      await this.#remember(key, digest);
      return ok({ path: made, digest, modifiedAtEpochMs });
    } catch (error) {
      return refuse(path, error);
    }
  }

  /** What a directory in this state made before, if that is still whole. */
  async #known(key: string): Promise<Pick<ConvertedAdapter, 'path' | 'digest'> | null> {
    const target = await readlink(join(this.#directory, SOURCES, key)).catch(() => '');
    const digest = CONVERTED.exec(basename(target))?.[1];
    if (digest === undefined) return null;
    const path = join(this.#directory, `${digest}.gguf`);
    const facts = await this.#files.inspect(path);
    return facts.ok && facts.value.kind === 'adapter' ? { path, digest } : null;
  }

  async #remember(key: string, digest: string): Promise<void> {
    const folder = join(this.#directory, SOURCES);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const draft = join(folder, `${key}.${randomBytes(6).toString('hex')}.tmp`);
    await symlink(join('..', `${digest}.gguf`), draft);
    await rename(draft, join(folder, key));
  }
}

function sourceKeyOf(inputs: PeftFiles, base: ModelFileFacts): string {
  const state = [CONVERTER_VERSION, base.identity, identityOfFiles(inputs)];
  return createHash('sha256').update(JSON.stringify(state)).digest('hex').slice(0, 32);
}

async function namesIn(directory: string): Promise<string[]> {
  return readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
}

function refuse(path: string, error: unknown): Result<never> {
  const reason = error instanceof Error ? error.message : String(error);
  return fail('invalid_request', `Cannot convert PEFT adapter "${path}": ${reason}`, 'path');
}
