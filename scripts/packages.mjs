/** Installs the npm packages once per lock file, and sees to it that the one native package among them loads. */
import { existsSync, lstatSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { expectedError, onPath, runCommand } from './command.mjs';
import { clearStamp, hashFiles, stampSays, writeStamp } from './stamp.mjs';

/** What an install and the native build need on the PATH, with what to install. */
const TOOLS = [
  ['npm', 'npm'],
  ['python3', 'Python 3 (node-gyp needs it)'],
  ['make', 'make'],
  ['g++', 'a C++20 compiler'],
  ['git', 'git'],
];

/** One sentence that names every missing tool, or null. `has` tells whether a command is there. */
export function toolProblem(has) {
  const missing = TOOLS.filter(([command]) => !has(command));
  if (missing.length === 0) return null;
  const names = missing.map(([command]) => `"${command}"`).join(', ');
  return `Cannot build Hearth: ${names} not found on the PATH, install ${missing.map(([, what]) => what).join(', ')}`;
}

/**
 * Is everything there that the lock asks for? `installed` is npm's own record, node_modules/.package-lock.json, which
 * npm writes when an install is complete. Optional packages of other platforms may be absent.
 */
export function installMatchesLock(lock, installed) {
  return Object.entries(lock.packages).every(([path, wanted]) => {
    if (path === '') return true;
    const found = installed.packages[path];
    return found === undefined ? wanted.optional === true : found.version === wanted.version;
  });
}

/** What node_modules was made from: the lock, and the Node that native packages were built for. */
export function installStamp(root, abi = process.versions.modules) {
  const lock = hashFiles(root, [join(root, 'package-lock.json')]);
  return `${lock} abi ${abi} ${process.platform}-${process.arch}\n`;
}

/** Idempotent. Throws one sentence when a tool is missing or npm fails; npm's output is in .cache/install.log. */
export async function ensurePackages({ root, log }) {
  const modules = join(root, 'node_modules');
  // A linked node_modules belongs to another checkout, whose bootstrap looks after it.
  if (existsSync(modules) && lstatSync(modules).isSymbolicLink()) return;
  const stampFile = join(modules, '.hearth-stamp');
  const stamp = installStamp(root);
  if (stampSays(stampFile, stamp)) return;
  const problem = toolProblem(onPath);
  if (problem !== null) throw expectedError(problem);
  clearStamp(stampFile);
  if (!isInstalled(root)) {
    log('installing packages (about a minute)…');
    await runNpm(root, ['ci', '--prefer-offline', '--include=dev', '--no-audit', '--no-fund']);
  }
  await ensureDatabaseLoads(root, log);
  writeStamp(stampFile, stamp);
}

function isInstalled(root) {
  try {
    const read = (path) => JSON.parse(readFileSync(join(root, path), 'utf8'));
    return installMatchesLock(read('package-lock.json'), read('node_modules/.package-lock.json'));
  } catch {
    return false;
  }
}

/** better-sqlite3 is compiled for one ABI of Node; after a change of Node it is built again. */
async function ensureDatabaseLoads(root, log) {
  if (await databaseLoads(root)) return;
  log('building better-sqlite3 for this Node…');
  await runNpm(root, ['rebuild', 'better-sqlite3']);
  if (await databaseLoads(root)) return;
  throw expectedError('Cannot load better-sqlite3 after building it: see .cache/install.log');
}

async function databaseLoads(root) {
  const probe = "new (require('better-sqlite3'))(':memory:').close()";
  const { code } = await runCommand(process.execPath, ['-e', probe], { cwd: root });
  return code === 0;
}

async function runNpm(root, args) {
  const logFile = join(root, '.cache', 'install.log');
  mkdirSync(dirname(logFile), { recursive: true });
  const { command, leading } = npmCommand();
  const { code, output } = await runCommand(command, [...leading, ...args], {
    cwd: root,
    env: npmEnvironment(),
    logFile,
  });
  if (code === 0) return;
  const words = output.split('\n').filter((line) => /^npm (error|ERR!)/.test(line));
  throw expectedError(
    [
      `Cannot install packages: "npm ${args[0]}" ended with ${code}, see .cache/install.log`,
      ...words.slice(0, 12),
    ].join('\n'),
  );
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
