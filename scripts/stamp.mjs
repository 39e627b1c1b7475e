/** Stamps: a file written last that tells what its neighbours were made from, so that nothing is made twice. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** A hash of the names and contents of files. A file that is missing counts as such, it does not fail. */
export function hashFiles(root, files, salt = '') {
  const hash = createHash('sha256').update(salt);
  for (const file of [...files].sort()) {
    hash.update(`\0${relative(root, file)}\0`);
    hash.update(existsSync(file) ? readFileSync(file) : '\0missing');
  }
  return hash.digest('hex');
}

/** Every file below a directory whose path matches, in no order. A missing directory has none. */
export function filesBelow(directory, pattern) {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && pattern.test(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

/** Does the stamp say exactly this? */
export function stampSays(file, text) {
  return existsSync(file) && readFileSync(file, 'utf8') === text;
}

export function writeStamp(file, text) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** Before remaking: an interrupted run must be redone. */
export function clearStamp(file) {
  rmSync(file, { force: true });
}
