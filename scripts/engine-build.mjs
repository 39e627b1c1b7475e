/**
 * `hearth engine build`: llama.cpp's CUDA backend for this machine's GPU, from the sources that belong to the installed
 * libraries, into `.cache/engine/<version>/`. native/load.ts takes that folder in place of the installed one.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { expectedError, runCommand } from './command.mjs';
import { architectures, requireEngineTools } from './engine-tools.mjs';
import { fetchSources, installedLlamaVersion } from './native-headers.mjs';

const BACKEND = 'libggml-cuda.so';

/**
 * Only the backend is built: the other libraries are the installed ones, and it has to find them under the names that they
 * have there, without a version in their sonames.
 */
const CMAKE_OPTIONS = [
  '-DCMAKE_BUILD_TYPE=Release',
  '-DBUILD_SHARED_LIBS=ON',
  '-DCMAKE_PLATFORM_NO_VERSIONED_SONAME=ON',
  '-DGGML_BACKEND_DL=ON',
  '-DGGML_CUDA=ON',
  // 40 s longer to build, three times the tokens a second (docs/benchmarks.md).
  '-DGGML_CUDA_FA=ON',
  '-DGGML_CUDA_NCCL=OFF',
  '-DGGML_NATIVE=OFF',
  '-DGGML_CPU=OFF',
  '-DGGML_OPENMP=OFF',
  ...['COMMON', 'TESTS', 'TOOLS', 'EXAMPLES', 'SERVER', 'APP'].map((part) => `-DLLAMA_BUILD_${part}=OFF`),
];

/**
 * Builds and puts the result in its place, whole or not at all. `arch`: compute capabilities, else the GPUs' here.
 * `source`: sources on disk instead of the package's, which need the registry or npm's cache. Returns the folder.
 */
export async function buildEngine({
  root,
  arch,
  source,
  jobs = availableParallelism(),
  path = process.env.PATH,
  log,
  run = runCommand,
}) {
  const generator = requireEngineTools(path);
  const cudaArchitectures = await architectures(arch, run);
  const version = installedLlamaVersion(root);
  const engines = join(root, '.cache', 'engine');
  const work = join(engines, `work-${process.pid}`);
  mkdirSync(work, { recursive: true });
  try {
    const checked = checkedRun(run, join(root, '.cache', 'engine-build.log'));
    if (source === undefined) log(`fetching the sources of node-llama-cpp ${version}`);
    const sources = source ?? (await fetchSources({ version, work, run: checked }));
    const build = join(work, 'build');
    log(`configuring for compute capability ${cudaArchitectures}`);
    const options = [...CMAKE_OPTIONS, `-DCMAKE_CUDA_ARCHITECTURES=${cudaArchitectures}`];
    await checked('cmake', ['-S', sources, '-B', build, '-G', generator, ...options]);
    log(`building ${BACKEND} with ${jobs} jobs, which takes a core about an hour`);
    await checked('cmake', ['--build', build, '--target', 'ggml-cuda', '--parallel', String(jobs)], {
      onOutput: progressLines(log),
    });
    const made = join(work, 'engine');
    assemble(installedLibraries(root), join(build, 'bin', BACKEND), made);
    const manifest = { format: 1, version, architectures: cudaArchitectures };
    writeFileSync(join(made, 'engine.json'), `${JSON.stringify(manifest, null, 2)}\n`);
    return publish(made, join(engines, version));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Runs a command and throws one sentence, with the first errors that it printed. */
function checkedRun(run, logFile) {
  return async (command, args, options = {}) => {
    const { code, output } = await run(command, args, { ...options, logFile });
    if (code === 0) return;
    const lines = output.split('\n').filter((line) => line.trim() !== '');
    const errors = lines.filter((line) => /error|fatal/i.test(line));
    const words = (errors.length > 0 ? errors : lines.slice(-4)).slice(0, 4).join('\n');
    const hint = /cublas/i.test(output)
      ? '\nCMake wants cuBLAS, which is a package of its own in some CUDA toolkits'
      : '';
    throw expectedError(
      `Cannot build the engine: "${command}" ended with ${code}, see "${logFile}"\n${words}${hint}`,
    );
  };
}

/** Tells every twentieth part, by ninja's `[12/154]` or make's `[ 12%]`. */
export function progressLines(log) {
  let told = 0;
  return (text) => {
    for (const [, done, all, percent] of text.matchAll(/\[(\d+)\/(\d+)\]|\[\s*(?:(\d+))%\]/g)) {
      const now = percent === undefined ? Math.floor((100 * Number(done)) / Number(all)) : Number(percent);
      if (now < told + 5) continue;
      told = now;
      log(`${now}%`);
    }
  };
}

/** Folder of the installed libraries that the sources belong to. */
function installedLibraries(root) {
  return join(root, 'node_modules', '@node-llama-cpp', 'linux-x64', 'bins', 'linux-x64');
}

/** Copies, so that a new `npm ci` takes none of them away. */
function assemble(installed, backend, target) {
  if (!existsSync(backend)) throw expectedError(`Cannot build the engine: CMake made no "${backend}"`);
  mkdirSync(target);
  for (const name of readdirSync(installed).filter((each) => each.endsWith('.so')))
    copyFileSync(join(installed, name), join(target, name));
  copyFileSync(backend, join(target, BACKEND));
}

/** Runners that have the old one open keep its files. */
function publish(made, target) {
  rmSync(target, { recursive: true, force: true });
  renameSync(made, target);
  return target;
}
