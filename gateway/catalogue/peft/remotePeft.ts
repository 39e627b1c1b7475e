import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { SourceError } from '../../../sources/errors.ts';
import { sourceIdentity } from '../../../sources/identity.ts';
import { openOrigin } from '../../../sources/openOrigin.ts';
import type { OriginFile } from '../../../sources/origin.ts';
import { Transport } from '../../../sources/transport.ts';
import { parseSourceUri, type SourceUri, shownUri } from '../../../sources/uri.ts';
import type { OriginFetcher } from '../../ports/originFetcher.ts';
import type { SealedFiles } from '../../ports/readableFile.ts';
import { readRemoteContents } from '../remoteGguf.ts';
import type { SourceAccess } from '../sourceAccess.ts';
import { baseWeightsOf } from './baseWeights.ts';
import type { BaseWeights } from './loraPlan.ts';
import { CONFIG, INDEX, MAX_JSON_BYTES, shardNames, WEIGHTS } from './peftFiles.ts';

export interface RemotePeftDeps {
  readonly access: Pick<SourceAccess, 'credentials'>;
  readonly fetcher: OriginFetcher;
  /** Opens encrypted bases. */
  readonly sealed: SealedFiles | null;
}

/** The files of a PEFT directory behind a URI, as they are now. */
export interface RemoteFiles {
  readonly uri: string;
  readonly files: readonly OriginFile[];
  readonly identity: string;
  readonly modifiedAtEpochMs: number;
}

const LOOK_MS = 15_000;
/** All headers of a base split into a hundred files. */
const BASE_MS = 60_000;
const MOST_BYTES = 16 * 2 ** 30;
const CONNECTION = { connectTimeoutMs: 4_000, headersTimeoutMs: 10_000, stallTimeoutMs: 10_000 };
/** Of a directory's files those that PEFT writes for an adapter; READMEs, tokenizers and checkpoints stay where they are. */
const OURS = /^adapter_(?:config\.json|model[\w.-]*\.safetensors(?:\.index\.json)?)$/;

/** PEFT directories and bases behind URIs. Everything throws SourceError, FetchFailed, or an Error that says what is wrong. */
export class RemotePeft {
  readonly #deps: RemotePeftDeps;
  readonly #transport = new Transport(CONNECTION);

  constructor(deps: RemotePeftDeps) {
    this.#deps = deps;
  }

  /** null: the URI names no directory, or one without an adapter_config.json. */
  async look(uri: string): Promise<RemoteFiles | null> {
    const parsed = parsedOrNull(uri);
    if (!parsed || !isFolder(parsed)) return null;
    const files = parsed.kind === 'http' ? await this.#asked(uri) : await this.#listed(uri);
    if (files === null) return null;
    return {
      uri,
      files,
      identity: sourceIdentity(uri, files),
      modifiedAtEpochMs: Math.max(...files.map(({ modifiedAtEpochMs }) => modifiedAtEpochMs ?? 0)),
    };
  }

  /** Downloads them into `directory`, which is made, going on where an earlier attempt ended. */
  async bring({ uri, files }: RemoteFiles, directory: string): Promise<void> {
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    if (bytes > MOST_BYTES)
      throw new SourceError('too_large', `expected an adapter of at most ${MOST_BYTES} bytes, got ${bytes}`);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const brought = new Set<string>();
    for (const { name } of files) {
      if (brought.has(name)) continue;
      // Of the first shard its source has all of them.
      const now = await this.#files(fileUri(uri, name));
      for (const file of now) requireSame(file, files);
      await this.#fetch(fileUri(uri, name), now, join(directory, name));
      for (const file of now) brought.add(file.name);
    }
  }

  /** What an adapter is held against, out of the headers of the version that `identity` tells. */
  async readBase(uri: string, identity: string): Promise<BaseWeights> {
    const look = {
      credentials: await this.#deps.access.credentials(),
      transport: this.#transport,
      timeoutMs: BASE_MS,
      sealed: this.#deps.sealed,
    };
    return baseWeightsOf(await readRemoteContents(uri, identity, look));
  }

  async #listed(uri: string): Promise<readonly OriginFile[] | null> {
    const files = (await this.#files(uri)).filter(({ name }) => OURS.test(name));
    return files.some(({ name }) => name === CONFIG) ? files : null;
  }

  /** An HTTP server has no lists. */
  async #asked(uri: string): Promise<readonly OriginFile[] | null> {
    const config = await this.#ifThere(uri, CONFIG);
    if (config === null) return null;
    const weights = await this.#ifThere(uri, WEIGHTS);
    if (weights) return [config, weights];
    const index = await this.#ifThere(uri, INDEX);
    if (index === null)
      throw new SourceError('not_found', `expected ${WEIGHTS} or ${INDEX} in "${shownUri(uri)}"`);
    const files = [config, index];
    const wanted = new Set(shardNames(await this.#text(fileUri(uri, INDEX), index)));
    for (const name of wanted) {
      if (files.some((file) => file.name === name)) continue;
      const parts = await this.#files(fileUri(uri, name));
      files.push(...parts.filter((part) => wanted.has(part.name)));
    }
    return files;
  }

  async #ifThere(uri: string, name: string): Promise<OriginFile | null> {
    try {
      return (await this.#files(fileUri(uri, name)))[0] ?? null;
    } catch (error) {
      if (error instanceof SourceError && error.code === 'not_found') return null;
      throw error;
    }
  }

  async #files(uri: string): Promise<readonly OriginFile[]> {
    return (await this.#open(uri)).files(AbortSignal.timeout(LOOK_MS));
  }

  async #text(uri: string, file: OriginFile): Promise<string> {
    if (file.bytes > MAX_JSON_BYTES)
      throw new Error(`expected ${file.name} of at most ${MAX_JSON_BYTES} bytes, got ${file.bytes}`);
    const origin = await this.#open(uri);
    const chunks: Uint8Array[] = [];
    for await (const chunk of origin.read(file, 0, file.bytes, AbortSignal.timeout(LOOK_MS)))
      chunks.push(chunk);
    return Buffer.concat(chunks).toString('utf8');
  }

  async #open(uri: string): Promise<ReturnType<typeof openOrigin>> {
    return openOrigin(uri, {
      credentials: await this.#deps.access.credentials(),
      transport: this.#transport,
    });
  }

  async #fetch(source: string, files: readonly OriginFile[], path: string): Promise<void> {
    const order = {
      source,
      version: sourceIdentity(source, files).slice(0, 32),
      path,
      names: files.map(({ name }) => name),
      bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
      sha256: null,
      priority: 'demand',
    } as const;
    await this.#deps.fetcher.fetch(order, () => {}).done;
  }
}

/** Of a directory that may be asked for again its name here. */
export function folderKey(identity: string): string {
  return createHash('sha256').update(identity).digest('hex').slice(0, 32);
}

/** What is no URI of a source, whoever looks for a GGUF file there will say. */
function parsedOrNull(uri: string): SourceUri | null {
  try {
    return parseSourceUri(uri);
  } catch {
    return null;
  }
}

function isFolder(uri: SourceUri): boolean {
  switch (uri.kind) {
    case 'file':
      return false;
    case 'http':
      return uri.url.pathname.endsWith('/');
    case 'hf':
      return uri.path === '' || uri.path.endsWith('/');
    case 's3':
      return uri.key === '' || uri.key.endsWith('/');
  }
}

function fileUri(folder: string, name: string): string {
  if (!/^https?:/i.test(folder)) return `${folder.replace(/\/$/, '')}/${name}`;
  const url = new URL(folder);
  url.pathname += name;
  return url.href;
}

/** One version of all of them, or the adapter would be of two. */
function requireSame({ name, bytes, etag }: OriginFile, files: readonly OriginFile[]): void {
  const seen = files.find((file) => file.name === name);
  if (seen && seen.bytes === bytes && seen.etag === etag) return;
  throw new SourceError('changed', `expected ${name} as it was when it was looked at, got another version`);
}
