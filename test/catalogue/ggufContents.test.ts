import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gguf } from '@huggingface/gguf';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readGgufContents } from '../../gateway/catalogue/ggufHeader.ts';
import { layOutAdapter } from '../../gateway/catalogue/peft/ggufAdapter.ts';
import { ggufOf } from './ggufBytes.ts';

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hearth-gguf-contents-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function put(bytes: Buffer): Promise<string> {
  const path = join(directory, 'file.gguf');
  await writeFile(path, bytes);
  return path;
}

const read = async (bytes: Buffer) => readGgufContents(await put(bytes), bytes.length);

test('readGgufContents() finds the tensors that @huggingface/gguf finds', async () => {
  const tensor = fc.record({
    name: fc.stringMatching(/^[a-z.]{1,40}$/),
    shape: fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 4 }),
  });
  const tensors = fc.uniqueArray(tensor, { maxLength: 6, selector: ({ name }) => name });
  await fc.assert(
    fc.asyncProperty(tensors, fc.nat(), async (all, count) => {
      const bytes = ggufOf({ 'llama.block_count': count }, all);
      const ours = await read(bytes);
      const theirs = await gguf(join(directory, 'file.gguf'), { allowLocalFile: true });
      expect(ours.tensors.map(({ name, shape, type }) => ({ name, shape, type }))).toEqual(
        theirs.tensorInfos.map(({ name, shape, dtype }) => ({ name, shape: shape.map(Number), type: dtype })),
      );
      for (const [index, { offsetBytes }] of ours.tensors.entries()) {
        expect(offsetBytes % 32).toBe(0);
        const relative = Number(theirs.tensorInfos[index]?.offset);
        expect(offsetBytes - relative).toBe(Number(theirs.tensorDataOffset));
      }
    }),
    { numRuns: 50 },
  );
});

test('readGgufContents() and @huggingface/gguf read what layOutAdapter() lays out', async () => {
  const place = { file: 0, elements: 'f32', offsetBytes: 0, factor: 1, headRows: null } as const;
  const { head, offsetsBytes, totalBytes } = layOutAdapter({
    architecture: 'qwen3',
    alpha: 2.5,
    tensors: [
      { ...place, name: 'blk.0.attn_q.weight.lora_a', rows: 3, columns: 5 },
      { ...place, name: 'blk.0.attn_q.weight.lora_b', rows: 7, columns: 3 },
    ],
  });
  const { metadata, tensors } = await read(Buffer.concat([head, Buffer.alloc(totalBytes - head.length)]));
  const theirs = await gguf(join(directory, 'file.gguf'), { allowLocalFile: true });
  expect(theirs.metadata).toMatchObject({
    'general.architecture': 'qwen3',
    'general.type': 'adapter',
    'adapter.type': 'lora',
    'adapter.lora.alpha': 2.5,
  });
  expect(metadata.get('adapter.lora.alpha')).toBe(2.5);
  expect(tensors).toEqual([
    { name: 'blk.0.attn_q.weight.lora_a', shape: [5, 3], type: 1, offsetBytes: offsetsBytes[0] },
    { name: 'blk.0.attn_q.weight.lora_b', shape: [3, 7], type: 1, offsetBytes: offsetsBytes[1] },
  ]);
  expect(theirs.tensorInfos.map(({ shape }) => shape.map(Number))).toEqual([
    [5, 3],
    [3, 7],
  ]);
});

test.each([
  [
    'a tensor that comes twice',
    ggufOf({}, [
      { name: 'a', shape: [1] },
      { name: 'a', shape: [1] },
    ]),
    '"a" comes twice',
  ],
  ['a name without end', ggufOf({}, [{ name: 'n'.repeat(300), shape: [1] }]), 'at most 256 bytes, got 300'],
  ['five axes', ggufOf({}, [{ name: 'a', shape: [1, 1, 1, 1, 1] }]), 'at most 4 dimensions, got 5'],
  [
    'no alignment',
    ggufOf({ 'general.alignment': 0 }, [{ name: 'a', shape: [1] }]),
    'a positive general.alignment',
  ],
  ['a word as alignment', ggufOf({ 'general.alignment': 'x' }, [{ name: 'a', shape: [1] }]), 'got NaN'],
  [
    'data that are cut off',
    ggufOf({}, [{ name: 'a', shape: [64] }]).subarray(0, -1),
    'the file is truncated',
  ],
])('readGgufContents() refuses %s', async (_, bytes, reason) => {
  await expect(read(bytes)).rejects.toThrow(reason);
});
