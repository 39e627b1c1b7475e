import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readGgufContents } from '../../../gateway/catalogue/ggufHeader.ts';
import { type Conversion, convertPeft } from '../../../gateway/catalogue/peft/convertPeft.ts';
import {
  baseBytes,
  CONFIG,
  HEADS,
  KV_HEADS,
  type PeftTensor,
  peftTensors,
  RANK,
  safetensorsBytes,
  TINY_MODELS,
  type TinyModel,
  writePeft,
} from './tinyModels.ts';

const ROOT = join(import.meta.dirname, '../../..');
const REFERENCE = JSON.parse(readFileSync(join(ROOT, 'test/fixtures/lora-reference.json'), 'utf8')) as {
  tensors: Record<string, Record<string, string>>;
};
const [LLAMA] = TINY_MODELS as readonly [TinyModel];
const model = (name: string) => TINY_MODELS.find((tiny) => tiny.name === name) ?? LLAMA;

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'hearth-convert-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let made = 0;
function convert(
  tiny: TinyModel,
  { tensors = peftTensors(tiny), config = {}, base = baseBytes(tiny) } = {},
): Promise<Conversion> {
  const place = join(directory, String(made++));
  const peft = writePeft(place, tensors, { ...CONFIG, ...config });
  writeFileSync(join(place, 'base.gguf'), base);
  return convertPeft({
    directory: peft,
    base: join(place, 'base.gguf'),
    outputDir: join(directory, 'out'),
  });
}

/** Each tensor's shape and bytes by its name, and alpha. */
async function contentsOf(path: string) {
  const bytes = readFileSync(path);
  const { metadata, tensors } = await readGgufContents(path, bytes.length);
  const byName = new Map(
    tensors.map(({ name, shape, type, offsetBytes }) => {
      const elements = shape.reduce((product, axis) => product * axis, 1);
      return [name, { shape, type, bytes: bytes.subarray(offsetBytes, offsetBytes + 2 * elements) }];
    }),
  );
  const alpha = Number(metadata.get('adapter.lora.alpha'));
  return { metadata, alpha, byName };
}

const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex').slice(0, 16);

describe('convertPeft() makes the tensors of llama.cpp’s own converter', () => {
  test.each(TINY_MODELS.filter(({ name }) => name in REFERENCE.tensors))('for $name', async (tiny) => {
    const { byName } = await contentsOf((await convert(tiny)).path);
    const digests = [...byName].map(([name, { bytes }]) => [name, digest(bytes)]);
    expect(Object.fromEntries(digests)).toEqual(REFERENCE.tensors[tiny.name]);
  });

  test.each(['pirate', 'json'])('for the %s adapter of the demo, shapes and alpha too', async (name) => {
    const demo = join(ROOT, 'demo/models');
    const { path } = await convertPeft({
      directory: join(ROOT, `test/fixtures/lora-${name}-peft`),
      base: join(demo, 'tiny-chat-q8_0.gguf'),
      outputDir: directory,
    });
    const ours = await contentsOf(path);
    const given = await contentsOf(join(demo, `lora-${name}.gguf`));
    expect(ours.byName).toEqual(given.byName);
    expect(ours.byName.size).toBe(84);
    expect(ours.alpha).toBe(given.alpha);
  });
});

describe('convertPeft()', () => {
  test.each(TINY_MODELS)('gives every tensor of $name its place and shape', async (tiny) => {
    const { metadata, byName, alpha } = await contentsOf((await convert(tiny)).path);
    expect(Object.fromEntries(metadata)).toEqual({
      'general.architecture': tiny.architecture,
      'general.type': 'adapter',
      'adapter.type': 'lora',
      'adapter.lora.alpha': 8,
    });
    expect(alpha).toBe(8);
    expect(byName.size).toBe(2 * 2 * tiny.modules.length);
    for (const [, tensor, [rows, columns]] of tiny.modules) {
      expect(byName.get(`blk.1.${tensor}.weight.lora_a`)).toMatchObject({ shape: [columns, RANK], type: 1 });
      expect(byName.get(`blk.1.${tensor}.weight.lora_b`)).toMatchObject({ shape: [RANK, rows], type: 1 });
    }
  });

  test.each(
    ['llama', 'mistral', 'ministral'].flatMap((name) => [
      [name, 'self_attn.q_proj', 'attn_q', HEADS] as const,
      [name, 'self_attn.k_proj', 'attn_k', KV_HEADS] as const,
    ]),
  )('puts side by side the rows of %s that RoPE turns together: %s', async (name, module, tensor, heads) => {
    const tiny = model(name);
    const turned = (await contentsOf((await convert(tiny)).path)).byName.get(`blk.0.${tensor}.weight.lora_b`);
    // What is not turned, of the same numbers: those of a family that keeps its rows where they are.
    const plain = { ...tiny, architecture: 'qwen2' };
    const kept = (await contentsOf((await convert(plain)).path)).byName.get(`blk.0.${tensor}.weight.lora_b`);
    const rows = tiny.modules.find(([part]) => part === module)?.[2][0] ?? 0;
    const headRows = rows / heads;
    const row = (of: typeof kept, index: number) =>
      of?.bytes.subarray(index * RANK * 2, (index + 1) * RANK * 2).toString('hex');
    for (let head = 0; head < heads; head++) {
      for (let pair = 0; pair < headRows / 2; pair++) {
        const first = head * headRows + pair;
        expect(row(turned, head * headRows + 2 * pair)).toBe(row(kept, first));
        expect(row(turned, head * headRows + 2 * pair + 1)).toBe(row(kept, first + headRows / 2));
      }
    }
  });

  test('finds an adapter in shards that an index names', async () => {
    const tensors = peftTensors(LLAMA);
    const whole = await convert(LLAMA);
    const place = join(directory, 'sharded');
    writePeft(place, []);
    rmSync(join(place, 'adapter_model.safetensors'));
    const halves = [tensors.slice(0, 9), tensors.slice(9)];
    const map: Record<string, string> = {};
    for (const [index, half] of halves.entries()) {
      const file = `adapter_model-0000${index + 1}-of-00002.safetensors`;
      writeFileSync(join(place, file), safetensorsBytes(half));
      for (const { name } of half) map[name] = file;
    }
    writeFileSync(
      join(place, 'adapter_model.safetensors.index.json'),
      JSON.stringify({ metadata: {}, weight_map: map }),
    );
    writeFileSync(join(place, 'base.gguf'), baseBytes(LLAMA));
    const { path } = await convertPeft({
      directory: place,
      base: join(place, 'base.gguf'),
      outputDir: join(directory, 'out'),
    });
    expect((await contentsOf(path)).byName).toEqual((await contentsOf(whole.path)).byName);
  });

  test('holds an adapter against all files of a split base', async () => {
    const place = writePeft(join(directory, 'split'), peftTensors(LLAMA));
    const part = (number: number) => join(place, `base-0000${number}-of-00002.gguf`);
    writeFileSync(part(1), baseBytes(LLAMA, {}, [0]));
    const job = { directory: place, base: part(1), outputDir: join(directory, 'out') };
    await expect(convertPeft(job)).rejects.toThrow('base-00002-of-00002.gguf');
    writeFileSync(part(2), baseBytes(LLAMA, {}, [1]));
    expect((await convertPeft(job)).digest).toBe((await convert(LLAMA)).digest);
  });

  test('makes a file once, and again when it is not whole', async () => {
    const first = await convert(LLAMA, { config: { lora_alpha: 5 } });
    expect(first.isNew).toBe(true);
    expect(statSync(first.path).mode & 0o777).toBe(0o400);
    const second = await convert(LLAMA, { config: { lora_alpha: 5 } });
    expect(second).toEqual({ ...first, isNew: false });
    const whole = readFileSync(first.path);
    rmSync(first.path);
    writeFileSync(first.path, Buffer.concat([Buffer.alloc(100), whole.subarray(100)]));
    expect((await convert(LLAMA, { config: { lora_alpha: 5 } })).isNew).toBe(true);
    expect(readFileSync(first.path).equals(whole)).toBe(true);
  });

  test('gives another digest for another number, configuration or base, and the same in another place', async () => {
    const first = await convert(LLAMA);
    const tensors = peftTensors(LLAMA);
    const [head, ...rest] = tensors as [PeftTensor, ...PeftTensor[]];
    const bytes = Buffer.from(head.bytes);
    bytes.writeFloatLE(0.5, 0);
    const others = [
      await convert(LLAMA, { tensors: [{ ...head, bytes }, ...rest] }),
      await convert(LLAMA, { config: { lora_alpha: 9 } }),
      await convert(LLAMA, {
        base: baseBytes(LLAMA, { 'llama.attention.head_count': 2, 'llama.attention.head_count_kv': 1 }),
      }),
    ];
    expect(new Set([first, ...others].map((conversion) => conversion.digest)).size).toBe(4);
    expect((await convert(LLAMA)).digest).toBe(first.digest);
  });

  test('leaves no draft behind when the numbers turn out to be bad', async () => {
    const tensors = peftTensors(LLAMA);
    tensors.at(-1)?.bytes.writeFloatLE(Number.NaN, 0);
    const before = readdirSync(join(directory, 'out'));
    await expect(convert(LLAMA, { tensors })).rejects.toThrow(
      'expected finite float16 numbers in "blk.1.ffn_down.weight.lora_b", got another in row 0',
    );
    expect(readdirSync(join(directory, 'out'))).toEqual(before);
  });
});
