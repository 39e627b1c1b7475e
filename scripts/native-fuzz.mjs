/**
 * `node scripts/native-fuzz.mjs NAME [seconds]`: builds test/native/fuzz/NAME_fuzz.cc with the parser that it tries, by clang's
 * libFuzzer under AddressSanitizer and UBSan, and lets it run. Needs clang and its runtime (Debian: clang-14 libclang-rt-14-dev);
 * the corpus is kept in .cache/fuzz/NAME. Not part of `npm test`.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** Which sources each one is about, which need neither Node nor llama.cpp, and an input that is whole to begin with. */
const PARSERS = { crypt_header: { sources: ['core/crypt/container.cc'], seed: containerSeed } };

const [name = '', seconds = '120'] = process.argv.slice(2);
const parser = PARSERS[name];
if (parser === undefined) {
  console.error(`Cannot fuzz "${name}": expected one of ${Object.keys(PARSERS).join(', ')}`);
  process.exit(1);
}

const corpus = join(root, '.cache', 'fuzz', name);
mkdirSync(corpus, { recursive: true });
writeFileSync(join(corpus, 'seed'), parser.seed());
const program = join(root, '.cache', 'fuzz', `${name}-fuzz`);
run(compiler(), [
  ...['-std=c++20', '-O1', '-g', '-Wall', '-Wextra', '-Werror'],
  ...['-fsanitize=fuzzer,address,undefined', '-fno-sanitize-recover=all'],
  ...['-I', join(root, 'native'), '-o', program],
  join(root, 'test', 'native', 'fuzz', `${name}_fuzz.cc`),
  ...parser.sources.map((source) => join(root, 'native', source)),
]);
run(program, [
  corpus,
  '-max_len=5000',
  '-len_control=0',
  `-max_total_time=${seconds}`,
  '-print_final_stats=1',
  '-verbosity=0',
]);

/** 8 bytes of a file's size, then the header of a container of one byte. */
function containerSeed() {
  const seed = Buffer.alloc(8 + 4096);
  seed.writeBigUInt64LE(4096n + 1n + 16n, 0);
  seed.write('HEARTHW1', 8, 'latin1');
  seed.writeUInt32LE(1, 16);
  seed.writeUInt32LE(4 * 2 ** 20, 20);
  seed.writeBigUInt64LE(1n, 24);
  seed.writeUInt16LE(4, 88);
  seed.write('main', 90, 'latin1');
  return seed;
}

function compiler() {
  const found = ['clang++', 'clang++-14'].find((command) => !spawnSync(command, ['--version']).error);
  if (found !== undefined) return found;
  console.error('Cannot fuzz: neither "clang++" nor "clang++-14" is on the PATH');
  return process.exit(1);
}

/** Ends this process with the child's code when it fails. */
function run(command, args) {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit', cwd: join(root, '.cache', 'fuzz') });
  if (error === undefined && status === 0) return;
  if (error !== undefined) console.error(`Cannot run "${command}": ${error.message}`);
  process.exit(status ?? 1);
}
