/** Where llama.cpp's shared libraries are, and in which order they are opened. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Dependency order: each one is resolved against those opened before it. Sonames differ by variant, prefixes do not. */
const LIBRARY_PREFIXES = ['libggml-base', 'libggml', 'libllama', 'libllama-common'] as const;

/** Prebuilt variants, the preferred one first. */
const VARIANTS = ['linux-x64-cuda', 'linux-x64'] as const;

/** Written last by `hearth engine build` (scripts/engine-build.mjs): what lies beside it is whole. */
const BUILT_MARK = 'engine.json';

/** The libraries of a directory in the order in which they have to be opened. */
export function libraryFiles(libraryDir: string): string[] {
  const names = readdirSync(libraryDir);
  return LIBRARY_PREFIXES.map((prefix) => {
    // The version is a part of the name for some variants: libllama.so, libllama.v0.5.0.so.
    const name = names.find((candidate) => candidate.startsWith(`${prefix}.`) && candidate.includes('.so'));
    if (name === undefined) {
      throw new Error(`Cannot load the native engine: no library "${prefix}" in "${libraryDir}"`);
    }
    return join(libraryDir, name);
  });
}

/** The folder of libraries of the package at `root`: built on this machine by `hearth engine build`, else installed. */
export function libraryDirOf(root: string): string {
  const installed = installedLibraryDir(root);
  const manifest = join(installed, '..', '..', 'package.json');
  const { version }: { version: string } = JSON.parse(readFileSync(manifest, 'utf8'));
  const built = join(root, '.cache', 'engine', version);
  return existsSync(join(built, BUILT_MARK)) ? built : installed;
}

function installedLibraryDir(root: string): string {
  for (const variant of VARIANTS) {
    const directory = join(root, 'node_modules', '@node-llama-cpp', variant, 'bins', variant);
    if (existsSync(directory)) return directory;
  }
  throw new Error(
    'Cannot load the native engine: no @node-llama-cpp/linux-x64 package is installed, run npm ci',
  );
}
