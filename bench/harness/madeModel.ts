import { randomFillSync } from 'node:crypto';
import { closeSync, fsyncSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type GGUFTypedMetadata, GGUFValueType, gguf, serializeGgufMetadata } from '@huggingface/gguf';
import { ROOT } from './gatewayProcess.ts';

/** As files are offered to users: the type of most matrices; in the K mix and in Q4_0 some are Q6_K. */
export const MADE_TYPES = ['Q8_0', 'Q4_K_M', 'Q4_0'] as const;
export type MadeType = (typeof MADE_TYPES)[number];

/** Of a layer; the vocabulary is the demo model's. */
export interface Shape {
  readonly width: number;
  readonly feedForward: number;
  readonly heads: number;
  readonly kvHeads: number;
}

/** 1.1B with 22 layers. */
export const TINY_LLAMA: Shape = { width: 2048, feedForward: 5632, heads: 32, kvHeads: 4 };
/** Llama 3's 8B has 32 layers, and a larger vocabulary. */
export const LLAMA_8B: Shape = { width: 4096, feedForward: 14_336, heads: 32, kvHeads: 8 };
const VOCABULARY = 2048;
const ALIGNMENT = 32;
const FILE_TYPES: Readonly<Record<MadeType, number>> = { Q8_0: 7, Q4_K_M: 15, Q4_0: 2 };

/**
 * How ggml-common.h lays out a block: so many elements in so many bytes. `fill` puts scales in random bytes such that the
 * weights have a standard deviation of some 0.02 and no token's numbers run away.
 */
interface BlockType {
  readonly id: number;
  readonly elements: number;
  readonly bytes: number;
  readonly fill: (bytes: Buffer, at: number) => void;
}

/** Bits of the float16 2^-power. */
const half = (power: number): number => (15 - power) << 10;
/** All of them below 32, so that the high bits of a packed scale are nought. */
const boundScales = (bytes: Buffer, at: number, count: number): void => {
  for (let index = at; index < at + count; index += 1) bytes[index] = (bytes[index] ?? 0) & 31;
};

const Q8_0: BlockType = {
  id: 8,
  elements: 32,
  bytes: 34,
  fill: (bytes, at) => void bytes.writeUInt16LE(half(12), at),
};
const Q4_0: BlockType = {
  id: 2,
  elements: 32,
  bytes: 18,
  fill: (bytes, at) => void bytes.writeUInt16LE(half(8), at),
};
const Q4_K: BlockType = {
  id: 12,
  elements: 256,
  bytes: 144,
  fill: (bytes, at) => {
    bytes.writeUInt16LE(half(12), at);
    bytes.writeUInt16LE(half(9), at + 2);
    boundScales(bytes, at + 4, 4);
    // The mins, as large as the scales: what is taken away is the middle of 16 steps.
    bytes.copy(bytes, at + 8, at + 4, at + 8);
    for (let index = 0; index < 4; index += 1)
      bytes[at + 12 + index] = ((bytes[at + 4 + index] ?? 0) & 15) * 17;
  },
};
const Q6_K: BlockType = {
  id: 14,
  elements: 256,
  bytes: 210,
  fill: (bytes, at) => {
    boundScales(bytes, at + 192, 16);
    bytes.writeUInt16LE(half(14), at + 208);
  },
};

interface Matrix {
  readonly name: string;
  readonly columns: number;
  readonly rows: number;
  /** null: float32 ones, of a norm. */
  readonly type: BlockType | null;
}

/** Which layers llama.cpp gives more bits in a K mix (use_more_bits of llama-quant.cpp). */
function hasMoreBits(layer: number, layers: number): boolean {
  const eighth = Math.floor(layers / 8);
  return layer < eighth || layer >= Math.floor((7 * layers) / 8) || (layer - eighth) % 3 === 2;
}

/** Columns that all heads of a layer's keys have together. */
export const kvWidthOf = ({ width, heads, kvHeads }: Shape): number => (width / heads) * kvHeads;

function matricesOf(made: MadeType, layers: number, shape: Shape): Matrix[] {
  const { width, feedForward } = shape;
  const most = { Q8_0, Q4_K_M: Q4_K, Q4_0 }[made];
  const norm = (name: string): Matrix => ({ name, columns: width, rows: 1, type: null });
  const matrix = (name: string, columns: number, rows: number, type = most): Matrix => ({
    name,
    columns,
    rows,
    type,
  });
  const kvWidth = kvWidthOf(shape);
  const layerOf = (layer: number): Matrix[] => {
    const more = made === 'Q4_K_M' && hasMoreBits(layer, layers) ? Q6_K : most;
    const name = (part: string): string => `blk.${layer}.${part}.weight`;
    return [
      norm(name('attn_norm')),
      matrix(name('attn_q'), width, width),
      matrix(name('attn_k'), width, kvWidth),
      matrix(name('attn_v'), width, kvWidth, more),
      matrix(name('attn_output'), width, width),
      norm(name('ffn_norm')),
      matrix(name('ffn_gate'), width, feedForward),
      matrix(name('ffn_up'), width, feedForward),
      matrix(name('ffn_down'), feedForward, width, more),
    ];
  };
  return [
    matrix('token_embd.weight', width, VOCABULARY),
    norm('output_norm.weight'),
    matrix('output.weight', width, VOCABULARY, made === 'Q8_0' ? most : Q6_K),
    ...Array.from({ length: layers }, (_, layer) => layerOf(layer)).flat(),
  ];
}

/** The demo's tokenizer and chat template, and a larger body. */
async function metadataOf(
  made: MadeType,
  layers: number,
  shape: Shape,
  tensors: number,
): Promise<GGUFTypedMetadata> {
  const { typedMetadata } = await gguf(join(ROOT, 'demo/models/tiny-chat-q8_0.gguf'), {
    allowLocalFile: true,
    typedMetadata: true,
  });
  const kept = Object.entries(typedMetadata).filter(([key]) => /^(version$|general\.|tokenizer\.)/.test(key));
  const numbers = {
    'general.file_type': FILE_TYPES[made],
    'llama.context_length': 2048,
    'llama.embedding_length': shape.width,
    'llama.block_count': layers,
    'llama.feed_forward_length': shape.feedForward,
    'llama.attention.head_count': shape.heads,
    'llama.attention.head_count_kv': shape.kvHeads,
    'llama.rope.dimension_count': shape.width / shape.heads,
    'llama.vocab_size': VOCABULARY,
  };
  const made32 = Object.entries(numbers).map(([key, value]) => [key, { value, type: GGUFValueType.UINT32 }]);
  return {
    ...Object.fromEntries([...kept, ...made32]),
    'general.name': { value: `made ${made}`, type: GGUFValueType.STRING },
    'llama.attention.layer_norm_rms_epsilon': { value: 1e-5, type: GGUFValueType.FLOAT32 },
    tensor_count: { value: BigInt(tensors), type: GGUFValueType.UINT64 },
  } as GGUFTypedMetadata;
}

const bytesOf = ({ columns, rows, type }: Matrix): number =>
  type === null ? columns * rows * 4 : ((columns * rows) / type.elements) * type.bytes;
export const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/** A tensor's entry in a GGUF header, version 3; the fastest axis comes first. */
export function infoOf(name: string, axes: readonly number[], typeId: number, offset: number): Buffer {
  const bytes = Buffer.alloc(8 + name.length + 4 + 8 * axes.length + 4 + 8);
  bytes.writeBigUInt64LE(BigInt(name.length), 0);
  let at = 8 + bytes.write(name, 8, 'latin1');
  at = bytes.writeUInt32LE(axes.length, at);
  for (const axis of axes) at = bytes.writeBigUInt64LE(BigInt(axis), at);
  at = bytes.writeUInt32LE(typeId, at);
  bytes.writeBigUInt64LE(BigInt(offset), at);
  return bytes;
}

/** Random blocks of a type, enough that no file system finds the repetition. */
function poolOf(type: BlockType): Buffer {
  const bytes = Buffer.alloc(Math.floor((16 << 20) / type.bytes) * type.bytes);
  randomFillSync(bytes);
  for (let at = 0; at < bytes.length; at += type.bytes) type.fill(bytes, at);
  return bytes;
}

function writeMatrix(fd: number, matrix: Matrix, pools: Map<BlockType, Buffer>): void {
  const { columns, rows, type } = matrix;
  const bytes = bytesOf(matrix);
  if (type === null) {
    writeSync(fd, new Uint8Array(new Float32Array(columns * rows).fill(1).buffer));
  } else {
    const pool = pools.get(type) ?? poolOf(type);
    pools.set(type, pool);
    for (let left = bytes; left > 0; left -= pool.length) writeSync(fd, pool, 0, Math.min(left, pool.length));
    // The next one of this type begins elsewhere in the numbers.
    pool.set(Buffer.concat([pool.subarray(type.bytes * 1009), pool.subarray(0, type.bytes * 1009)]));
  }
  writeSync(fd, Buffer.alloc(aligned(bytes) - bytes));
}

/**
 * Writes a GGUF file that llama.cpp loads and decodes as any other: a llama of the given shape with random weights, synced
 * to the disk. What it says is nonsense; what it costs is not. Returns its bytes.
 */
export async function makeModel(
  path: string,
  made: MadeType,
  layers: number,
  shape: Shape = TINY_LLAMA,
): Promise<number> {
  const matrices = matricesOf(made, layers, shape);
  let dataBytes = 0;
  const infos = matrices.map((matrix) => {
    const { name, columns, rows, type } = matrix;
    const info = infoOf(name, type === null ? [columns] : [columns, rows], type?.id ?? 0, dataBytes);
    dataBytes += aligned(bytesOf(matrix));
    return info;
  });
  const metadata = serializeGgufMetadata(await metadataOf(made, layers, shape, matrices.length), {
    alignment: 1,
  });
  const head = Buffer.concat([metadata, ...infos]);
  const fd = openSync(path, 'wx', 0o600);
  // A tmpfs gives huge pages to a file that has its size before it is written.
  ftruncateSync(fd, aligned(head.length) + dataBytes);
  writeSync(fd, Buffer.concat([head, Buffer.alloc(aligned(head.length) - head.length)]));
  const pools = new Map<BlockType, Buffer>();
  for (const matrix of matrices) writeMatrix(fd, matrix, pools);
  fsyncSync(fd);
  closeSync(fd);
  return aligned(head.length) + dataBytes;
}
