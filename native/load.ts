/**
 * Loads the native engine: llama.cpp's shared libraries into the global scope first, then the addon that is written against
 * them. See docs in addonTypes.ts for the contract.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ADDON_VERSION, type EngineAddon, type PreloadAddon } from './addonTypes.ts';

/** Dependency order: each one is resolved against those opened before it. Sonames differ by variant, prefixes do not. */
const LIBRARY_PREFIXES = ['libggml-base', 'libggml', 'libllama', 'libllama-common'] as const;

/** Prebuilt variants, the preferred one first. */
const VARIANTS = ['linux-x64-cuda', 'linux-x64'] as const;

/** Written last by `hearth engine build` (scripts/engine-build.mjs): what lies beside it is whole. */
const BUILT_MARK = 'engine.json';

export interface LoadedAddon {
  addon: EngineAddon;
  /** Where the libraries lie; `initialise` wants it for the compute backends. */
  libraryDir: string;
  /** Our functions in place of the libraries' own; null: they are off. */
  overridesPath: string | null;
}

export interface LoadAddonOptions {
  /** Libraries built elsewhere, instead of the installed variant. */
  libraryDir?: string;
  /** `off`: llama.cpp's functions as they are, none of native/overrides. On unless said. */
  overrides?: 'on' | 'off';
}

/**
 * Opens overrides, libraries and addon once per process. Throws when nothing is installed or built, or when a library does
 * not fit.
 */
export function loadAddon(options: LoadAddonOptions = {}): LoadedAddon {
  const root = packageRoot();
  const libraryDir = options.libraryDir ?? libraryDirOf(root);
  const require = createRequire(import.meta.url);
  const preload = require(builtBinary(root, 'hearth_preload.node')) as PreloadAddon;
  // Before the libraries, or the names in them would be bound to their own functions.
  const overridesPath = options.overrides === 'off' ? null : builtBinary(root, 'hearth_overrides.node');
  if (overridesPath !== null) preload.open(overridesPath);
  for (const path of libraryFiles(libraryDir)) preload.open(path);
  const addon = require(builtBinary(root, 'hearth_engine.node')) as EngineAddon;
  if (addon.addonVersion !== ADDON_VERSION) {
    throw new Error(
      `Cannot load the native engine: expected version ${ADDON_VERSION}, got ${addon.addonVersion}, build it again`,
    );
  }
  return { addon, libraryDir, overridesPath };
}

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

/** This file ends up in a bundle elsewhere, so the root is found by its name rather than by a relative path. */
function packageRoot(): string {
  for (let directory = dirname(fileURLToPath(import.meta.url)); ; directory = dirname(directory)) {
    const manifest = join(directory, 'package.json');
    if (existsSync(manifest) && isHearth(manifest)) return directory;
    if (directory === dirname(directory)) {
      throw new Error('Cannot load the native engine: no package "hearth" above this file');
    }
  }
}

function isHearth(manifest: string): boolean {
  const parsed: unknown = JSON.parse(readFileSync(manifest, 'utf8'));
  return typeof parsed === 'object' && parsed !== null && 'name' in parsed && parsed.name === 'hearth';
}

/** Built on this machine by `hearth engine build`, else installed. */
function libraryDirOf(root: string): string {
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

function builtBinary(root: string, name: string): string {
  const path = join(root, 'native', 'build', 'Release', name);
  if (!existsSync(path))
    throw new Error(`Cannot load the native engine: "${path}" is missing, run npm start`);
  return path;
}
