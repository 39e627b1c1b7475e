/**
 * Loads the native engine: llama.cpp's shared libraries into the global scope first, then the addon that is written against
 * them. See docs in addonTypes.ts for the contract.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ADDON_VERSION, type EngineAddon } from './addonTypes.ts';
import { libraryDirOf, libraryFiles } from './libraries.ts';
import type { PreloadAddon } from './preloadTypes.ts';

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
  const libraryDir = options.libraryDir ?? libraryDirOf(packageRoot());
  const require = createRequire(import.meta.url);
  const preload = require(builtBinary('hearth_preload.node')) as PreloadAddon;
  // Before the libraries, or the names in them would be bound to their own functions.
  const overridesPath = options.overrides === 'off' ? null : builtBinary('hearth_overrides.node');
  if (overridesPath !== null) preload.open(overridesPath);
  for (const path of libraryFiles(libraryDir)) preload.open(path);
  const addon = require(builtBinary('hearth_engine.node')) as EngineAddon;
  if (addon.addonVersion !== ADDON_VERSION) {
    throw new Error(
      `Cannot load the native engine: expected version ${ADDON_VERSION}, got ${addon.addonVersion}, build it again`,
    );
  }
  return { addon, libraryDir, overridesPath };
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

/** An addon's file by its name. Throws when it was not built. */
export function builtBinary(name: string): string {
  const path = join(packageRoot(), 'native', 'build', 'Release', name);
  if (!existsSync(path))
    throw new Error(`Cannot load the native engine: "${path}" is missing, run npm start`);
  return path;
}
