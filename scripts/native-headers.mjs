/**
 * llama.cpp's headers, brought at build time rather than vendored: the npm package `node-llama-cpp` of the same version as
 * the installed shared libraries carries llama.cpp's sources as a git bundle, and headers and libraries must match exactly.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { stampSays } from './stamp.mjs';

/**
 * Where headers lie in llama.cpp's tree. `src/llama-ext.h` declares the memory breakdown that fills the accounts,
 * `ggml-backend-impl.h` what a device is, of which the tests build one.
 */
const HEADER_ROOTS = ['include', 'ggml/include', 'ggml/src/ggml-backend-impl.h', 'common', 'src/llama-ext.h'];

/** Version of the installed prebuilt libraries, whichever variant is there. Throws when none is. */
export function installedLlamaVersion(root) {
  const scope = join(root, 'node_modules', '@node-llama-cpp');
  const names = existsSync(scope) ? readdirSync(scope).filter((name) => name.startsWith('linux-x64')) : [];
  for (const name of names.sort()) {
    const file = join(scope, name, 'package.json');
    if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')).version;
  }
  throw new Error(
    'Cannot build the native engine: no @node-llama-cpp/linux-x64 package is installed, run npm ci',
  );
}

/**
 * Makes `.cache/llama.cpp-<version>/` with the headers and returns its path. Does nothing when it is there already.
 * `run(command, args, options)` runs a child and throws with its last words when it fails.
 */
export async function ensureHeaders({ root, log, run }) {
  const version = installedLlamaVersion(root);
  const target = join(root, '.cache', `llama.cpp-${version}`);
  // Which headers belong to it may change, the version may not.
  const complete = `${version} ${HEADER_ROOTS.join(' ')}\n`;
  if (stampSays(join(target, 'complete'), complete)) return target;
  log(`fetching llama.cpp headers of node-llama-cpp ${version}`);
  const work = join(root, '.cache', `headers-${process.pid}`);
  mkdirSync(work, { recursive: true });
  try {
    copyHeaders(await fetchSources({ version, work, run }), join(work, 'headers'));
    writeFileSync(join(work, 'headers', 'complete'), complete);
    rmSync(target, { recursive: true, force: true });
    renameSync(join(work, 'headers'), target);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return target;
}

/** llama.cpp's sources of that version, below the folder `work`; resolves with their path. `run` as above. */
export async function fetchSources({ version, work, run }) {
  await run(
    'npm',
    ['pack', `node-llama-cpp@${version}`, '--prefer-offline', '--silent', '--ignore-scripts'],
    { cwd: work },
  );
  const archive = readdirSync(work).find((name) => name.endsWith('.tgz'));
  if (archive === undefined)
    throw new Error(`Cannot fetch llama.cpp's sources: npm pack node-llama-cpp@${version} made no file`);
  await run('tar', ['-xzf', archive, 'package/llama/gitRelease.bundle'], { cwd: work });
  await run('git', ['clone', '--quiet', 'package/llama/gitRelease.bundle', 'source'], { cwd: work });
  return join(work, 'source');
}

/** Copies every header below the roots, keeping the tree, so that their includes of each other hold. */
function copyHeaders(source, target) {
  for (const headerRoot of HEADER_ROOTS) {
    for (const file of headersBelow(join(source, headerRoot))) {
      const to = join(target, relative(source, file));
      mkdirSync(dirname(to), { recursive: true });
      cpSync(file, to);
    }
  }
  cpSync(join(source, 'LICENSE'), join(target, 'LICENSE'));
}

function headersBelow(path) {
  if (/\.(h|hpp)$/.test(path)) return [path];
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    if (entry.isDirectory()) return headersBelow(join(path, entry.name));
    return /\.(h|hpp)$/.test(entry.name) ? [join(path, entry.name)] : [];
  });
}

/** Node's own headers, OpenSSL's among them: where node-gyp found them for the build. */
export function nodeHeaders(root) {
  const file = join(root, 'native', 'build', 'config.gypi');
  const nodedir = existsSync(file) ? /"nodedir": "(.+)"/.exec(readFileSync(file, 'utf8'))?.[1] : undefined;
  if (nodedir === undefined)
    throw new Error(`Cannot find Node's headers: expected "${file}" with a nodedir, run npm run build`);
  return join(nodedir, 'include', 'node');
}
