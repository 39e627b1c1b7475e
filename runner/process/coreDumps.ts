import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { sayLine } from './lastWords.ts';

/** core(5): what of this process's memory goes into a core dump. Children inherit it. */
const FILTER_FILE = '/proc/self/coredump_filter';
/** The ELF headers and no page. The kernel's own 0x33 has all private memory, and shared memory whose file has gone. */
const NO_MEMORY = '0x10';

/**
 * Keeps this process's memory out of core dumps from now on, when a segment is plaintext of an encrypted file: the mapping of
 * it, and whatever the engine or an adapter has copied. `leasePath`: of the segment. Idempotent. A segment that does not tell counts as such.
 */
export function guardPlaintext(leasePath: string, filterFile = FILTER_FILE): void {
  if (!isPlaintext(leasePath)) return;
  try {
    writeFileSync(filterFile, NO_MEMORY);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    sayLine(`Cannot keep weights out of core dumps: ${reason}`);
  }
}

function isPlaintext(leasePath: string): boolean {
  try {
    const described: unknown = JSON.parse(readFileSync(join(dirname(leasePath), '.segment.json'), 'utf8'));
    return (described as { encrypted?: unknown } | null)?.encrypted !== false;
  } catch {
    return true;
  }
}
