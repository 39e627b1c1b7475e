/** What a verdict on the upload is about: these very libraries with this driver on these devices. */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { readJson, writeWhole } from './wholeFile.ts';

/** Where a driver tells its version. The kernel's own is a part of it in any case. */
const DRIVER_VERSIONS = [
  '/proc/driver/nvidia/version',
  '/sys/module/amdgpu/version',
  '/sys/module/xe/version',
];

export interface BuildParts {
  /** Directory of the ggml and llama libraries. */
  libraryDir: string;
  /** Our library that does the upload. */
  overridesPath: string;
  /** Descriptions of the devices, in order. */
  devices: readonly string[];
}

/**
 * Hexadecimal name of the build. Reading 60 MB of libraries takes some 50 ms, so `cacheDir` keeps their digests by size,
 * time and inode.
 */
export async function buildIdentity(parts: BuildParts, cacheDir: string): Promise<string> {
  const hash = createHash('sha256');
  for (const path of librariesOf(parts)) hash.update(`${await contentDigest(path, cacheDir)}\n`);
  hash.update(`${driverVersion()}\n${parts.devices.join('\n')}`);
  return hash.digest('hex').slice(0, 32);
}

/** All but the variants for CPUs, which have no part in an upload. */
function librariesOf({ libraryDir, overridesPath }: BuildParts): string[] {
  const names = readdirSync(libraryDir).filter(
    (name) => /^lib(ggml|llama).*\.so/.test(name) && !name.startsWith('libggml-cpu'),
  );
  return [...names.sort().map((name) => join(libraryDir, name)), overridesPath];
}

function driverVersion(): string {
  const told = DRIVER_VERSIONS.filter((path) => existsSync(path)).map((path) => readFileSync(path, 'utf8'));
  return [release(), ...told].join('\n');
}

async function contentDigest(path: string, cacheDir: string): Promise<string> {
  const { dev, ino, size, mtimeNs } = statSync(path, { bigint: true });
  const seen = createHash('sha256').update(`${dev} ${ino} ${size} ${mtimeNs}`).digest('hex').slice(0, 32);
  const cachePath = join(cacheDir, `library-${seen}.json`);
  const kept = readJson(cachePath);
  if (kept !== null && 'sha256' in kept && typeof kept.sha256 === 'string') return kept.sha256;
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  const sha256 = hash.digest('hex');
  writeWhole(cachePath, { path, sha256 });
  return sha256;
}
