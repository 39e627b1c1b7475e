/** [elements, bytes] of a block of each ggml type that has kept its layout (ggml.c, type_traits). */
const BLOCKS: Readonly<Record<number, readonly [number, number]>> = {
  0: [1, 4], // F32
  1: [1, 2], // F16
  2: [32, 18], // Q4_0
  3: [32, 20], // Q4_1
  6: [32, 22], // Q5_0
  7: [32, 24], // Q5_1
  8: [32, 34], // Q8_0
  10: [256, 84], // Q2_K
  11: [256, 110], // Q3_K
  12: [256, 144], // Q4_K
  13: [256, 176], // Q5_K
  14: [256, 210], // Q6_K
  24: [1, 1], // I8
  25: [1, 2], // I16
  26: [1, 4], // I32
  27: [1, 8], // I64
  28: [1, 8], // F64
  30: [1, 2], // BF16
};

/** Bytes that a tensor takes in its file; of a type that is not in the table at least one bit per element. */
export function tensorBytes(type: number, shape: readonly bigint[]): number {
  const elements = shape.reduce((product, length) => product * Number(length), 1);
  const [blockElements, blockBytes] = BLOCKS[type] ?? [8, 1];
  return Math.ceil(elements / blockElements) * blockBytes;
}
