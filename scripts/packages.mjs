/** Installs the npm packages once per lock file. */
import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expectedError, onPath } from './command.mjs';
import { runNpm } from './npm.mjs';
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

/**
 * Idempotent. Throws one sentence when a tool is missing or npm fails. No package's install script runs: they look for
 * downloads, and the one that is needed (scripts/database-package.mjs) runs beside our own build.
 */
export async function ensurePackages({ root, log }) {
  const modules = join(root, 'node_modules');
  // A linked node_modules belongs to another checkout, whose bootstrap looks after it.
  if (existsSync(modules) && lstatSync(modules).isSymbolicLink()) return;
  const stampFile = join(modules, '.hearth-install');
  const stamp = hashFiles(root, [join(root, 'package-lock.json')], `${process.platform}-${process.arch}`);
  if (stampSays(stampFile, stamp)) return;
  const problem = toolProblem(onPath);
  if (problem !== null) throw expectedError(problem);
  clearStamp(stampFile);
  if (!isInstalled(root)) {
    log('installing packages…');
    await runNpm(root, [
      'ci',
      '--prefer-offline',
      '--include=dev',
      '--include=optional',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
    ]);
  }
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
