import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { localFailure, SourceError } from '../../sources/errors.ts';
import { openOrigin } from '../../sources/openOrigin.ts';

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hearth-local-'));
  await mkdir(join(directory, 'model', 'sub'), { recursive: true });
  await writeFile(join(directory, 'model', 'config.json'), '{}');
  await writeFile(join(directory, 'model', 'sub', 'a.gguf'), 'weights');
  await symlink('sub/a.gguf', join(directory, 'model', 'link.gguf'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function textOf(reading: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of reading) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

test('a folder on this machine is all files below it', async () => {
  const origin = openOrigin(join(directory, 'model'));
  const files = await origin.files();
  expect(files.map(({ name, bytes }) => [name, bytes])).toEqual([
    ['config.json', 2],
    ['link.gguf', 7],
    ['sub/a.gguf', 7],
  ]);
  const [, , weights] = files;
  expect(weights && (await textOf(origin.read(weights, 2, 5)))).toBe('igh');
  expect(weights && (await textOf(origin.read(weights, 7, 7)))).toBe('');
});

test('a file on this machine that was written again is `changed`', async () => {
  const path = join(directory, 'one.gguf');
  await writeFile(path, 'before');
  const origin = openOrigin(path);
  const [file] = await origin.files();
  await writeFile(path, 'afterwards');
  await expect(textOf(origin.read(file!, 0, 3))).rejects.toMatchObject({ code: 'changed' });
});

test('a path with nothing there is `not_found`, a reading that is stopped `cancelled`', async () => {
  await expect(openOrigin(join(directory, 'none')).files()).rejects.toMatchObject({ code: 'not_found' });
  const origin = openOrigin(join(directory, 'model', 'config.json'));
  const [file] = await origin.files();
  await expect(textOf(origin.read(file!, 0, 2, AbortSignal.abort()))).rejects.toMatchObject({
    code: 'cancelled',
  });
});

test.each([
  ['ENOSPC', 'no_space'],
  ['EDQUOT', 'no_space'],
  ['ENOENT', 'not_found'],
  ['EACCES', 'forbidden'],
  ['EIO', 'io'],
])('localFailure() takes %s for %s and names the action', (code, expected) => {
  const failure = localFailure('write "/a"', Object.assign(new Error('no'), { code }));
  expect(failure).toMatchObject({ code: expected });
  expect(failure.message).toContain('Cannot write "/a": ');
  expect(localFailure('again', failure)).toBe(failure);
  expect(failure).toBeInstanceOf(SourceError);
});
