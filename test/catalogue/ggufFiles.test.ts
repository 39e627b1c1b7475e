import { statSync } from 'node:fs';
import {
  copyFile,
  mkdir,
  mkdtemp,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gguf } from '@huggingface/gguf';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GgufFiles } from '../../gateway/catalogue/ggufFiles.ts';
import { readGgufHeader } from '../../gateway/catalogue/ggufHeader.ts';
import { splitGguf } from '../fixtures/splitGguf.ts';
import { adapterBytes, ggufBytes, ggufOf, modelBytes, vocabularyBytes } from './ggufBytes.ts';

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hearth-gguf-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const files = new GgufFiles();

const MODEL = {
  'general.architecture': 'llama',
  'general.type': 'model',
  'llama.context_length': 4096,
};

async function put(name: string, bytes: Buffer): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, bytes);
  return path;
}

async function refusal(path: string): Promise<string> {
  const facts = await files.inspect(path);
  if (facts.ok) throw new Error('was accepted');
  expect(facts.error).toMatchObject({ code: 'invalid_request', param: 'path' });
  expect(facts.error.message).toContain(path);
  return facts.error.message;
}

async function identity(path: string): Promise<string> {
  const facts = await files.inspect(path);
  if (!facts.ok) throw new Error(facts.error.message);
  return facts.value.identity;
}

describe('GgufFiles.inspect() tells', () => {
  test('a model: its architecture, trained context and size', async () => {
    const bytes = modelBytes('llama', 4096);
    const path = await put('model.gguf', bytes);
    expect(await files.inspect(path)).toMatchObject({
      ok: true,
      value: {
        path,
        kind: 'model',
        architecture: 'llama',
        trainedContextTokens: 4096,
        sizeBytes: bytes.length,
      },
    });
  });

  test('an adapter, which has no context', async () => {
    const path = await put('adapter.gguf', adapterBytes('qwen2'));
    expect(await files.inspect(path)).toMatchObject({
      ok: true,
      value: { kind: 'adapter', architecture: 'qwen2', trainedContextTokens: 0 },
    });
  });
});

/** A split model of one tensor in each part, under its own directory. */
async function putSplit(name: string, count: number): Promise<{ directory: string; parts: string[] }> {
  const own = join(directory, name);
  await mkdir(own);
  const tensors = Array.from({ length: count }, (_, index) => ({ name: `t${index}`, shape: [64] }));
  const whole = await put(`${name}.whole`, ggufOf(MODEL, tensors));
  return { directory: own, parts: splitGguf(whole, own, name, count) };
}

describe('GgufFiles.inspect() of a split model', () => {
  test('tells the sum of its parts, and is named by the first', async () => {
    const { parts } = await putSplit('big', 3);
    const bytes = parts.map((part) => statSync(part).size).reduce((sum, size) => sum + size);
    const [first = '', second = ''] = parts;
    expect(await files.inspect(first)).toMatchObject({
      ok: true,
      value: { path: first, parts: 3, sizeBytes: bytes, trainedContextTokens: 4096 },
    });
    expect(await refusal(second)).toContain('expected the first file of a split model');
  });

  test('has another identity when any part is another file', async () => {
    const { parts } = await putSplit('changing', 2);
    const before = await identity(parts[0] ?? '');
    await writeFile(parts[1] ?? '', await readFile(parts[1] ?? ''));
    expect(await identity(parts[0] ?? '')).not.toBe(before);
  });

  test('refuses one without a part, by the name of the part', async () => {
    const { parts } = await putSplit('lacking', 3);
    await rm(parts[1] ?? '');
    expect(await refusal(parts[0] ?? '')).toContain(
      'its part 2 of 3, "lacking-00002-of-00003.gguf": there is no such file',
    );
  });

  test('refuses parts out of order, of another split, of none, and cut off', async () => {
    const { parts } = await putSplit('mixed', 2);
    const [first = '', second = ''] = parts;
    const own = await readFile(second);
    await copyFile(first, second);
    expect(await refusal(first)).toContain('"mixed-00002-of-00002.gguf": expected split.no 1, got 0');
    const other = await putSplit('other', 4);
    await copyFile(other.parts[1] ?? '', second);
    expect(await refusal(first)).toContain('expected split.count 2, got 4');
    await writeFile(second, ggufOf(MODEL, [{ name: 't1', shape: [64] }]));
    expect(await refusal(first)).toContain('expected split.count 2, got none');
    await writeFile(second, own.subarray(0, own.length - 1));
    expect(await refusal(first)).toMatch(/"mixed-00002-of-00002.gguf": .*truncated/);
    await writeFile(second, own);
    expect((await files.inspect(first)).ok).toBe(true);
  });

  test('refuses a part of a model with other tensors', async () => {
    const { parts } = await putSplit('few', 2);
    const whole = await put(
      'many.whole',
      ggufOf(
        MODEL,
        [0, 1, 2].map((n) => ({ name: `t${n}`, shape: [64] })),
      ),
    );
    const [, second = ''] = splitGguf(whole, directory, 'many', 2);
    await copyFile(second, parts[1] ?? '');
    expect(await refusal(parts[0] ?? '')).toContain('expected split.tensors.count 2, got 3');
  });

  test('refuses one part under a name that engines would not find the others by', async () => {
    const { parts } = await putSplit('renamed', 2);
    const alone = join(directory, 'alone.gguf');
    await copyFile(parts[0] ?? '', alone);
    expect(await refusal(alone)).toContain(
      'it is one of 2 files, expected a name that ends in "-00001-of-00002.gguf"',
    );
  });
});

describe('GgufFiles.inspect() of a directory', () => {
  test('finds the one model in it, and counts everything that is there', async () => {
    const { directory: own, parts } = await putSplit('folder', 2);
    await mkdir(join(own, 'extra'));
    await writeFile(join(own, 'extra', 'tokenizer.json'), '{}');
    await mkdir(join(own, '.cache'));
    await writeFile(join(own, '.cache', 'hidden'), 'hidden');
    const sizeBytes = parts.map((part) => statSync(part).size).reduce((sum, size) => sum + size);
    expect(await files.inspect(own)).toMatchObject({
      ok: true,
      value: {
        path: own,
        file: 'folder-00001-of-00002.gguf',
        parts: 2,
        sizeBytes,
        filesBytes: sizeBytes + 2,
      },
    });
  });

  test('has another identity when anything in it changes, comes or gets another name', async () => {
    const { directory: own } = await putSplit('living', 2);
    const seen = new Set([await identity(own)]);
    await writeFile(join(own, 'config.json'), '{}');
    seen.add(await identity(own));
    await writeFile(join(own, 'config.json'), '{"a":1}');
    seen.add(await identity(own));
    await rename(join(own, 'config.json'), join(own, 'config.yaml'));
    seen.add(await identity(own));
    expect(seen.size).toBe(4);
    expect(seen).toContain(await identity(own));
  });

  test("follows links within it and into the blobs of the hub's cache, and refuses others", async () => {
    const cache = join(directory, 'models--x');
    const snapshot = join(cache, 'snapshots', 'main');
    await mkdir(snapshot, { recursive: true });
    await mkdir(join(cache, 'blobs'));
    await writeFile(join(cache, 'blobs', '0123'), modelBytes());
    await symlink('../../blobs/0123', join(snapshot, 'model.gguf'));
    await symlink('model.gguf', join(snapshot, 'again.bin'));
    expect(await files.inspect(snapshot)).toMatchObject({ ok: true, value: { file: 'model.gguf' } });
    await symlink('../../..', join(snapshot, 'out'));
    expect(await refusal(snapshot)).toContain('expected links that stay within the directory, got "out"');
  });

  test('refuses one without a model, and one with several', async () => {
    const { directory: own } = await putSplit('crowd', 2);
    await copyFile(join(directory, 'crowd.whole'), join(own, 'another.gguf'));
    expect(await refusal(own)).toContain(
      'expected one GGUF model in the directory, got "another.gguf", "crowd-00001-of-00002.gguf"',
    );
    const empty = join(directory, 'nothing');
    await mkdir(empty);
    expect(await refusal(empty)).toContain('expected one GGUF model in the directory, got none');
  });
});

test('readGgufHeader() reads what @huggingface/gguf reads', async () => {
  const value = fc.oneof(fc.string({ maxLength: 200 }), fc.nat(2 ** 32 - 1));
  const metadata = fc.dictionary(fc.stringMatching(/^[a-z.]{1,20}$/), value, { maxKeys: 20 });
  let run = 0;
  await fc.assert(
    fc.asyncProperty(metadata, fc.array(fc.nat(100), { maxLength: 5 }), async (entries, tensors) => {
      const bytes = ggufBytes(entries, tensors);
      const path = await put(`read-${run++}.gguf`, bytes);
      const { metadata: expected } = await gguf(path, { allowLocalFile: true });
      const { version, tensor_count: _tensors, kv_count: _entries, ...theirs } = { ...expected };
      expect(version).toBe(3);
      expect(Object.fromEntries((await readGgufHeader(path, bytes.length)).metadata)).toEqual(theirs);
    }),
    { numRuns: 50 },
  );
});

test('readGgufHeader() skips a vocabulary of several chunks and reads what comes after it', async () => {
  const bytes = vocabularyBytes(150_000);
  const path = await put('vocabulary.gguf', bytes);
  const { metadata } = await readGgufHeader(path, bytes.length);
  expect([...metadata]).toEqual([
    ['general.architecture', 'llama'],
    ['llama.context_length', 131_072],
  ]);
});

describe('GgufFiles.inspect() has an identity', () => {
  test('that stays while the file stays', async () => {
    const path = await put('stays.gguf', modelBytes());
    expect(await new GgufFiles().inspect(path)).toEqual(await files.inspect(path));
  });

  test('that differs for another file under the same name, also with the same size and modification time', async () => {
    const path = await put('same.gguf', adapterBytes('llama', 'a'));
    const before = await identity(path);
    const { atime, mtime } = await stat(path);
    const other = await put('other.gguf', adapterBytes('llama', 'b'));
    await utimes(other, atime, mtime);
    await rename(other, path);
    expect(await identity(path)).not.toBe(before);
  });

  test('that differs for a file rewritten in place with its old modification time', async () => {
    const path = await put('inplace.gguf', adapterBytes('llama', 'a'));
    const before = await identity(path);
    const { atime, mtime } = await stat(path);
    await writeFile(path, adapterBytes('llama', 'b'));
    await utimes(path, atime, mtime);
    expect(await identity(path)).not.toBe(before);
  });
});

describe('GgufFiles.inspect() refuses', () => {
  test('what is not there, no file, or empty', async () => {
    expect(await refusal(join(directory, 'missing.gguf'))).toContain('there is no such file');
    expect(await refusal(await put('empty.gguf', Buffer.alloc(0)))).toContain('not a GGUF file');
  });

  test('a device, without reading it for ever', async () => {
    expect(await refusal('/dev/zero')).toContain('expected a file, got no file');
  });

  test('another format and another version', async () => {
    expect(await refusal(await put('text.gguf', Buffer.from('hello '.repeat(10))))).toContain(
      'not a GGUF file',
    );
    const old = modelBytes();
    old.writeUInt32LE(1, 4);
    expect(await refusal(await put('old.gguf', old))).toContain('expected GGUF version 2 or 3, got 1');
  });

  test('counts that the file cannot hold, before anything is allocated for them', async () => {
    const bytes = modelBytes();
    bytes.writeBigUInt64LE(9_000_000n, 8);
    expect(await refusal(await put('counts.gguf', bytes))).toContain('truncated');
  });

  test('what is neither a model nor an adapter', async () => {
    const bytes = ggufBytes({ 'general.architecture': 'clip', 'general.type': 'mmproj' });
    expect(await refusal(await put('mmproj.gguf', bytes))).toContain('got general.type "mmproj"');
    expect(await refusal(await put('nameless.gguf', ggufBytes({ 'general.type': 'model' })))).toContain(
      'names no general.architecture',
    );
  });

  test('a file cut off at any byte', async () => {
    const bytes = modelBytes();
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), async (length) => {
        const path = await put(`cut-${run++}.gguf`, bytes.subarray(0, length));
        expect(await refusal(path)).toMatch(/truncated|not a GGUF/);
      }),
      { numRuns: 40 },
    );
  });

  test('or reads a file with any bytes wrong, and never throws', async () => {
    const bytes = modelBytes();
    const flips = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(flips, async (list) => {
        const garbage = Buffer.from(bytes);
        for (const [at, value] of list) garbage[at] = value;
        const facts = await files.inspect(await put(`garbage-${run++}.gguf`, garbage));
        expect(['ok', 'invalid_request']).toContain(facts.ok ? 'ok' : facts.error.code);
      }),
      { numRuns: 60 },
    );
  });
});
