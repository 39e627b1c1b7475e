/** npm, quiet unless it fails. */
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { expectedError, runCommand } from './command.mjs';

/** Runs npm in `root`. Throws what npm called errors; all that it printed is in `.cache/npm-COMMAND.log`. */
export async function runNpm(root, args) {
  const log = join('.cache', `npm-${args[0]}.log`);
  const logFile = join(root, log);
  mkdirSync(dirname(logFile), { recursive: true });
  const { command, leading } = npmCommand();
  const env = npmEnvironment();
  const { code, output } = await runCommand(command, [...leading, ...args], { cwd: root, env, logFile });
  if (code === 0) return;
  const words = output.split('\n').filter((line) => /^npm (error|ERR!)/.test(line));
  const sentence = `Cannot install packages: "npm ${args[0]}" ended with ${code}, see ${log}`;
  throw expectedError([sentence, ...words.slice(0, 12)].join('\n'));
}

/** Under `npm start` the same npm goes on; otherwise the one on the PATH. */
function npmCommand() {
  const path = process.env.npm_execpath ?? '';
  return path.endsWith('npm-cli.js')
    ? { command: process.execPath, leading: [path] }
    : { command: 'npm', leading: [] };
}

/** Headers that came with this very Node save node-gyp a download and cannot be of another version. */
function npmEnvironment() {
  const prefix = resolve(dirname(process.execPath), '..');
  const headers = existsSync(join(prefix, 'include', 'node', 'node.h'));
  return headers ? { npm_config_nodedir: prefix, ...process.env } : process.env;
}
