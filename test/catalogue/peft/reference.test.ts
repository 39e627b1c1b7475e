import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readGgufContents } from '../../../gateway/catalogue/ggufHeader.ts';
import { convertPeft } from '../../../gateway/catalogue/peft/convertPeft.ts';

const ROOT = join(import.meta.dirname, '../../..');
const DEMO = join(ROOT, 'demo/models');
let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hearth-peft-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function tensorsOf(path: string) {
  const bytes = await readFile(path);
  const { metadata, tensors } = await readGgufContents(path, (await stat(path)).size);
  const byName = new Map(
    tensors.map(({ name, shape, type, offsetBytes }) => {
      const data = bytes.subarray(offsetBytes, offsetBytes + 2 * shape.reduce((a, b) => a * b, 1));
      return [name, { shape, type, data: data.toString('hex') }];
    }),
  );
  return { metadata, byName };
}

test.each(['pirate', 'json'])('convertPeft() of the %s adapter equals the given GGUF', async (name) => {
  const made = await convertPeft({
    directory: join(ROOT, `test/fixtures/lora-${name}-peft`),
    basePath: join(DEMO, 'tiny-chat-q8_0.gguf'),
    outputDir: directory,
  });
  const ours = await tensorsOf(made.path);
  const given = await tensorsOf(join(DEMO, `lora-${name}.gguf`));
  expect([...ours.byName.keys()]).toEqual([...given.byName.keys()]);
  expect(ours.byName).toEqual(given.byName);
  expect(ours.metadata.get('adapter.lora.alpha')).toBe(given.metadata.get('adapter.lora.alpha'));
});
