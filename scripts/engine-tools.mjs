/** What building the engine's backend needs of the machine, and what GPUs it has. */
import { expectedError, onPath, runCommand } from './command.mjs';

const TOOLS = [
  ['nvcc', "NVIDIA's CUDA toolkit"],
  ['cmake', 'CMake 3.18 or newer'],
  ['g++', 'a C++17 compiler'],
  ['git', 'git'],
];

/** CMake's generator: ninja where it is, else make. Throws one sentence when a tool is missing. */
export function requireEngineTools(path = process.env.PATH ?? '') {
  for (const [command, what] of TOOLS) {
    if (!onPath(command, path))
      throw expectedError(`Cannot build the engine: "${command}" is not on the PATH, install ${what}`);
  }
  if (onPath('ninja', path)) return 'Ninja';
  if (onPath('make', path)) return 'Unix Makefiles';
  throw expectedError('Cannot build the engine: neither "ninja" nor "make" is on the PATH, install one');
}

/** Compute capabilities as CMake writes them, such as `90` or `89;90`. `given`: by the operator, separated by commas. */
export async function architectures(given, run = runCommand) {
  const list = given === undefined ? await askDriver(run) : given.split(/[,;]/);
  for (const each of list) {
    if (!/^\d{2,3}[a-z]?$/.test(each))
      throw expectedError(`Cannot build the engine for "${each}": expected an architecture such as 90`);
  }
  return [...new Set(list)].sort().join(';');
}

async function askDriver(run) {
  const failed = (how) =>
    expectedError(`Cannot build the engine: expected a GPU that nvidia-smi tells of, or --arch 90; ${how}`);
  const { code, output } = await run('nvidia-smi', [
    '--query-gpu=compute_cap',
    '--format=csv,noheader',
  ]).catch((error) => {
    throw failed(error.message);
  });
  const told = output.split('\n').map((line) => line.trim().replace('.', ''));
  const found = told.filter((line) => /^\d+$/.test(line));
  if (code !== 0 || found.length === 0) throw failed(`it said "${output.trim().split('\n')[0] ?? ''}"`);
  return found;
}
