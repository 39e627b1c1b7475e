import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { downloadFolder } from '../../sources/download/downloadFolder.ts';
import type { DownloadProgress } from '../../sources/download/types.ts';
import { openOrigin } from '../../sources/openOrigin.ts';
import type { Origin, OriginFile } from '../../sources/origin.ts';

let directory = '';
let target = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hearth-folder-'));
  target = join(directory, 'target');
  await mkdir(join(directory, 'model', 'deep', 'er'), { recursive: true });
  await mkdir(target);
  await writeFile(join(directory, 'model', 'config.json'), '{}');
  await writeFile(join(directory, 'model', 'deep', 'er', 'a.gguf'), Buffer.alloc(100_000, 7));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const origin = () => openOrigin(join(directory, 'model'));

describe('downloadFolder()', () => {
  test('brings every file under its name, with progress over all of them', async () => {
    const reports: DownloadProgress[] = [];
    const files = await origin().files();
    const result = await downloadFolder(origin(), files, target, { onProgress: (now) => reports.push(now) });
    expect(result).toMatchObject({ ok: true, value: { bytes: 100_002, resumedBytes: 0 } });
    expect((await readdir(target, { recursive: true })).sort()).toEqual([
      'config.json',
      'deep',
      'deep/er',
      'deep/er/a.gguf',
    ]);
    expect((await readFile(join(target, 'deep', 'er', 'a.gguf'))).every((byte) => byte === 7)).toBe(true);
    expect(reports[0]).toMatchObject({ totalBytes: 100_002 });
    expect(reports.at(-1)).toMatchObject({ bytes: 100_002, secondsLeft: 0 });
  });

  test('keeps the files that an earlier call brought, and brings again what it cannot tell', async () => {
    const files = await origin().files();
    const blocked = join(target, 'deep');
    await writeFile(blocked, 'a file in the way');
    expect((await downloadFolder(origin(), files, target)).ok).toBe(false);
    expect((await readdir(target)).sort()).toEqual(['.complete', 'config.json', 'deep']);
    await rm(blocked);
    await writeFile(join(target, 'config.json'), 'ok');
    expect(await downloadFolder(origin(), files, target)).toMatchObject({
      ok: true,
      value: { resumedBytes: 2 },
    });
    // Had it come again, it would be as its source has it.
    expect(await readFile(join(target, 'config.json'), 'utf8')).toBe('ok');
    expect(await readdir(target)).not.toContain('.complete');
    const unversioned = files.map((file) => ({ ...file, etag: null, modifiedAtEpochMs: null }));
    await writeFile(join(target, '.complete'), '-\n');
    const again = await downloadFolder(
      { ...origin(), uri: 'x', files: origin().files, read: reading },
      unversioned,
      target,
    );
    expect(again).toMatchObject({ ok: true, value: { resumedBytes: 0 } });
    expect(await readFile(join(target, 'config.json'), 'utf8')).toBe('{}');
  });

  /** As the folder's own reading, of files that say nothing of their version. */
  async function* reading(file: OriginFile, from: number, to: number) {
    const known = (await origin().files()).find(({ name }) => name === file.name);
    if (known) yield* origin().read(known, from, to);
  }

  test('is `changed` when a file is another one since it was listed', async () => {
    const files = await origin().files();
    await writeFile(join(directory, 'model', 'deep', 'er', 'a.gguf'), 'other');
    const result = await downloadFolder(origin(), files, target);
    expect(result).toMatchObject({ ok: false, error: { code: 'changed' } });
  });

  test('is `too_large` for all files together, before a byte is written', async () => {
    const result = await downloadFolder(origin(), await origin().files(), target, { maxBytes: 100_001 });
    expect(result).toMatchObject({ ok: false, error: { code: 'too_large' } });
    expect(await readdir(target)).toEqual([]);
  });

  test.each([['../out'], ['/etc/out'], ['a', 'a.part'], ['a', 'a'], ['.complete']])(
    'refuses names such as %s',
    async (...names) => {
      const hostile: Origin = {
        uri: 'hf:acme/tiny/',
        files: async () => [],
        read: () => origin().read(file, 0, 0),
      };
      const file = { bytes: 0, etag: 'e', modifiedAtEpochMs: null, sha256: null, ranges: true, name: '' };
      const result = await downloadFolder(
        hostile,
        names.map((name) => ({ ...file, name })),
        target,
      );
      expect(result).toMatchObject({ ok: false, error: { code: 'bad_answer' } });
      expect(await readdir(target)).toEqual([]);
      expect(existsSync(join(directory, 'out'))).toBe(false);
    },
  );

  test('says where it cannot write', async () => {
    await writeFile(join(target, 'deep'), 'a file in the way');
    const result = await downloadFolder(origin(), await origin().files(), target);
    expect(result.ok || result.error.message).toContain(`Cannot write "${target}"`);
  });
});
