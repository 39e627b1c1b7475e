import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readlink, rename, rm, stat, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { SourceError } from '../../../sources/errors.ts';
import { hasScheme, shownUri } from '../../../sources/uri.ts';
import { weightFileOf } from '../../domain/catalogue.ts';
import { fail, ok, type Result } from '../../domain/errors.ts';
import type { AdapterConverter, ConvertedAdapter } from '../../ports/adapterConverter.ts';
import type { ModelFileFacts, ModelFiles } from '../../ports/modelFile.ts';
import { FetchFailed } from '../../ports/originFetcher.ts';
import type { SealedFiles } from '../../ports/readableFile.ts';
import { readBaseWeights } from './baseWeights.ts';
import type { ConverterThread } from './converterThread.ts';
import { CONVERTER_VERSION } from './convertPeft.ts';
import type { BaseWeights } from './loraPlan.ts';
import { findPeftFiles, identityOfFiles } from './peftFiles.ts';
import { folderKey, type RemotePeft } from './remotePeft.ts';

const SOURCES = 'sources';
const INCOMING = 'incoming';
const CONVERTED = /^([0-9a-f]{64})\.gguf$/;
/** A file, or the draft of one that was not finished. */
const OURS = /^[0-9a-f]{64}\.gguf(?:\.[0-9a-f]+\.tmp)?$/;

/** A directory that is there. */
interface Inputs {
  /** Of the state that it is in. */
  readonly identity: string;
  readonly modifiedAtEpochMs: number;
  /** Calls with where it lies on this machine. */
  readonly use: <T>(work: (directory: string) => Promise<T>) => Promise<T>;
}

/** Failures to ask, and not of what is there. */
const DOWN = ['network', 'forbidden', 'not_found'];

/**
 * PEFT directories as GGUF files under `<data directory>/adapters`:
 *
 *     <digest>.gguf          made once, named by all that it was made from
 *     sources/<source key>   link to the file that a directory in this state makes for this base; for one behind a URI another
 *                            one, for when its source is down, by the URI
 *     incoming/<key>/        files of one behind a URI, until they are converted
 *
 * The key is known without reading the weights, so that a start with hundreds of adapters reads none of them.
 */
export class PeftAdapters implements AdapterConverter {
  readonly #directory: string;
  readonly #thread: Pick<ConverterThread, 'run'>;
  readonly #files: ModelFiles;
  readonly #sealed: SealedFiles | null;
  readonly #remote: RemotePeft | null;
  readonly #underWay = new Map<string, Promise<Result<ConvertedAdapter>>>();

  /** `sealed` opens encrypted bases; null: there are none. `remote`: what lies behind URIs; null: nothing does. */
  constructor(
    directory: string,
    thread: Pick<ConverterThread, 'run'>,
    files: ModelFiles,
    sealed: SealedFiles | null = null,
    remote: RemotePeft | null = null,
  ) {
    this.#remote = remote;
    this.#sealed = sealed;
    this.#directory = directory;
    this.#thread = thread;
    this.#files = files;
  }

  async convert(path: string, base: ModelFileFacts): Promise<Result<ConvertedAdapter | null>> {
    let inputs: Inputs | null;
    try {
      inputs = await this.#look(path);
    } catch (error) {
      const last = isDown(error) ? await this.#known(lastKeyOf(path, base)) : null;
      if (!last) return refuse(path, error);
      return ok({
        ...last,
        modifiedAtEpochMs: (await stat(last.path)).mtimeMs,
        staleBecause: reasonOf(error),
      });
    }
    if (inputs === null) return ok(null);
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
    await rm(join(this.#directory, INCOMING), { recursive: true, force: true });
    for (const name of await namesIn(join(this.#directory, SOURCES))) {
      const target = await readlink(join(this.#directory, SOURCES, name)).catch(() => '');
      if (!used.has(basename(target))) await rm(join(this.#directory, SOURCES, name), { force: true });
    }
  }

  /** null: it is no directory of PEFT's. */
  async #look(path: string): Promise<Inputs | null> {
    if (hasScheme(path)) return this.#lookRemote(path);
    const isDirectory = await stat(path).then(
      (stats) => stats.isDirectory(),
      () => false,
    );
    if (!isDirectory) return null;
    const files = await findPeftFiles(path);
    const times = [files.config, ...files.weights].map(({ stats }) => Number(stats.mtimeMs));
    return {
      identity: identityOfFiles(files),
      modifiedAtEpochMs: Math.max(...times),
      use: (work) => work(path),
    };
  }

  async #lookRemote(uri: string): Promise<Inputs | null> {
    const remote = this.#remote;
    const files = (await remote?.look(uri)) ?? null;
    if (!remote || !files) return null;
    const { identity, modifiedAtEpochMs } = files;
    const directory = join(this.#directory, INCOMING, folderKey(identity));
    return {
      identity,
      modifiedAtEpochMs,
      use: async (work) => {
        // What came of it stays for the next attempt.
        await remote.bring(files, directory);
        try {
          return await work(directory);
        } finally {
          await rm(directory, { recursive: true, force: true });
        }
      },
    };
  }

  async #make(
    path: string,
    base: ModelFileFacts,
    { modifiedAtEpochMs, use }: Inputs,
    key: string,
  ): Promise<Result<ConvertedAdapter>> {
    try {
      const known = await this.#known(key);
      const made = known ?? (await use((directory) => this.#convertNow(directory, base)));
      if (!known) await this.#remember(key, made.digest);
      if (hasScheme(path)) await this.#remember(lastKeyOf(path, base), made.digest);
      return ok({ path: made.path, digest: made.digest, modifiedAtEpochMs });
    } catch (error) {
      return refuse(path, error);
    }
  }

  async #convertNow(
    directory: string,
    base: ModelFileFacts,
  ): Promise<Pick<ConvertedAdapter, 'path' | 'digest'>> {
    return this.#thread.run({ directory, base: await this.#baseOf(base), outputDir: this.#directory });
  }

  /** What the thread cannot read by itself is read for it. */
  async #baseOf(base: ModelFileFacts): Promise<string | BaseWeights> {
    if (base.parts === 0) throw new SourceError('network', 'nothing is known of its base now');
    if (hasScheme(base.path)) {
      if (!this.#remote) throw new Error(`expected a base of this machine, got "${shownUri(base.path)}"`);
      return this.#remote.readBase(base.path, base.identity);
    }
    const file = weightFileOf(base);
    return base.isEncrypted ? readBaseWeights(file, this.#sealed) : file;
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

function sourceKeyOf({ identity }: Inputs, base: ModelFileFacts): string {
  return keyOf([CONVERTER_VERSION, base.identity, identity]);
}

function lastKeyOf(uri: string, base: ModelFileFacts): string {
  return keyOf([CONVERTER_VERSION, base.identity, 'last', uri]);
}

function keyOf(state: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(state)).digest('hex').slice(0, 32);
}

async function namesIn(directory: string): Promise<string[]> {
  return readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
}

function isDown(error: unknown): boolean {
  return (error instanceof SourceError || error instanceof FetchFailed) && DOWN.includes(error.code);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function refuse(path: string, error: unknown): Result<never> {
  const isTransient =
    (error instanceof SourceError || error instanceof FetchFailed) && error.code === 'network';
  const message = `Cannot convert PEFT adapter "${shownUri(path)}": ${reasonOf(error)}`;
  return fail(isTransient ? 'source_unavailable' : 'invalid_request', message, 'path');
}
