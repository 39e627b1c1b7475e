import { describe, expect, test } from 'vitest';
import { boundsOf } from '../../gateway/domain/tokenBounds.ts';

describe('boundsOf()', () => {
  test('takes a prompt for a quarter of its bytes, and for one token a byte at most', () => {
    expect(boundsOf('chat_completions', { messages: [] }, 1001, 4096)).toMatchObject({
      likelyPrompt: 251,
      mostPrompt: 1001,
    });
    expect(boundsOf('chat_completions', { messages: [] }, 100_000, 4096).mostPrompt).toBe(4096);
  });

  test('counts every answer that was asked for', () => {
    expect(boundsOf('chat_completions', { max_tokens: 20, n: 3 }, 100, 4096)).toMatchObject({
      askedCompletion: 60,
      likelyCompletion: 60,
      mostCompletion: 60,
    });
    expect(boundsOf('completions', { prompt: ['a', 'b'], max_tokens: 16 }, 100, 4096).mostCompletion).toBe(
      32,
    );
    expect(boundsOf('completions', { prompt: [1, 2, 3], max_tokens: 16 }, 100, 4096).mostCompletion).toBe(16);
    expect(boundsOf('completions', { prompt: [[1], [2]], max_tokens: 16 }, 9000, 4096)).toMatchObject({
      mostPrompt: 8192,
      mostCompletion: 32,
    });
  });

  test('takes an answer without a bound for a usual one, and for a context at most', () => {
    expect(boundsOf('chat_completions', { n: 2 }, 100, 4096)).toMatchObject({
      askedCompletion: null,
      likelyCompletion: 2048,
      mostCompletion: 8192,
    });
    expect(boundsOf('chat_completions', {}, 100, 512).likelyCompletion).toBe(512);
  });

  test('expects no answer of embeddings', () => {
    expect(boundsOf('embeddings', { input: ['a', 'b', 'c'], n: 2 }, 50_000, 512)).toMatchObject({
      mostPrompt: 1536,
      askedCompletion: 0,
      likelyCompletion: 0,
      mostCompletion: 0,
    });
  });
});
