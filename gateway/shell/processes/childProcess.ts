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

/** A child in a group of its own, with the control pipe on file descriptor 3, whose output goes to the log at `logPath`. */
export function spawnChild({ entry, runDir, environment }: ChildSettings, logPath: string): ChildProcess {
  const log = openSync(logPath, 'a', 0o600);
  try {
    return spawn(process.execPath, [entry], {
      detached: true,
      stdio: ['ignore', log, log, 'pipe'],
      env: { ...environment },
      cwd: runDir,
    });
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
