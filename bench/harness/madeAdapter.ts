import { randomFillSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { type GGUFTypedMetadata, GGUFValueType, serializeGgufMetadata } from '@huggingface/gguf';
import { aligned, infoOf, kvWidthOf, type Shape } from './madeModel.ts';

const F16 = 1;
const TEXT = {
  'general.architecture': 'llama',
  'general.type': 'adapter',
  'general.name': 'made',
  'adapter.type': 'lora',
};

/** Random float16 of 2^-6 to 2^-5, of both signs. */
function randomHalves(count: number): Buffer {
  const bytes = randomFillSync(Buffer.alloc(count * 2));
  for (let at = 1; at < bytes.length; at += 2) bytes[at] = ((bytes[at] ?? 0) & 0x83) | (9 << 2);
  return bytes;
}

function metadataOf(rank: number, tensors: number): GGUFTypedMetadata {
  const text = Object.entries(TEXT).map(([key, value]) => [key, { value, type: GGUFValueType.STRING }]);
  return {
    version: { value: 3, type: GGUFValueType.UINT32 },
    tensor_count: { value: BigInt(tensors), type: GGUFValueType.UINT64 },
    kv_count: { value: BigInt(text.length + 1), type: GGUFValueType.UINT64 },
    ...Object.fromEntries(text),
    'adapter.lora.alpha': { value: rank, type: GGUFValueType.FLOAT32 },
  } as GGUFTypedMetadata;
}

/** Writes a LoRA adapter of random numbers on q and v of each layer, which changes what a base of makeModel() says. */
export function makeAdapter(path: string, layers: number, shape: Shape, rank = 16): void {
  const { width } = shape;
  const infos: Buffer[] = [];
  const data: Buffer[] = [];
  let dataBytes = 0;
  const add = (name: string, columns: number, rows: number): void => {
    const halves = randomHalves(columns * rows);
    infos.push(infoOf(name, [columns, rows], F16, dataBytes));
    data.push(halves, Buffer.alloc(aligned(halves.length) - halves.length));
    dataBytes += aligned(halves.length);
  };
  for (let layer = 0; layer < layers; layer += 1) {
    for (const [part, rows] of [
      ['attn_q', width],
      ['attn_v', kvWidthOf(shape)],
    ] as const) {
      add(`blk.${layer}.${part}.weight.lora_a`, width, rank);
      add(`blk.${layer}.${part}.weight.lora_b`, rank, rows);
    }
  }
  const metadata = serializeGgufMetadata(metadataOf(rank, infos.length), { alignment: 1 });
  const head = Buffer.concat([metadata, ...infos]);
  writeFileSync(path, Buffer.concat([head, Buffer.alloc(aligned(head.length) - head.length), ...data]));
}
