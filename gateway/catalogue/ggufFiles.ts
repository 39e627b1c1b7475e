import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { LRUCache } from 'lru-cache';
import { fail, ok, type Result } from '../domain/errors.ts';
import type { ModelFileFacts, ModelFiles, Recalled } from '../ports/modelFile.ts';
import type { SealedFiles } from '../ports/readableFile.ts';
import { ggufFacts } from './ggufFacts.ts';
import { readGgufHeader } from './ggufHeader.ts';
import { partsOf } from './ggufParts.ts';

/** Looks into GGUF files on this machine. Headers that were read once are kept by the file's identity. */
export class GgufFiles implements ModelFiles {
  readonly #facts = new LRUCache<string, ModelFileFacts>({ max: 2048 });
  readonly #sealed: SealedFiles | null;

  /** `sealed` opens encrypted files; null: there are none. */
  constructor(sealed: SealedFiles | null = null) {
    this.#sealed = sealed;
  }

  async inspect(path: string): Promise<Result<ModelFileFacts>> {
    try {
      const parts = await statParts(path);
      const identity = identityOf(path, parts);
      const known = this.#facts.get(identity);
      if (known) return ok(known);
      const facts = await readFacts(path, parts, identity, this.#sealed);
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

async function statParts(path: string): Promise<BigIntStats[]> {
  const parts: BigIntStats[] = [];
  for (const part of partsOf(path)) parts.push(await statFile(part));
  return parts;
}

async function statFile(path: string): Promise<BigIntStats> {
  const stats = await stat(path, { bigint: true });
  if (!stats.isFile())
    throw new Error(`expected a file, got ${stats.isDirectory() ? 'a directory' : 'no file'}`);
  return stats;
}

/** The change time is in it, so that a file rewritten in place with its old modification time differs too. */
function identityOf(path: string, parts: readonly BigIntStats[]): string {
  const hash = createHash('sha256').update(path);
  for (const { dev, ino, size, mtimeNs, ctimeNs } of parts) {
    hash.update(`\0${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`);
  }
  return hash.digest('hex');
}

async function readFacts(
  path: string,
  parts: readonly BigIntStats[],
  identity: string,
  sealed: SealedFiles | null,
): Promise<ModelFileFacts> {
  const header = await readGgufHeader(path, Number(parts[0]?.size), sealed);
  const { metadata } = header;
  if (header.isEncrypted && parts.length > 1)
    throw new Error(`expected an encrypted model in one file against ${parts.length}`);
  return {
    path,
    ...ggufFacts(metadata),
    parts: parts.length,
    sizeBytes: header.isEncrypted ? header.sizeBytes : parts.reduce((sum, { size }) => sum + Number(size), 0),
    isEncrypted: header.isEncrypted,
    modifiedAtEpochMs: Math.max(...parts.map(({ mtimeMs }) => Number(mtimeMs))),
    identity,
  };
}

function reasonOf(error: unknown): string {
  if (error instanceof Error && 'code' in error) {
    if (error.code === 'ENOENT') return 'there is no such file';
    if (error.code === 'EACCES') return 'it is not readable for this user';
  }
  return error instanceof Error ? error.message : String(error);
}
