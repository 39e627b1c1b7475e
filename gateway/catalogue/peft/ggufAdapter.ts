import type { LoraPlan, PlannedTensor } from './loraPlan.ts';

/** gguf.md: general.alignment when the file does not say. */
const ALIGNMENT = 32;
const UINT32_MAX = 2 ** 32 - 1;
const VALUE_TEXT = 8;
const VALUE_FLOAT32 = 6;
const TENSOR_F16 = 1;
const HALF_BYTES = 2;

/** A GGUF file as it will be: what it begins with, and where in it each tensor's numbers go. */
export interface GgufLayout {
  /** Up to the first tensor's numbers, padding included. */
  readonly head: Buffer;
  /** From the start of the file, in the order of the plan. */
  readonly offsetsBytes: readonly number[];
  readonly totalBytes: number;
}

/**
 * Lays out a GGUF version 3 LoRA adapter (github.com/ggml-org/ggml/blob/master/docs/gguf.md) of float16 matrices, with
 * the metadata that llama-adapter.cpp asks for and nothing that depends on where or when it was made.
 */
export function layOutAdapter({ architecture, alpha, tensors }: LoraPlan): GgufLayout {
  if (tensors.length > UINT32_MAX) throw new Error(`expected fewer tensors, got ${tensors.length}`);
  const metadata = [
    entry('general.architecture', VALUE_TEXT, text(architecture)),
    entry('general.type', VALUE_TEXT, text('adapter')),
    entry('adapter.type', VALUE_TEXT, text('lora')),
    entry('adapter.lora.alpha', VALUE_FLOAT32, float32(alpha)),
  ];
  const start = Buffer.concat([
    Buffer.from('GGUF', 'latin1'),
    uint32(3),
    uint64(tensors.length),
    uint64(metadata.length),
  ]);
  let end = 0;
  const relative: number[] = [];
  const infos = tensors.map((tensor) => {
    relative.push(end);
    const info = tensorInfo(tensor, end);
    end = aligned(end + tensor.rows * tensor.columns * HALF_BYTES);
    return info;
  });
  const used = Buffer.concat([start, ...metadata, ...infos]);
  const head = Buffer.concat([used, Buffer.alloc(aligned(used.length) - used.length)]);
  return {
    head,
    offsetsBytes: relative.map((offset) => head.length + offset),
    totalBytes: head.length + end,
  };
}

/** GGUF names the fastest axis first. */
function tensorInfo({ name, rows, columns }: PlannedTensor, offsetBytes: number): Buffer {
  return Buffer.concat([
    text(name),
    uint32(2),
    uint64(columns),
    uint64(rows),
    uint32(TENSOR_F16),
    uint64(offsetBytes),
  ]);
}

function entry(key: string, type: number, value: Buffer): Buffer {
  return Buffer.concat([text(key), uint32(type), value]);
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8');
  return Buffer.concat([uint64(bytes.length), bytes]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function float32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}
