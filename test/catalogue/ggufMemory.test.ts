import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { GgufFiles } from '../../gateway/catalogue/ggufFiles.ts';
import { computeBytes, kvBytesPerToken } from '../../gateway/catalogue/ggufMemory.ts';

const LLAMA_8B = new Map<string, string | number>([
  ['llama.block_count', 32],
  ['llama.embedding_length', 4096],
  ['llama.feed_forward_length', 14_336],
  ['llama.attention.head_count', 32],
  ['llama.attention.head_count_kv', 8],
  ['llama.vocab_size', 128_256],
]);

describe('kvBytesPerToken()', () => {
  test('is 128 KiB for a model of 8B parameters with 8 KV heads, 2 GiB for 4 x 4,096 tokens', () => {
    expect(kvBytesPerToken(LLAMA_8B, 'llama') * 4 * 4096).toBe(2 ** 31);
  });

  test('prefers key and value lengths to the embedding shared by the heads, and takes all heads without KV heads', () => {
    const metadata = new Map(LLAMA_8B)
      .set('llama.attention.key_length', 64)
      .set('llama.attention.value_length', 32);
    expect(kvBytesPerToken(metadata, 'llama')).toBe(32 * 8 * 96 * 2);
    metadata.delete('llama.attention.head_count_kv');
    expect(kvBytesPerToken(metadata, 'llama')).toBe(32 * 32 * 96 * 2);
  });

  test('is none where the header does not say', () => {
    expect(kvBytesPerToken(new Map(), 'llama')).toBe(0);
    expect(kvBytesPerToken(LLAMA_8B, 'mamba')).toBe(0);
    expect(kvBytesPerToken(new Map(LLAMA_8B).set('llama.block_count', 'many'), 'llama')).toBe(0);
  });
});

test('the demo model takes what llama.cpp was seen to take: 48 MiB of KV cache, 8,532,000 bytes of compute buffers', async () => {
  const path = join(import.meta.dirname, '../../demo/models/tiny-chat-q8_0.gguf');
  const facts = await new GgufFiles().inspect(path);
  if (!facts.ok) throw new Error(facts.error.message);
  expect(facts.value.kvBytesPerToken * 8 * 2048).toBe(48 * 2 ** 20);
  expect(facts.value.computeBytes / 8_532_000).toBeCloseTo(1, 1);
});

test('computeBytes() is a batch of logits and activations', () => {
  expect(computeBytes(LLAMA_8B, 'llama')).toBe(512 * 4 * (128_256 + 2 * 14_336 + 3 * 4096));
});
