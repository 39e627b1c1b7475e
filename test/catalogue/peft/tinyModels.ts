import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ggufOf, type TestTensor } from '../ggufBytes.ts';

/** A family's model, as small as can be, with an adapter of all its linear layers. */
export interface TinyModel {
  readonly name: string;
  /** GGUF's `general.architecture`. */
  readonly architecture: string;
  /** What comes before `layers.0` in PEFT's names. */
  readonly prefix: string;
  readonly dtype: 'F32' | 'F16' | 'BF16';
  /** Module in a layer, tensor in a block, [rows, columns]. */
  readonly modules: readonly (readonly [module: string, tensor: string, shape: readonly [number, number]])[];
}

export const HEADS = 4;
export const KV_HEADS = 2;
export const LAYERS = 2;
export const RANK = 4;
const HIDDEN = 64;
const INNER = 96;

const separate = (headRows: number): TinyModel['modules'] => [
  ['self_attn.q_proj', 'attn_q', [HEADS * headRows, HIDDEN]],
  ['self_attn.k_proj', 'attn_k', [KV_HEADS * headRows, HIDDEN]],
  ['self_attn.v_proj', 'attn_v', [KV_HEADS * headRows, HIDDEN]],
  ['self_attn.o_proj', 'attn_output', [HIDDEN, HEADS * headRows]],
  ['mlp.gate_proj', 'ffn_gate', [INNER, HIDDEN]],
  ['mlp.up_proj', 'ffn_up', [INNER, HIDDEN]],
  ['mlp.down_proj', 'ffn_down', [HIDDEN, INNER]],
];
const fused: TinyModel['modules'] = [
  ['self_attn.qkv_proj', 'attn_qkv', [(HEADS + 2 * KV_HEADS) * 16, HIDDEN]],
  ['self_attn.o_proj', 'attn_output', [HIDDEN, HIDDEN]],
  ['mlp.gate_up_proj', 'ffn_up', [2 * INNER, HIDDEN]],
  ['mlp.down_proj', 'ffn_down', [HIDDEN, INNER]],
];

const tiny = (
  name: string,
  architecture: string,
  dtype: TinyModel['dtype'],
  modules: TinyModel['modules'],
  prefix = 'model.',
): TinyModel => ({ name, architecture, dtype, modules, prefix });

/** Gemma's heads are longer than hidden size by heads. */
export const TINY_MODELS: readonly TinyModel[] = [
  tiny('llama', 'llama', 'F32', separate(16)),
  tiny('mistral', 'llama', 'BF16', separate(24)),
  tiny('ministral', 'mistral3', 'F16', separate(16)),
  tiny('qwen2', 'qwen2', 'BF16', separate(16)),
  tiny('qwen3', 'qwen3', 'F32', separate(24)),
  tiny('gemma', 'gemma', 'F32', separate(24)),
  tiny('gemma2', 'gemma2', 'BF16', separate(24)),
  tiny('gemma3', 'gemma3', 'BF16', separate(24)),
  tiny('gemma3-seeing', 'gemma3', 'F32', separate(24), 'model.language_model.'),
  tiny('gemma3-seeing-old', 'gemma3', 'F32', separate(24), 'language_model.model.'),
  tiny('phi3', 'phi3', 'F32', fused),
];

/** The base's GGUF file, whose numbers are noughts; with all layers, or with those of one file of a split model. */
export function baseBytes(
  model: TinyModel,
  changes: Readonly<Record<string, number>> = {},
  layers: readonly number[] = [...Array(LAYERS).keys()],
): Buffer {
  const { architecture, modules } = model;
  const tensors: TestTensor[] = [{ name: 'token_embd.weight', shape: [HIDDEN, 32] }];
  for (const layer of layers) {
    for (const [, tensor, [rows, columns]] of modules) {
      tensors.push({ name: `blk.${layer}.${tensor}.weight`, shape: [columns, rows] });
    }
  }
  return ggufOf(
    {
      'general.architecture': architecture,
      'general.type': 'model',
      [`${architecture}.context_length`]: 512,
      [`${architecture}.block_count`]: LAYERS,
      [`${architecture}.attention.head_count`]: HEADS,
      [`${architecture}.attention.head_count_kv`]: KV_HEADS,
      ...changes,
    },
    tensors,
  );
}

/** One tensor of a PEFT file; its numbers are little-endian in `bytes`. */
export interface PeftTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Buffer;
}

/** The adapter's tensors: the same numbers in every run. `rankOf` is by module in a layer. */
export function peftTensors(model: TinyModel, rankOf: (module: string) => number = () => RANK): PeftTensor[] {
  const { prefix, dtype, modules } = model;
  const next = numbersOf(model.name);
  const tensors: PeftTensor[] = [];
  for (let layer = 0; layer < LAYERS; layer++) {
    for (const [module, , [rows, columns]] of modules) {
      const name = `base_model.model.${prefix}layers.${layer}.${module}`;
      const a = [rankOf(module), columns];
      const b = [rows, rankOf(module)];
      tensors.push({ name: `${name}.lora_A.weight`, dtype, shape: a, bytes: fill(dtype, a, next) });
      tensors.push({ name: `${name}.lora_B.weight`, dtype, shape: b, bytes: fill(dtype, b, next) });
    }
  }
  return tensors;
}

export const CONFIG = { peft_type: 'LORA', r: RANK, lora_alpha: 8, bias: 'none', use_dora: false };

/** Writes a PEFT directory. */
export function writePeft(
  directory: string,
  tensors: readonly PeftTensor[],
  config: object = CONFIG,
): string {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'adapter_config.json'), JSON.stringify(config));
  writeFileSync(join(directory, 'adapter_model.safetensors'), safetensorsBytes(tensors));
  return directory;
}

export function safetensorsBytes(tensors: readonly PeftTensor[]): Buffer {
  let end = 0;
  const entries = tensors.map(({ name, dtype, shape, bytes }) => {
    const begin = end;
    end += bytes.length;
    return [name, { dtype, shape, data_offsets: [begin, end] }];
  });
  return safetensorsOf(
    JSON.stringify({ __metadata__: { format: 'pt' }, ...Object.fromEntries(entries) }),
    Buffer.concat(tensors.map(({ bytes }) => bytes)),
  );
}

/** A file with any header. */
export function safetensorsOf(header: string | Buffer, data: Buffer = Buffer.alloc(0)): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(header)));
  return Buffer.concat([length, Buffer.from(header as string), data]);
}

/** Small numbers, some of them below the smallest normal float16, from a generator with the name as its seed. */
function numbersOf(seed: string): () => number {
  let state = [...seed].reduce(
    (hash, letter) => Math.imul(hash ^ letter.charCodeAt(0), 0x01000193),
    0x811c9dc5,
  );
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    const unit = (state >>> 8) / 2 ** 24 - 0.5;
    return (state >>> 4) % 16 === 0 ? unit * 1e-5 : unit * 0.25;
  };
}

function fill(dtype: TinyModel['dtype'], shape: readonly number[], next: () => number): Buffer {
  const elements = shape.reduce((product, axis) => product * axis, 1);
  const bytes = Buffer.alloc(elements * (dtype === 'F32' ? 4 : 2));
  for (let index = 0; index < elements; index++) {
    if (dtype === 'F32') bytes.writeFloatLE(next(), 4 * index);
    else bytes.writeUInt16LE(dtype === 'BF16' ? upperHalf(next()) : anyHalf(next()), 2 * index);
  }
  return bytes;
}

/** bfloat16 is the upper half of a float32. */
function upperHalf(value: number): number {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes.readUInt16LE(2);
}

/** Bits of some float16 below 1; which one does not matter. */
function anyHalf(value: number): number {
  const sign = value < 0 ? 0x8000 : 0;
  return sign | Math.floor(Math.abs(value) * 8 * 0x3bff);
}
