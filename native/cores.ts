import { createRequire } from 'node:module';
import { builtBinary } from './load.ts';
import type { PreloadAddon } from './preloadTypes.ts';

/**
 * Keeps all threads of this process, and with them those that they make, to these cores, as far as it may use them now. How
 * many that are; 0: none of them, and nothing has changed. Throws when the system refuses.
 */
export function runOnCores(cores: readonly number[]): number {
  const require = createRequire(import.meta.url);
  const preload = require(builtBinary('hearth_preload.node')) as PreloadAddon;
  return preload.runOnCores(cores);
}
