import { appendFile, mkdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { localFailure, SourceError } from '../errors.ts';
import type { Origin, OriginFile } from '../origin.ts';
import { isSafeName } from '../uri.ts';
import { download } from './download.ts';
import type { DownloadOptions } from './types.ts';

/** In the folder while files are missing. */
const COMPLETE = '.complete';
const NO_VERSION = '-';

export interface DownloadedFolder {
  readonly files: readonly OriginFile[];
  readonly bytes: number;
  readonly resumedBytes: number;
}

export type FolderResult =
  | { readonly ok: true; readonly value: DownloadedFolder }
  | { readonly ok: false; readonly error: SourceError };

/**
 * Brings all files of an origin to `directory` (absolute, it is there), each under its relative name, one after the other;
 * progress is over all of them. They are of one listing: a file that has changed since is `changed`, and the caller lists
 * again. `maxBytes` is for all together. What an earlier call brought of the same versions stays; `.complete` in the folder
 * says what that is until all is there.
 */
export async function downloadFolder(
  origin: Origin,
  files: readonly OriginFile[],
  directory: string,
  options: Omit<DownloadOptions, 'sha256' | 'startsOver'> = {},
): Promise<FolderResult> {
  const { maxBytes = Number.POSITIVE_INFINITY, onProgress } = options;
  const totalBytes = files.reduce((sum, { bytes }) => sum + bytes, 0);
  try {
    checkNames(origin, files);
    if (totalBytes > maxBytes) {
      const why = `expected at most ${maxBytes} bytes, got ${totalBytes}`;
      throw new SourceError('too_large', `Cannot download "${origin.uri}": ${why}`);
    }
    const complete = await readComplete(directory);
    let beforeBytes = 0;
    let resumedBytes = 0;
    for (const file of files) {
      const path = join(directory, file.name);
      if (complete.has(lineOf(file)) && lineOf(file) !== NO_VERSION && (await sizeOf(path)) === file.bytes) {
        beforeBytes += file.bytes;
        resumedBytes += file.bytes;
        continue;
      }
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      const result = await download(origin, file, path, {
        ...options,
        startsOver: false,
        onProgress: ({ bytes, bytesPerSecond }) => {
          const leftBytes = totalBytes - beforeBytes - bytes;
          const secondsLeft = leftBytes === 0 ? 0 : bytesPerSecond > 0 ? leftBytes / bytesPerSecond : null;
          onProgress?.({ bytes: beforeBytes + bytes, totalBytes, bytesPerSecond, secondsLeft });
        },
      });
      if (!result.ok) return result;
      await appendFile(join(directory, COMPLETE), `${lineOf(file)}\n`, { mode: 0o600 });
      beforeBytes += file.bytes;
      resumedBytes += result.value.resumedBytes;
    }
    await rm(join(directory, COMPLETE), { force: true });
    return { ok: true, value: { files, bytes: totalBytes, resumedBytes } };
  } catch (error) {
    return { ok: false, error: localFailure(`write "${directory}"`, error) };
  }
}

async function readComplete(directory: string): Promise<Set<string>> {
  const text = await readFile(join(directory, COMPLETE), 'utf8').catch(() => '');
  return new Set(text.split('\n'));
}

/** Of one version; a file that nothing tells versions of apart has none, and comes again. */
function lineOf({ name, bytes, etag, modifiedAtEpochMs, sha256 }: OriginFile): string {
  if (etag === null && modifiedAtEpochMs === null && sha256 === null) return NO_VERSION;
  return JSON.stringify([name, bytes, etag, modifiedAtEpochMs, sha256]);
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.size;
}

/** No name leads out of the folder, and none is where another one's parts are. */
function checkNames(origin: Origin, files: readonly OriginFile[]): void {
  const names = new Set(files.map(({ name }) => name));
  const bad = [...names].find(
    (name) =>
      !isSafeName(name) ||
      name === COMPLETE ||
      names.has(`${name}.part`) ||
      names.has(`${name}.part.journal`),
  );
  if (bad === undefined && names.size === files.length) return;
  throw new SourceError(
    'bad_answer',
    `Cannot download "${origin.uri}": got names that cannot stand side by side`,
  );
}
