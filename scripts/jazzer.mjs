/**
 * Jazzer.js (libFuzzer for Node), brought into .cache/ by itself: 30 MB that nobody else needs. Its package holds the fuzzer
 * ready to load, built for glibc 2.38. Where the machine's is older, a copy is used that asks for no version of the three
 * functions in question, which a small library of our own supplies.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expectedError } from './command.mjs';

const PACKAGE = '@jazzer.js/core@4.0.0';
const NEWER = ['GLIBC_2.38', 'GLIBCXX_3.4.32'];
const STAND_INS = `
#include <cstdlib>
#include <ios>
extern "C" long __isoc23_strtol(const char *text, char **end, int base) { return std::strtol(text, end, base); }
extern "C" unsigned long __isoc23_strtoul(const char *text, char **end, int base) { return std::strtoul(text, end, base); }
namespace std { void ios_base_library_init() { static std::ios_base::Init init; } }
`;

/** Returns the script to run, and the environment that it needs. */
export function ensureJazzer({ root }) {
  const directory = join(root, '.cache/jazzer');
  const jazzer = join(directory, 'node_modules/@jazzer.js/core/dist/cli.js');
  if (!existsSync(jazzer)) {
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'package.json'), '{"private":true}');
    const args = ['install', '--no-save', '--no-audit', '--no-fund', '--ignore-scripts', PACKAGE];
    const installed = spawnSync('npm', args, { cwd: directory, stdio: 'inherit' });
    if (installed.status !== 0)
      throw expectedError(`Cannot install ${PACKAGE}: npm ended with ${installed.status}`);
  }
  const addon = join(directory, `node_modules/@jazzer.js/fuzzer/prebuilds/fuzzer-linux-${process.arch}.node`);
  const standIns = join(directory, 'stand-ins.so');
  let env = existsSync(standIns) ? { LD_PRELOAD: standIns } : {};
  const why = whyNotLoaded(addon, env);
  if (NEWER.some((version) => why.includes(version))) {
    env = { LD_PRELOAD: makeStandIns(directory, standIns) };
    copyFileSync(addon, `${addon}.original`);
    writeFileSync(addon, withoutVersions(readFileSync(addon)));
  }
  const still = whyNotLoaded(addon, env);
  if (still !== '') throw expectedError(`Cannot load "${addon}": ${still}`);
  return { jazzer, env };
}

/** Empty when it loads. */
function whyNotLoaded(addon, env) {
  const loading = spawnSync(process.execPath, ['-e', `require(${JSON.stringify(addon)})`], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
  });
  return loading.status === 0 ? '' : (/Error: .*/.exec(loading.stderr)?.[0] ?? `exit code ${loading.status}`);
}

function makeStandIns(directory, library) {
  const source = join(directory, 'stand-ins.cc');
  writeFileSync(source, STAND_INS);
  execFileSync('g++', ['-shared', '-fPIC', '-O1', '-o', library, source]);
  return library;
}

/** Marks the versions weak (elf.h, VER_FLG_WEAK) in an ELF64 file's needs (SHT_GNU_verneed): asked for, not insisted on. */
function withoutVersions(file) {
  const sections = sectionsOf(file);
  const needs = sections.find(({ type }) => type === 0x6ffffffe);
  const names = sections[needs?.link ?? -1];
  if (!needs || !names) return file;
  for (let need = needs.offset, more = true; more; ) {
    let aux = need + file.readUInt32LE(need + 8);
    for (let left = file.readUInt16LE(need + 2); left > 0; left--) {
      const start = names.offset + file.readUInt32LE(aux + 8);
      const name = file.toString('latin1', start, file.indexOf(0, start));
      if (NEWER.includes(name)) file.writeUInt16LE(file.readUInt16LE(aux + 4) | 2, aux + 4);
      aux += file.readUInt32LE(aux + 12);
    }
    const next = file.readUInt32LE(need + 12);
    more = next > 0;
    need += next;
  }
  return file;
}

function sectionsOf(file) {
  const start = Number(file.readBigUInt64LE(40));
  return Array.from({ length: file.readUInt16LE(60) }, (_, index) => {
    const at = start + 64 * index;
    return {
      type: file.readUInt32LE(at + 4),
      offset: Number(file.readBigUInt64LE(at + 24)),
      link: file.readUInt32LE(at + 40),
    };
  });
}
