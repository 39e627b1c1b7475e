import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { libraryDirOf } from '../../native/libraries.ts';
import { buildEngine, progressLines } from '../../scripts/engine-build.mjs';
import { architectures } from '../../scripts/engine-tools.mjs';

let root: string;
let tools: string;
let log: string[];
/** What the tools were told. */
let calls: { command: string; args: string[] }[];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'hearth-engine-'));
  tools = join(root, 'tools');
  log = [];
  calls = [];
  mkdirSync(tools);
  for (const name of ['nvcc', 'cmake', 'g++', 'git', 'ninja']) {
    writeFileSync(join(tools, name), '');
    chmodSync(join(tools, name), 0o755);
  }
  mkdirSync(installedDir(), { recursive: true });
  writeFileSync(join(installedDir(), '..', '..', 'package.json'), '{"version":"1.2.3"}');
  writeFileSync(join(installedDir(), 'libggml-base.so'), 'base');
  mkdirSync(join(root, '.cache'));
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

const installedDir = () => join(root, 'node_modules', '@node-llama-cpp', 'linux-x64', 'bins', 'linux-x64');

type Options = { onOutput?: (text: string) => void };

/** CMake that makes the backend, or ends with `code` and `output`. */
function tool(code = 0, output = '') {
  return async (command: string, args: string[], { onOutput = () => {} }: Options = {}) => {
    calls.push({ command, args });
    if (code === 0 && args[0] === '--build') {
      const bin = join(args[1] ?? '', 'bin');
      mkdirSync(bin, { recursive: true });
      writeFileSync(join(bin, 'libggml-cuda.so'), 'cuda');
      onOutput('[1/2] Building\n[2/2] Linking\n');
    }
    return { code, signal: null, output };
  };
}

const build = (run = tool()) =>
  buildEngine({
    root,
    arch: '90',
    source: '/sources',
    jobs: 3,
    path: tools,
    log: (line: string) => log.push(line),
    run: run as never,
  });

describe('buildEngine()', () => {
  test('builds the backend for the architecture and puts it beside the installed libraries', async () => {
    expect(libraryDirOf(root)).toBe(installedDir());
    const folder = await build();
    expect(readFileSync(join(folder, 'libggml-cuda.so'), 'utf8')).toBe('cuda');
    expect(readFileSync(join(folder, 'libggml-base.so'), 'utf8')).toBe('base');
    expect(libraryDirOf(root)).toBe(folder);

    expect(calls.map(({ command, args }) => [command, args[0], args[1]])).toMatchObject([
      ['cmake', '-S', '/sources'],
      ['cmake', '--build', expect.any(String)],
    ]);
    expect(calls[0]?.args).toEqual(
      expect.arrayContaining(['-G', 'Ninja', '-DGGML_CUDA=ON', '-DCMAKE_CUDA_ARCHITECTURES=90']),
    );
    expect(calls[1]?.args).toEqual(expect.arrayContaining(['--target', 'ggml-cuda', '--parallel', '3']));
    expect(log.at(-1)).toBe('100%');
  });

  test('replaces what it built before, and leaves it when it fails', async () => {
    const folder = await build();
    writeFileSync(join(folder, 'old'), '');
    await expect(build(tool(1, 'a\nb: error: no such thing\nc'))).rejects.toThrow(
      /Cannot build the engine: "cmake" ended with 1, see ".*engine-build.log"\nb: error: no such thing$/,
    );
    expect(existsSync(join(folder, 'old'))).toBe(true);
    await build();
    expect(existsSync(join(folder, 'old'))).toBe(false);
    expect(libraryDirOf(root)).toBe(folder);
  });

  test('names cuBLAS when CMake misses it', async () => {
    await expect(build(tool(1, 'CMake Error: target CUDA::cublas'))).rejects.toThrow(
      /cuBLAS, which is a package/,
    );
  });

  test('says when the build made no backend', async () => {
    const nothing = async () => ({ code: 0, signal: null, output: '' });
    await expect(build(nothing)).rejects.toThrow(/CMake made no ".*libggml-cuda.so"/);
    expect(libraryDirOf(root)).toBe(installedDir());
  });

  test.each(['nvcc', 'cmake', 'g++', 'git'])('refuses to begin without %s', async (name) => {
    rmSync(join(tools, name));
    await expect(build()).rejects.toThrow(`Cannot build the engine: "${name}" is not on the PATH`);
    expect(calls).toEqual([]);
  });

  test('uses make where ninja is not, and refuses without both', async () => {
    rmSync(join(tools, 'ninja'));
    await expect(build()).rejects.toThrow('neither "ninja" nor "make" is on the PATH');
    writeFileSync(join(tools, 'make'), '');
    chmodSync(join(tools, 'make'), 0o755);
    await build();
    expect(calls[0]?.args).toContain('Unix Makefiles');
  });
});

describe('architectures()', () => {
  const told = (output: string, code = 0) =>
    architectures(undefined, async () => ({ code, signal: null, output }));

  test('takes what nvidia-smi tells, each once', async () => {
    expect(await told('9.0\n8.9\n9.0\n')).toBe('89;90');
  });

  test('takes what it is given, and refuses what is none', async () => {
    const ask = async () => Promise.reject(new Error('nvidia-smi was asked'));
    expect(await architectures('90a,89', ask)).toBe('89;90a');
    await expect(architectures('sm_90', ask)).rejects.toThrow(
      'for "sm_90": expected an architecture such as 90',
    );
  });

  test('refuses to guess where no GPU answers', async () => {
    await expect(told('No devices were found', 6)).rejects.toThrow(
      /or --arch 90; it said "No devices were found"$/,
    );
    const missing = async () => Promise.reject(new Error('spawn nvidia-smi ENOENT'));
    await expect(architectures(undefined, missing)).rejects.toThrow(/--arch 90; spawn nvidia-smi ENOENT$/);
  });
});

describe('progressLines()', () => {
  test('tells each twentieth part of what ninja or make print, once', () => {
    const lines: string[] = [];
    const take = progressLines((line: string) => lines.push(line));
    take('[1/154] Building\n[9/154] Building\n');
    take('[10/154] Building\n[154/154] Linking\n');
    expect(lines).toEqual(['5%', '100%']);
    const made: string[] = [];
    progressLines((line: string) => made.push(line))('[  4%] a\n[  7%] b\n[ 8%] c\n[100%] d\n');
    expect(made).toEqual(['7%', '100%']);
  });
});
