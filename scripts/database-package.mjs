/** better-sqlite3, the one package that is compiled: for one version and one ABI of Node. */
import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expectedError, runCommand } from './command.mjs';
import { runNpm } from './npm.mjs';
import { clearStamp, stampSays, writeStamp } from './stamp.mjs';

/** What the binary depends on. */
export function databaseStamp(version, abi = process.versions.modules) {
  return `${version} abi ${abi} ${process.platform}-${process.arch}\n`;
}

/**
 * Idempotent: sees to it that better-sqlite3 loads in this Node. Its install script takes a prebuilt binary where one can
 * be downloaded and otherwise compiles, which takes about a minute.
 */
export async function ensureDatabasePackage({ root, log }) {
  const modules = join(root, 'node_modules');
  const manifest = JSON.parse(readFileSync(join(modules, 'better-sqlite3', 'package.json'), 'utf8'));
  const stampFile = join(modules, '.hearth-better-sqlite3');
  const stamp = databaseStamp(manifest.version);
  if (stampSays(stampFile, stamp)) return;
  const linked = existsSync(modules) && lstatSync(modules).isSymbolicLink();
  clearStamp(stampFile);
  if (!(await loads(root))) {
    if (linked)
      throw expectedError(
        'Cannot load better-sqlite3 from a linked node_modules: set that checkout up first',
      );
    log('building better-sqlite3 (about a minute)…');
    await runNpm(root, ['rebuild', 'better-sqlite3']);
    if (!(await loads(root))) {
      throw expectedError('Cannot load better-sqlite3 after building it: see .cache/npm-rebuild.log');
    }
  }
  writeStamp(stampFile, stamp);
}

async function loads(root) {
  const probe = "new (require('better-sqlite3'))(':memory:').close()";
  const { code } = await runCommand(process.execPath, ['-e', probe], { cwd: root });
  return code === 0;
}
