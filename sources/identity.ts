import { createHash } from 'node:crypto';
import type { OriginFile } from './origin.ts';

/**
 * What tells a version of a source from another one: the URI as it is written, and of every file name, size and ETag. The
 * catalogue's revisions are made of it; who brings the files here compares, so that no output comes from another version.
 */
export function sourceIdentity(uri: string, files: readonly OriginFile[]): string {
  const hash = createHash('sha256').update(uri);
  for (const { name, bytes, etag, modifiedAtEpochMs } of files) {
    // Where there is an ETag it alone tells versions apart: a time changes when a file is only moved.
    hash.update(`\0${name}:${bytes}:${etag ?? modifiedAtEpochMs ?? ''}`);
  }
  return hash.digest('hex');
}
