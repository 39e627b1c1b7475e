import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { loadStoreAddon } from '../../../native/loadStore.ts';
import { folderIn, MEMORY, openStore, read, sourceFile, stage } from './harness.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');

test('libhearth_store.so lets a Python process find a segment and keep it', async () => {
  const root = join(folderIn(MEMORY), 'store');
  const store = openStore(root);
  const path = sourceFile(5000);
  const { sourceKey } = await loadStoreAddon().describeSource(path);
  const { contentId, lease } = await stage(store, path);
  const python = spawn(
    'python3',
    [
      join(ROOT, 'test/fixtures/store-client.py'),
      join(ROOT, 'native/build/Release/libhearth_store.so'),
      root,
      sourceKey,
      'model.gguf',
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const exited = once(python, 'exit');
  const [line] = (await once(createInterface({ input: python.stdout }), 'line')) as [string];
  lease.release();
  expect(line).toBe(`${contentId} ${read(path).subarray(0, 8).toString('hex')}`);
  expect((await store.evict('bases', contentId)).outcome).toBe('busy');
  python.stdin.end();
  expect(await exited).toEqual([0, null]);
  expect((await store.evict('bases', contentId)).outcome).toBe('evicted');
});
