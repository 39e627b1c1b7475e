import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, rmSync } from 'node:fs';
import { lastWords } from './lastWords.ts';

/** How a process of our own is started. */
export interface ChildSettings {
  /** The bundled script. */
  readonly entry: string;
  /** Where it runs; mode 0700. */
  readonly runDir: string;
  /** The allow-listed environment. */
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * A child in a group of its own, with the control pipe on file descriptor 3, whose output goes to the log at `logPath`.
 * Throws when there is no descriptor for it; what else keeps it from being started is told by its `error` event.
 */
export function spawnChild({ entry, runDir, environment }: ChildSettings, logPath: string): ChildProcess {
  const log = openSync(logPath, 'a', 0o600);
  try {
    const child = spawn(process.execPath, [entry], {
      detached: true,
      stdio: ['ignore', log, log, 'pipe'],
      env: { ...environment },
      cwd: runDir,
    });
    // Without descriptors node gives up half-way: such a child has no pipes, and its event would come to nobody.
    if ((child.stdio as unknown) === undefined) {
      child.on('error', () => {});
      throw new Error('EMFILE: too many open files, spawn');
    }
    return child;
  } finally {
    closeSync(log);
  }
}

/** Says how the child ended, or that it never began, with its last words; its log is removed. */
export function whenOver(child: ChildProcess, logPath: string, told: (why: string) => void): void {
  const end = (how: string): void => {
    const words = lastWords(logPath);
    rmSync(logPath, { force: true });
    told(words === '' ? how : `${how}: ${words}`);
  };
  child.once('error', (error) => end(`could not be started: ${error.message}`));
  child.once('exit', (code, signal) => end(signal ? `was ended by ${signal}` : `exited with ${code}`));
}
