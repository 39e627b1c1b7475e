/** Child processes of the scripts, and failures that are told in one sentence. */
import { spawn } from 'node:child_process';
import { accessSync, constants, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A failure with a cause outside our code: told by its message, without a stack. */
export function expectedError(message, cause) {
  return Object.assign(new Error(message, { cause }), { expected: true });
}

/** Is there an executable of this name on the PATH? */
export function onPath(command, path = process.env.PATH ?? '') {
  return path.split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * Runs a child to its end and ends it when this process is asked to end. Resolves with its exit code and, unless
 * `inherit`, everything it printed. Without `inherit` the output also goes to `logFile`, if given, and to `onOutput` as it
 * comes.
 */
export function runCommand(
  command,
  args,
  { cwd, env = process.env, inherit = false, logFile, onOutput = () => {} } = {},
) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: inherit ? 'inherit' : ['ignore', 'pipe', 'pipe'] });
    const stopForwarding = forwardSignals(child);
    const chunks = [];
    const take = (chunk) => {
      chunks.push(chunk);
      onOutput(chunk.toString());
    };
    child.stdout?.on('data', take);
    child.stderr?.on('data', take);
    child.on('error', (cause) => {
      stopForwarding();
      reject(expectedError(`Cannot run "${command}": ${cause.message}`, cause));
    });
    child.on('close', (code, signal) => {
      const asked = stopForwarding();
      if (asked !== null) process.kill(process.pid, asked);
      const output = Buffer.concat(chunks).toString();
      if (logFile !== undefined) writeFileSync(logFile, output);
      resolve({ code: code ?? 1, signal, output });
    });
  });
}

/** Passes SIGINT and SIGTERM on to the child. The returned function ends that and tells the signal that came, if any. */
function forwardSignals(child) {
  let asked = null;
  const forward = (signal) => {
    asked = signal;
    child.kill(signal);
  };
  process.on('SIGINT', forward).on('SIGTERM', forward);
  return () => {
    process.off('SIGINT', forward).off('SIGTERM', forward);
    return asked;
  };
}
