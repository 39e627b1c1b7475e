/**
 * Compiles the parts of native/core that need no model, and native/overrides, with their tests, under AddressSanitizer and UBSan, and runs them.
 * `--thread` builds with ThreadSanitizer instead, `--crews` so what threads hand to one another alone, which is compiled in seconds.
 * Objects are kept and reused while their sources are older.
 * OpenSSL is Node's in production; a program of its own has the system's libcrypto.so.3, which Python 3 came with, under the
 * very headers that Node ships.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installedLlamaVersion, nodeHeaders } from './native-headers.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const crews = process.argv.includes('--crews');
const thread = crews || process.argv.includes('--thread');
// Compiling takes far longer than running: lines are all that a report tells.
const FLAGS = ['-O1', '-g1', '-Wall', '-Wextra', '-Werror', '-fno-omit-frame-pointer', '-pthread'];
const SANITIZE = thread
  ? ['-fsanitize=thread']
  : ['-fsanitize=address,undefined', '-fno-sanitize-recover=all'];

const build = join(root, '.cache', thread ? 'native-test-thread' : 'native-test');
mkdirSync(build, { recursive: true });

const core = join(root, 'native', 'core');
const overrides = join(root, 'native', 'overrides');
const blake3 = join(root, 'native', 'third_party', 'blake3');
const tests = join(root, 'test', 'native', 'core');
const device = join(root, 'test', 'native', 'device');
const libraries = join(root, 'node_modules/@node-llama-cpp/linux-x64/bins/linux-x64');
const headers = join(root, '.cache', `llama.cpp-${installedLlamaVersion(root)}`);
const INCLUDES = [
  '-I',
  join(root, 'native'),
  '-I',
  tests,
  '-I',
  device,
  '-isystem',
  join(headers, 'ggml', 'include'),
  '-isystem',
  join(headers, 'ggml', 'src'),
  `-DHEARTH_GGML_BASE="${join(libraries, 'libggml-base.so')}"`,
  `-DHEARTH_GGML="${join(libraries, 'libggml.v0.5.0.so')}"`,
  '-isystem',
  nodeHeaders(root),
];
const everything = () => [
  ...sourcesIn(join(core, 'crypt')),
  ...sourcesIn(join(core, 'memory')),
  ...sourcesIn(join(core, 'store')),
  ...sourcesIn(join(core, 'text')),
  ...sourcesIn(blake3),
  ...sourcesIn(join(core, 'upload')),
  ...sourcesIn(overrides),
  ...sourcesIn(join(overrides, 'mapping')),
  ...sourcesIn(join(overrides, 'upload')),
  ...sourcesIn(device),
  join(core, 'affinity.cc'),
  join(core, 'loop_cores.cc'),
  join(core, 'outbox.cc'),
  join(core, 'retirements.cc'),
  join(core, 'store_c.cc'),
  join(core, 'worker.cc'),
  ...sourcesIn(tests),
];
const handedOver = () => [
  join(core, 'affinity.cc'),
  join(core, 'loop_cores.cc'),
  join(core, 'outbox.cc'),
  join(core, 'retirements.cc'),
  join(core, 'worker.cc'),
  ...['affinity', 'crypt_crew', 'outbox', 'retirements'].map((name) => join(tests, `${name}_test.cc`)),
  join(tests, 'main.cc'),
];
const sources = crews ? handedOver() : everything();
const newestHeader = Math.max(
  ...[core, 'crypt', 'memory', 'store', 'text', 'upload']
    .map((name) => resolve(core, name))
    .flatMap(headerTimes),
  ...[blake3, overrides, join(overrides, 'mapping'), join(overrides, 'upload'), tests, device].flatMap(
    headerTimes,
  ),
);
const objects = sources.map(objectOf);
const stale = sources.filter(isStale);
await Promise.all(Array.from({ length: availableParallelism() }, compileAll));
const program = join(build, crews ? 'crew-tests' : 'core-tests');
run('g++', [...SANITIZE, '-pthread', '-o', program, ...objects, '-l:libcrypto.so.3']);
run(program, []);

function objectOf(source) {
  // Two folders may have files of one name.
  return join(build, `${relative(root, source).replaceAll('/', '-')}.o`);
}

function isStale(source) {
  const newest = Math.max(newestHeader, statSync(source).mtimeMs);
  return !existsSync(objectOf(source)) || statSync(objectOf(source)).mtimeMs < newest;
}

/** Compiles one file after the other until none is left. */
async function compileAll() {
  for (let source = stale.shift(); source !== undefined; source = stale.shift()) await compile(source);
}

function compile(source) {
  // What is C is compiled as such: the C ABI has to be one.
  const [compiler, standard] = source.endsWith('.cc') ? ['g++', '-std=c++20'] : ['gcc', '-std=c11'];
  // What is not ours is not ours to warn of.
  const quiet = source.startsWith(blake3) ? ['-w'] : [];
  const args = [standard, ...FLAGS, ...quiet, ...SANITIZE, ...INCLUDES, '-c', source, '-o', objectOf(source)];
  return new Promise((done) => {
    const child = spawn(compiler, args, { stdio: 'inherit' });
    child.on('error', (error) => giveUp(`Cannot run "${compiler}": ${error.message}`));
    child.on('exit', (code) => (code === 0 ? done() : process.exit(code ?? 1)));
  });
}

function sourcesIn(directory) {
  return readdirSync(directory)
    .filter((name) => /\.(cc?|S)$/.test(name))
    .map((name) => join(directory, name));
}

function headerTimes(directory) {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.h'))
    .map((name) => statSync(join(directory, name)).mtimeMs);
}

/** Ends this process with the child's code when it fails. */
function run(command, args) {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit' });
  if (error !== undefined) giveUp(`Cannot run "${command}": ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
}

function giveUp(message) {
  console.error(message);
  process.exit(1);
}
