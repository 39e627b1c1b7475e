/**
 * What a runner says when it dies, on standard error, which the gateway keeps as a file: one line, never with content
 * of a request.
 */
import { writeSync } from 'node:fs';

/** Exit codes, named as in BSD's sysexits.h. */
export const EXIT_SOFTWARE = 70;
export const EXIT_PROTOCOL = 76;

/** One line on standard error, written before it returns. A closed standard error is not a reason to fail. */
export function sayLine(text: string): void {
  try {
    writeSync(2, `${text.replaceAll(/[\r\n]+/g, ' ')}\n`);
  } catch {
    // Nobody listens.
  }
}

/** A line about an error that nobody expected: where it came from. A parser's message quotes its input, so it stays out. */
export function describeCrash(error: unknown, name = 'Runner'): string {
  if (!(error instanceof Error)) return `${name} stopped: a ${typeof error} was thrown`;
  const where = (error.stack ?? '').split('\n').find((line) => line.trimStart().startsWith('at '));
  const message = error instanceof SyntaxError ? 'of the input' : error.message;
  return `${name} stopped: ${error.name} ${message} ${where?.trim() ?? ''}`.trimEnd();
}

/**
 * Guards the process: a broken standard stream is ignored, an exception that nobody caught is said and ends it with
 * code 70. `cleanUp` must not throw; `name` is what the process is called.
 */
export function guardProcess(cleanUp: () => void, name = 'Runner'): void {
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
  const crash = (error: unknown) => {
    sayLine(describeCrash(error, name));
    cleanUp();
    process.exit(EXIT_SOFTWARE);
  };
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
}
