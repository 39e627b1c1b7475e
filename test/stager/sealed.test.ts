import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { contentIdOf, DISK, folderIn, isLeft, MEMORY, read, sourceFile } from '../native/store/harness.ts';
import { KEY, KEY_NAME, sealed, sealedFile } from '../native/store/sealed.ts';
import { hello, type StartedStager, spawnStager, stageBody, startStager } from './startStager.ts';

const ODD_BYTES = (9 << 20) + 777;
const KEYS = [{ name: KEY_NAME, key: KEY.toString('base64') }];

const started: StartedStager[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((stager) => stager.end()));
});

async function start(
  root = join(folderIn(MEMORY), 'store'),
  disk: string | null = null,
): Promise<StartedStager> {
  const budgets = { bases: null, adapters: null };
  const stager = await startStager(root, { disk: disk === null ? null : { root: disk, budgets } });
  started.push(stager);
  return stager;
}

/** No form of the key, nor a part of it that tells it. */
function expectNoKey(text: string, key: Buffer = KEY): void {
  expect(text).not.toContain(key.toString('hex'));
  expect(text).not.toContain(key.toString('base64').slice(0, 20));
  expect(text).not.toContain(key.toString('latin1'));
}

test('a stager names the key that it misses, and stages with it', async () => {
  const stager = await start();
  const plain = sourceFile(ODD_BYTES);
  const path = await sealed(plain);
  expect(await stager.order({ type: 'describe', path })).toMatchObject({
    encrypted: true,
    keyName: KEY_NAME,
  });
  expect(await stager.order(stageBody(path))).toMatchObject({
    type: 'failed',
    failure: { code: 'key_required', keyName: KEY_NAME, permanent: true },
  });
  const staged = await stager.stage(path, { keys: KEYS });
  expect(staged).toMatchObject({
    outcome: 'staged',
    encrypted: true,
    fileName: 'model.gguf',
    bytes: ODD_BYTES,
  });
  expect(staged.contentId).toBe(contentIdOf(read(plain)));
  expect(read(join(staged.path, 'model.gguf')).equals(read(plain))).toBe(true);
  // What is there needs no key.
  expect(await stager.stage(path)).toMatchObject({ outcome: 'present', encrypted: true });
});

test('a stager stages a split model of containers, keeps them as they are on the disk, and opens them from there', async () => {
  const diskRoot = join(folderIn(DISK), 'disk');
  const stager = await start(undefined, diskRoot);
  const folder = folderIn(MEMORY);
  const names = ['m-00001-of-00002.gguf', 'm-00002-of-00002.gguf'];
  const plain = names.map((name, index) => {
    const bytes = randomBytes(ODD_BYTES + index);
    writeFileSync(join(folder, name), bytes);
    return bytes;
  });
  for (const name of names) await sealed(join(folder, name));
  const path = join(folder, `${names[0]}.hearth`);
  const staged = await stager.stage(path, { keys: KEYS });
  expect(staged).toMatchObject({ encrypted: true, fileName: null, bytes: 2 * ODD_BYTES + 1 });
  const { contentId, sourceKey } = staged;
  const kept = await stager.stage(path, { tier: 'disk', sourceKey, keys: KEYS });
  expect(kept.contentId).toBe(contentId);
  for (const name of names)
    expect(read(join(kept.path, `${name}.hearth`)).equals(read(join(folder, `${name}.hearth`)))).toBe(true);
  await stager.order({ type: 'release', leaseId: staged.leaseId });
  await stager.order({ type: 'evict', tier: 'memory', book: 'bases', contentId });
  rmSync(join(folder, `${names[1]}.hearth`));
  const sources = [{ kind: 'segment', tier: 'disk', contentId } as const];
  const again = await stager.stage(path, { sources, sourceKey, keys: KEYS });
  expect(again).toMatchObject({ contentId, from: 'disk' });
  for (const [index, name] of names.entries())
    expect(read(join(again.path, name)).equals(plain[index] ?? Buffer.alloc(0))).toBe(true);
});

test('a stager serves an order that brings the key beside one that does not', async () => {
  const stager = await start();
  const path = await sealedFile(ODD_BYTES);
  const without = stager.order(stageBody(path));
  const withKey = stager.order(stageBody(path, { keys: KEYS }));
  expect(await withKey).toMatchObject({ type: 'staged' });
  const answer = await without;
  if (answer.type === 'failed') expect(answer.failure.code).toBe('key_required');
  else expect(answer).toMatchObject({ type: 'staged', outcome: 'joined' });
});

test('a stager keeps keys out of its answers and its log, whatever is wrong', async () => {
  const root = join(folderIn(MEMORY), 'store');
  const stager = await start(root);
  const wrong = randomBytes(32);
  const path = await sealedFile(ODD_BYTES);
  const answers = [
    await stager.order(stageBody(path, { keys: [{ name: KEY_NAME, key: wrong.toString('base64') }] })),
    await stager.order(stageBody('/nonexistent', { keys: KEYS })),
    await stager.order(stageBody(path, { keys: KEYS, digest: `tree:${'0'.repeat(32)}` })),
    await stager.order(stageBody(path, { keys: KEYS, digest: 'md5:0' })),
  ];
  const codes = answers.map((answer) => answer.type === 'failed' && answer.failure.code);
  expect(codes).toEqual(['wrong_key', 'source_missing', 'digest_mismatch', 'invalid_argument']);
  expect(isLeft(root, 'bases')).toEqual([]);
  for (const key of [KEY, wrong]) expectNoKey(JSON.stringify(answers) + stager.log(), key);
});

test.each([
  ['a key of another length', { name: 'a', key: KEY.subarray(1).toString('base64') }],
  ['a key in hexadecimal digits', { name: 'a', key: KEY.toString('hex') }],
])('a stager ends at %s and does not repeat it', async (_what, key) => {
  const stager = spawnStager();
  started.push(stager);
  stager.tell(hello(join(folderIn(MEMORY), 'store')));
  await stager.ready;
  stager.tell({ ...stageBody('/nonexistent'), seq: 1, keys: [key] });
  expect(await stager.exited).toBe(76);
  expect(stager.log()).toContain('keys.0.key');
  expect(stager.log()).not.toContain(key.key);
});

test('a stager asks for the key of a copy on disk, also when the origin has gone', async () => {
  const disk = join(folderIn(DISK), 'disk');
  const stager = await start(undefined, disk);
  const path = await sealedFile(ODD_BYTES);
  const saved = await stager.stage(path, { tier: 'disk', keys: KEYS });
  const { contentId, sourceKey } = saved;
  expect(read(join(saved.path, 'model.gguf.hearth')).equals(read(path))).toBe(true);
  const sources = [
    { kind: 'segment', tier: 'disk', contentId } as const,
    { kind: 'path', path: '/nonexistent' } as const,
  ];
  const body = stageBody(path, { sources, sourceKey });
  expect(await stager.order(body)).toMatchObject({ failure: { code: 'key_required', keyName: KEY_NAME } });
  expect(await stager.order({ ...body, keys: KEYS })).toMatchObject({
    type: 'staged',
    contentId,
    sourceIndex: 0,
  });
});
