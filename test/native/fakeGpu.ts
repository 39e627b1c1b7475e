/** A GPU for tests on machines without one: test/native/device as a library that ggml loads. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { installedLlamaVersion } from '../../scripts/native-headers.mjs';

const ROOT = join(import.meta.dirname, '..', '..');
const SOURCES = join(import.meta.dirname, 'device');

/** Path of the library, compiled unless it is newer than its sources. Runners get it as GGML_BACKEND_PATH. */
export function fakeGpu(): string {
  const folder = join(ROOT, '.cache', 'fake-gpu');
  const library = join(folder, 'libggml-fake.so');
  const files = [SOURCES, join(SOURCES, 'library')].flatMap((directory) =>
    readdirSync(directory)
      .filter((name) => /\.(cc|h)$/.test(name))
      .map((name) => join(directory, name)),
  );
  const newestMs = Math.max(...files.map((file) => statSync(file).mtimeMs));
  if (existsSync(library) && statSync(library).mtimeMs > newestMs) return library;
  mkdirSync(folder, { recursive: true });
  const draft = `${library}.${process.pid}`;
  const headers = join(ROOT, '.cache', `llama.cpp-${installedLlamaVersion(ROOT)}`, 'ggml');
  const includes = [SOURCES, join(headers, 'include'), join(headers, 'src')].flatMap((path) => ['-I', path]);
  const sources = files.filter((file) => file.endsWith('.cc'));
  execFileSync('g++', ['-std=c++20', '-O1', '-shared', '-fPIC', ...includes, '-o', draft, ...sources]);
  renameSync(draft, library);
  return library;
}
