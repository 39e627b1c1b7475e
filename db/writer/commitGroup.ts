import type Sqlite from 'better-sqlite3';
import { codeOf } from '../openErrors.ts';
import type { WriteCommand, WriteFailure } from './commands.ts';
import type { ApplyCommand } from './statements.ts';

/** Outcome of a group: failures by index, and the transactions it took (1 unless something went wrong). */
export interface GroupOutcome {
  readonly failures: readonly WriteFailure[];
  readonly commits: number;
}

/**
 * Puts a group of commands on disk with one fsync. A statement that fails undoes only itself
 * (sqlite.org/lang_conflict.html, ABORT), so its neighbours are committed. When SQLite rolls the whole transaction
 * back (full disk, I/O error) or the commit fails, each command is tried in a transaction of its own.
 */
export function commitGroup(
  sqlite: Sqlite.Database,
  commands: readonly WriteCommand[],
  apply: ApplyCommand,
): GroupOutcome {
  const together = attempt(sqlite, commands, apply, 0);
  if (together.kind === 'committed' || commands.length === 1) {
    return { failures: together.failures, commits: 1 };
  }
  const failures = commands.flatMap((command, index) => attempt(sqlite, [command], apply, index).failures);
  return { failures, commits: commands.length };
}

interface Attempt {
  readonly kind: 'committed' | 'rolledBack';
  /** All of the commands when rolled back. */
  readonly failures: readonly WriteFailure[];
}

function attempt(
  sqlite: Sqlite.Database,
  commands: readonly WriteCommand[],
  apply: ApplyCommand,
  firstIndex: number,
): Attempt {
  const failures: WriteFailure[] = [];
  try {
    sqlite.exec('begin immediate');
    for (const [index, command] of commands.entries()) {
      try {
        apply(command);
      } catch (error) {
        if (!sqlite.inTransaction) throw error;
        failures.push(failureOf(firstIndex + index, error));
      }
    }
    sqlite.exec('commit');
    return { kind: 'committed', failures };
  } catch (error) {
    if (sqlite.inTransaction) sqlite.exec('rollback');
    return { kind: 'rolledBack', failures: commands.map((_, index) => failureOf(firstIndex + index, error)) };
  }
}

/** SQLite's message names tables and columns, drizzle's also the values: only the innermost goes on. */
function failureOf(index: number, error: unknown): WriteFailure {
  let innermost = error;
  while (innermost instanceof Error && innermost.cause instanceof Error) innermost = innermost.cause;
  const message = innermost instanceof Error ? innermost.message : String(innermost);
  return { index, code: codeOf(error), message };
}
