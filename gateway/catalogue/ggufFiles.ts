import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { LRUCache } from 'lru-cache';
import { fail, ok, type Result } from '../domain/errors.ts';
import type { ModelFileFacts, ModelFiles, Recalled } from '../ports/modelFile.ts';
import type { SealedFiles } from '../ports/readableFile.ts';
import { ggufFacts } from './ggufFacts.ts';
import { type GgufHeader, readGgufHeader } from './ggufHeader.ts';
import { findModelFiles, type ModelFileSet, type PlacedFile } from './modelFiles.ts';
import { checkSplit } from './splitHeaders.ts';

/** Looks into GGUF files on this machine, and into directories that hold one model. Headers that were read once are kept by the file's identity. */
export class GgufFiles implements ModelFiles {
  readonly #facts = new LRUCache<string, ModelFileFacts>({ max: 2048 });
  readonly #sealed: SealedFiles | null;

  /** `sealed` opens encrypted files; null: there are none. */
  constructor(sealed: SealedFiles | null = null) {
    this.#sealed = sealed;
  }

  async inspect(path: string): Promise<Result<ModelFileFacts>> {
    try {
      const found = await findModelFiles(path);
      const identity = identityOf(path, found);
      const known = this.#facts.get(identity);
      if (known) return ok(known);
      const facts = await readFacts(path, found, identity, this.#sealed);
      this.#facts.set(identity, facts);
      return ok(facts);
    } catch (error) {
      return fail('invalid_request', `Cannot read weight file "${path}": ${reasonOf(error)}`, 'path');
    }
  }

  async recall(path: string): Promise<Result<Recalled>> {
    const facts = await this.inspect(path);
    return facts.ok ? ok({ facts: facts.value, staleBecause: null }) : facts;
  }

  /** What is here can always be asked. */
  async keepOnly(): Promise<void> {}
}

/** The change time is in it, so that a file rewritten in place with its old modification time differs too. */
function identityOf(path: string, { parts, others, file }: ModelFileSet): string {
  const hash = createHash('sha256').update(path);
  for (const { path: one, stats } of [...parts, ...others]) {
    const { dev, ino, size, mtimeNs, ctimeNs } = stats;
    hash.update(`\0${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`);
    if (file !== undefined) hash.update(`\0${one}`);
  }
  return hash.digest('hex');
}

async function readFacts(
  path: string,
  { parts, others, file }: ModelFileSet,
  identity: string,
  sealed: SealedFiles | null,
): Promise<ModelFileFacts> {
  const headers: GgufHeader[] = [];
  for (const part of parts) headers.push(await headerOf(part, parts.length, sealed));
  const paths = parts.map((part) => part.path);
  checkSplit(paths, headers);
  const sizeBytes = headers.reduce((sum, header) => sum + header.sizeBytes, 0);
  const folder = { filesBytes: others.reduce((sum, { stats }) => sum + Number(stats.size), sizeBytes) };
  return {
    path,
    ...(file === undefined ? {} : { file, ...folder }),
    ...ggufFacts(headers[0]?.metadata ?? new Map()),
    parts: parts.length,
    sizeBytes,
    isEncrypted: headers.some(({ isEncrypted }) => isEncrypted),
    modifiedAtEpochMs: Math.max(...[...parts, ...others].map(({ stats }) => Number(stats.mtimeMs))),
    identity,
  };
}

async function headerOf(
  { path, stats }: PlacedFile,
  count: number,
  sealed: SealedFiles | null,
): Promise<GgufHeader> {
  try {
    return await readGgufHeader(path, Number(stats.size), sealed);
  } catch (error) {
    if (count === 1) throw error;
    throw new Error(`its part "${basename(path)}": ${reasonOf(error)}`, { cause: error });
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof Error && 'code' in error) {
    if (error.code === 'ENOENT') return 'there is no such file';
    if (error.code === 'EACCES') return 'it is not readable for this user';
  }
  return error instanceof Error ? error.message : String(error);
}
