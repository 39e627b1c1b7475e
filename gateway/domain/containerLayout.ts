/** Of docs/encrypted-weights.md, version 1. */
export const HEADER_BYTES = 4096;
export const CHUNK_BYTES = 4 * 2 ** 20;
export const TAG_BYTES = 16;

/** Chunks of a container with so many bytes of plaintext. */
export function chunksOf(plaintextBytes: number): number {
  return Math.max(1, Math.ceil(plaintextBytes / CHUNK_BYTES));
}

/** The size of such a container. */
export function containerBytes(plaintextBytes: number): number {
  return HEADER_BYTES + plaintextBytes + chunksOf(plaintextBytes) * TAG_BYTES;
}
