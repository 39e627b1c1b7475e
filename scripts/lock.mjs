/**
 * Completes package-lock.json: `node scripts/lock.mjs`, after every `npm install NAME`. With `--check` it only looks.
 *
 * npm leaves a platform's optional package out of the lock when the registry it asks does not serve it (mirrors often
 * hold one platform alone), and `npm ci` then refuses the lock. The parent names the exact version, so the entry can be
 * written without the registry; it has no integrity hash and is never fetched on another platform. No download
 * addresses are kept, so that the lock works with any registry.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expectedError } from './command.mjs';
import { launch } from './launch.mjs';

const SYSTEMS = [
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
];
const PROCESSORS = [
  'arm',
  'arm64',
  'ia32',
  'loong64',
  'mips64el',
  'ppc64',
  'riscv64',
  's390x',
  'wasm32',
  'x64',
];

/** The lock with an entry for every exact optional dependency. Does not change its argument. */
export function completeLock(lock) {
  const packages = { ...lock.packages };
  for (const [path, entry] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      if (!/^\d+\.\d+\.\d+/.test(version) || resolvePackage(packages, path, name) !== undefined) continue;
      packages[`node_modules/${name}`] = platformEntry(name, version, entry);
    }
  }
  const sorted = Object.keys(packages).sort((a, b) => a.localeCompare(b, 'en'));
  return {
    ...lock,
    packages: Object.fromEntries(sorted.map((path) => [path, withoutAddress(packages[path])])),
  };
}

/** Node's way up from the package at `path`: the first node_modules that holds `name`. */
function resolvePackage(packages, path, name) {
  for (let from = path; ; from = from.slice(0, Math.max(0, from.lastIndexOf('/node_modules/')))) {
    const candidate = from === '' ? `node_modules/${name}` : `${from}/node_modules/${name}`;
    if (packages[candidate] !== undefined) return packages[candidate];
    if (from === '') return undefined;
  }
}

/** Names of platform packages end in `system-processor[-libc]`: binding-linux-arm64-musl, darwin-x64. */
function platformEntry(name, version, parent) {
  const words = name.slice(name.indexOf('/') + 1).split('-');
  const cpu = words.find((word) => PROCESSORS.includes(word));
  const os = words.find((word) => SYSTEMS.includes(word));
  if (cpu === undefined || os === undefined) {
    throw expectedError(`Cannot complete package-lock.json: "${name}" is missing and names no platform`);
  }
  const libc = words.includes('musl') ? ['musl'] : undefined;
  return {
    version,
    cpu: [cpu],
    ...(parent.dev ? { dev: true } : {}),
    ...(libc ? { libc } : {}),
    optional: true,
    os: [os],
  };
}

function withoutAddress({ resolved: _resolved, ...entry }) {
  return entry;
}

if (process.argv[1] === import.meta.filename) {
  void launch(() => {
    const file = join(import.meta.dirname, '..', 'package-lock.json');
    const before = readFileSync(file, 'utf8');
    const after = `${JSON.stringify(completeLock(JSON.parse(before)), null, 2)}\n`;
    if (before === after) return;
    if (process.argv.includes('--check')) {
      throw expectedError(
        'package-lock.json lacks platform packages or keeps addresses: run "node scripts/lock.mjs"',
      );
    }
    writeFileSync(file, after);
  });
}
