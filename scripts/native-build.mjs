/**
 * Builds the native addons into native/build/Release, with Node's built-ins alone. Stamped: when nothing changed it
 * compares one hash and returns. `node scripts/native-build.mjs` runs it by itself.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureHeaders, installedLlamaVersion } from './native-headers.mjs';

const BINARIES = [
  'hearth_preload.node',
  'hearth_overrides.node',
  'hearth_store.node',
  'libhearth_store.so',
  'hearth_crypt.node',
  'hearth_engine.node',
];
const TOOLS = [
  ['g++', 'a C++20 compiler'],
  ['make', 'make'],
  ['python3', 'Python 3 (node-gyp needs it)'],
  ['git', 'git'],
];

/**
 * Idempotent. Throws one clear sentence when a tool is missing or the compiler fails; the whole compiler output is in
 * `.cache/native-build.log`.
 */
export async function ensureNative({ root, log = () => {} }) {
  const release = join(root, 'native', 'build', 'Release');
  const stampFile = join(release, 'stamp');
  const stamp = sourceStamp(root);
  const built = existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp;
  if (built && BINARIES.every((name) => existsSync(join(release, name)))) return;
  requireTools();
  const headers = await ensureHeaders({ root, log, run });
  log('building the native engine');
  const logFile = join(root, '.cache', 'native-build.log');
  for (const step of ['configure', 'build']) {
    await run(process.execPath, gypArguments(root, headers, step), { cwd: join(root, 'native'), logFile });
  }
  mkdirSync(release, { recursive: true });
  writeFileSync(stampFile, stamp);
}

/** Everything that the binaries depend on: our sources, the headers' version and Node's ABI. */
function sourceStamp(root) {
  const hash = createHash('sha256');
  hash.update(`${installedLlamaVersion(root)} ${process.versions.modules} ${process.arch}\n`);
  for (const file of sourcesBelow(join(root, 'native')).sort()) {
    hash.update(file.slice(root.length)).update('\0').update(readFileSync(file)).update('\0');
  }
  return hash.digest('hex');
}

function sourcesBelow(directory) {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return entry.name === 'build' ? [] : sourcesBelow(path);
    return /\.(cc?|h|S|gyp)$/.test(entry.name) ? [path] : [];
  });
}

function gypArguments(root, headers, step) {
  const nodeGyp = join(root, 'node_modules', 'node-gyp', 'bin', 'node-gyp.js');
  const prefix = resolve(dirname(process.execPath), '..');
  // Headers that came with this very Node save a download and cannot be of another version.
  const nodedir = existsSync(join(prefix, 'include', 'node', 'node.h')) ? [`--nodedir=${prefix}`] : [];
  return [
    nodeGyp,
    step,
    ...nodedir,
    `--jobs=${Math.max(1, Math.min(8, availableParallelism()))}`,
    `--llama_headers=${headers}`,
    `--napi_headers=${join(root, 'node_modules', 'node-addon-api')}`,
  ];
}

function requireTools() {
  for (const [command, what] of TOOLS) {
    if (!onPath(command))
      throw new Error(`Cannot build the native engine: "${command}" is not on the PATH, install ${what}`);
  }
}

function onPath(command) {
  return (process.env['PATH'] ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Runs a child to its end. Its output goes to `logFile`, and the last lines of it into the error when it fails. */
function run(command, args, { cwd, logFile }) {
  return new Promise((resolveRun, rejectRun) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const take = (chunk) => {
      output += chunk;
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('error', (cause) =>
      rejectRun(new Error(`Cannot run "${command}": ${cause.message}`, { cause })),
    );
    child.on('close', (code) => {
      if (logFile !== undefined) writeFileSync(logFile, output);
      if (code === 0) return resolveRun();
      const errors = output.split('\n').filter((line) => /error/i.test(line));
      const words = (errors.length > 0 ? errors : output.trim().split('\n')).slice(0, 8).join('\n');
      rejectRun(new Error(`Cannot build the native engine: "${command}" ended with ${code}\n${words}`));
    });
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
  try {
    await ensureNative({ root, log: (line) => console.log(line) });
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
