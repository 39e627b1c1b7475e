/** A tensor of a file for tests; its numbers are noughts. */
export interface TestTensor {
  readonly name: string;
  /** The fastest axis first. */
  readonly shape: readonly number[];
}

/** A small GGUF file (version 3, little-endian) for tests: metadata of strings and uint32, F32 tensors of one row. */
export function ggufBytes(
  metadata: Readonly<Record<string, string | number>>,
  tensorElements: readonly number[] = [],
): Buffer {
  return ggufOf(
    metadata,
    tensorElements.map((elements, index) => ({ name: `t${index}`, shape: [elements] })),
  );
}

/** The same with F32 tensors of any name and shape. */
export function ggufOf(
  metadata: Readonly<Record<string, string | number>>,
  tensors: readonly TestTensor[],
): Buffer {
  const head = Buffer.alloc(24);
  head.write('GGUF', 0, 'latin1');
  head.writeUInt32LE(3, 4);
  head.writeBigUInt64LE(BigInt(tensors.length), 8);
  head.writeBigUInt64LE(BigInt(Object.keys(metadata).length), 16);
  const entries = Object.entries(metadata).map(([key, value]) =>
    typeof value === 'string'
      ? Buffer.concat([text(key), uint32(8), text(value)])
      : Buffer.concat([text(key), uint32(4), uint32(value)]),
  );
  let offset = 0;
  const infos = tensors.map(({ name, shape }) => {
    const axes = [uint32(shape.length), ...shape.map(uint64)];
    const info = Buffer.concat([text(name), ...axes, uint32(0), uint64(offset)]);
    offset += Math.ceil((shape.reduce((product, axis) => product * axis, 1) * 4) / 32) * 32;
    return info;
  });
  const start = Buffer.concat([head, ...entries, ...infos]);
  return Buffer.concat([start, Buffer.alloc((32 - (start.length % 32)) % 32), Buffer.alloc(offset)]);
}

/** A base model's and an adapter's file. */
export const modelBytes = (architecture = 'llama', contextTokens = 512) =>
  ggufBytes(
    {
      'general.architecture': architecture,
      'general.type': 'model',
      [`${architecture}.context_length`]: contextTokens,
    },
    [64],
  );
export const adapterBytes = (architecture = 'llama', name = 'a') =>
  ggufBytes(
    {
      'general.architecture': architecture,
      'general.type': 'adapter',
      'adapter.type': 'lora',
      'general.name': name,
    },
    [8],
  );

/** A model's file with a vocabulary of so many tokens and nested and plain arrays beside it. */
export function vocabularyBytes(tokens: number): Buffer {
  const array = (type: number, count: number) => Buffer.concat([uint32(type), uint64(count)]);
  const head = Buffer.alloc(24);
  head.write('GGUF', 0, 'latin1');
  head.writeUInt32LE(3, 4);
  head.writeBigUInt64LE(5n, 16);
  return Buffer.concat([
    ...[head, text('general.architecture'), uint32(8), text('llama')],
    ...[text('tokenizer.ggml.tokens'), uint32(9), array(8, tokens)],
    ...Array.from({ length: tokens }, (_, index) => text(`token ${index}`)),
    ...[text('tokenizer.ggml.token_type'), uint32(9), array(5, tokens), Buffer.alloc(4 * tokens)],
    ...[text('nested'), uint32(9), array(9, 2), array(8, 1), text('x'), array(0, 3), Buffer.alloc(3)],
    ...[text('llama.context_length'), uint32(4), uint32(131_072)],
  ]);
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

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint64(bytes.length), bytes]);
}
