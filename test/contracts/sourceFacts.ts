import { describe, expect, test } from 'vitest';
import type { ModelFileFacts } from '../../gateway/ports/modelFile.ts';
import type { SourceFactsStore } from '../../gateway/ports/sourceFacts.ts';

function factsOf(path: string, changes: Partial<ModelFileFacts> = {}): ModelFileFacts {
  return {
    path,
    kind: 'model',
    architecture: 'llama',
    trainedContextTokens: 4096,
    layers: 32,
    kvBytesPerToken: 131_072,
    computeBytes: 1000,
    parts: 1,
    sizeBytes: 20 * 2 ** 30,
    modifiedAtEpochMs: 1,
    identity: 'one',
    ...changes,
  };
}

export function describeSourceFactsStore(name: string, make: () => Promise<SourceFactsStore>): void {
  describe(`${name} as a SourceFactsStore`, () => {
    test('load() gives what was put last of each path', async () => {
      const store = await make();
      await store.put(factsOf('hf:a/b/c.gguf', { sha256: '0a'.repeat(32) }));
      await store.put(factsOf('https://w.example/d.gguf.hearth', { isEncrypted: true }));
      await store.put(factsOf('s3://bucket/a.gguf'));
      await store.put(factsOf('s3://bucket/a.gguf', { identity: 'two', kind: 'adapter' }));
      const rows = (await store.load()).sort((one, other) => (one.path < other.path ? -1 : 1));
      expect(rows).toEqual([
        factsOf('hf:a/b/c.gguf', { sha256: '0a'.repeat(32) }),
        factsOf('https://w.example/d.gguf.hearth', { isEncrypted: true }),
        factsOf('s3://bucket/a.gguf', { identity: 'two', kind: 'adapter' }),
      ]);
    });

    test('forget() removes one, and an unknown one silently', async () => {
      const store = await make();
      await store.put(factsOf('hf:a/b/c.gguf'));
      await store.put(factsOf('hf:a/b/d.gguf'));
      await store.forget('hf:a/b/c.gguf');
      await store.forget('never');
      expect(await store.load()).toEqual([factsOf('hf:a/b/d.gguf')]);
    });
  });
}
