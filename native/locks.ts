import { closeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { builtBinary } from './load.ts';
import type { PreloadAddon } from './preloadTypes.ts';

/** A shared lock on a file, for as long as it is held or this process lives. */
export interface SharedLock {
  /** Idempotent. */
  release(): void;
}

/**
 * Locks a segment's lease file, so that nobody takes the segment away (docs/adr/0014). null: it is not there any more, or
 * goes at this moment.
 */
export function lockShared(path: string): SharedLock | null {
  const require = createRequire(import.meta.url);
  const preload = require(builtBinary('hearth_preload.node')) as PreloadAddon;
  let fd: number | null = preload.lockShared(path);
  if (fd < 0) return null;
  return {
    release() {
      if (fd !== null) closeSync(fd);
      fd = null;
    },
  };
}
