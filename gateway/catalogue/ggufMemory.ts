import type { GgufMetadata } from './ggufHeader.ts';

/** llama.cpp keeps keys and values as F16 unless told otherwise. */
const KV_ELEMENT_BYTES = 2;
/** Tokens of one decode call (native/core/llama/context.h, kBatchTokens), whose activations are F32. */
const BATCH_TOKENS = 512;
const ACTIVATION_BYTES = 4;

/**
 * Bytes of KV cache that a token takes, over all layers: layers x KV heads x (key + value length) x 2. What the header
 * does not say counts as none: a runner measures it later. Too much for architectures that keep less than that (sliding
 * windows, latent attention).
 */
export function kvBytesPerToken(metadata: GgufMetadata, architecture: string): number {
  const read = readerOf(metadata, architecture);
  const heads = read('attention.head_count') ?? 0;
  const headLength = heads === 0 ? 0 : (read('embedding_length') ?? 0) / heads;
  const keyLength = read('attention.key_length') ?? headLength;
  const valueLength = read('attention.value_length') ?? headLength;
  const kvHeads = read('attention.head_count_kv') ?? heads;
  return (read('block_count') ?? 0) * kvHeads * (keyLength + valueLength) * KV_ELEMENT_BYTES;
}

/** Layers that a device may have some of; 0: the header does not say. */
export function layersOf(metadata: GgufMetadata, architecture: string): number {
  return readerOf(metadata, architecture)('block_count') ?? 0;
}

/**
 * About what one context's compute buffers take: a batch of logits and of the widest activations. For the demo model it
 * says 8.65 MB, of which 8.53 are measured. A runner measures it later.
 */
export function computeBytes(metadata: GgufMetadata, architecture: string): number {
  const read = readerOf(metadata, architecture);
  const width =
    (read('vocab_size') ?? 0) + 2 * (read('feed_forward_length') ?? 0) + 3 * (read('embedding_length') ?? 0);
  return BATCH_TOKENS * ACTIVATION_BYTES * width;
}

function readerOf(metadata: GgufMetadata, architecture: string): (key: string) => number | undefined {
  return (key) => {
    const value = metadata.get(`${architecture}.${key}`);
    return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined;
  };
}
