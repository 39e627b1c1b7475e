import { runOnCores } from '../../native/cores.ts';
import { parseCoreList } from '../protocol/coreList.ts';
import { sayLine } from './lastWords.ts';

/**
 * Keeps this process, with all threads that it has and makes, to those of the cores that it may use. How many that are;
 * null: it stays where it was, because none is said, or none can be had.
 */
export function stayOn(list: string | undefined): number | null {
  const cores = coresOf(list);
  if (cores.length === 0) return null;
  try {
    const count = runOnCores(cores);
    if (count === 0) sayLine(`Cannot choose cores: this process may use none of ${list}`);
    return count === 0 ? null : count;
  } catch (error) {
    sayLine(error instanceof Error ? error.message : String(error));
    return null;
  }
}

/** The cores of a list such as "0-3,8"; none when nothing is said, or something else, which the log is told. */
export function coresOf(list: string | undefined): readonly number[] {
  const cores = parseCoreList(list ?? '');
  if (!cores) sayLine(`Cannot choose cores: expected a list such as "0-3,8", got ${JSON.stringify(list)}`);
  return cores ?? [];
}
