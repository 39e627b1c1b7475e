import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { ok } from '../domain/errors.ts';
import type { KeySource } from '../domain/keySource.ts';
import { type KeyResult, keyFailure } from './keyFailure.ts';
import { MAX_KEY_SOURCE_BYTES } from './keyFile.ts';

export type CommandSource = Extract<KeySource, { kind: 'command' }>;
export type Environment = Readonly<Record<string, string | undefined>>;

/** What every command needs to find itself, and nothing that holds a secret. */
const ALWAYS_PASSED = ['PATH', 'HOME', 'LANG'];
/** From SIGTERM to SIGKILL. */
const GRACE_MS = 1000;

/**
 * Runs the program of a key source, in `directory`, and gives what it printed. What it says on standard error is dropped,
 * and of its arguments none is ever shown: both may hold secrets. The caller wipes what it gets.
 */
export function runKeyCommand(
  source: CommandSource,
  environment: Environment,
  directory: string,
): Promise<KeyResult<Uint8Array>> {
  const [program] = source.command;
  const refuse = (words: string) =>
    keyFailure('key_unavailable', `Cannot run key command "${program}": ${words}`);
  return new Promise((resolve) => {
    let child: KeyChild;
    try {
      child = spawnIn(directory, source.command, passed(environment, source.passEnv));
    } catch {
      // No memory for it; what else may be wrong is told by its event.
      return resolve(refuse('it cannot be started'));
    }
    const chunks: Buffer[] = [];
    let bytes = 0;
    let stopped: string | null = null;
    let grace: NodeJS.Timeout | undefined;
    const stop = (words: string) => {
      if (stopped !== null) return;
      stopped = words;
      signalGroup(child, 'SIGTERM');
      grace = setTimeout(() => {
        signalGroup(child, 'SIGKILL');
        // Who left the group may hold the other end for ever.
        child.stdout.destroy();
      }, GRACE_MS);
    };
    const limit = setTimeout(() => stop(`not done after ${source.timeoutMs} ms`), source.timeoutMs);
    const settle = (result: KeyResult<Uint8Array>) => {
      clearTimeout(limit);
      clearTimeout(grace);
      for (const chunk of chunks) chunk.fill(0);
      resolve(result);
    };
    child.on('error', (error) => {
      settle(
        refuse(
          'code' in error && error.code === 'ENOENT' ? 'there is no such program' : 'it cannot be started',
        ),
      );
    });
    // Where no descriptor is left for it there is no pipe, whatever its type says.
    (child.stdout as Readable | undefined)?.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > MAX_KEY_SOURCE_BYTES) stop(`expected at most ${MAX_KEY_SOURCE_BYTES} bytes against more`);
    });
    child.on('close', (code, signal) => {
      if (stopped !== null) settle(refuse(stopped));
      else if (code !== 0) settle(refuse(`expected exit status 0 against ${signal ?? code}`));
      else settle(ok(Buffer.concat(chunks)));
    });
  });
}

type KeyChild = ReturnType<typeof spawnIn>;

/** In a process group of its own, so that what it started ends with it. */
function spawnIn(
  directory: string,
  [program, ...args]: CommandSource['command'],
  env: Readonly<Record<string, string>>,
) {
  return spawn(program, args, { cwd: directory, env, stdio: ['ignore', 'pipe', 'ignore'], detached: true });
}

function passed(environment: Environment, names: readonly string[]): Record<string, string> {
  const known = [...ALWAYS_PASSED, ...names].flatMap((name) => {
    const value = environment[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(known);
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It has gone by itself.
  }
}
