import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { loadStoreAddon } from '../../native/loadStore.ts';
import { contentIdOf, DISK, folderIn, isLeft, MEMORY, read, sourceFile } from '../native/store/harness.ts';
import { hello, Moment, type StartedStager, spawnStager, stageBody, startStager } from './startStager.ts';

const ODD_BYTES = (13 << 20) + 777;

const started: StartedStager[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((stager) => stager.end()));
});

function keep(stager: StartedStager): StartedStager {
  started.push(stager);
  return stager;
}

const newRoot = (): string => join(folderIn(MEMORY), 'store');

test('a stager stages a file, tells progress and holds it until it is released', async () => {
  const root = newRoot();
  const stager = keep(await startStager(root, { prefetchBytesPerSecond: 40 << 20 }));
  const path = sourceFile(ODD_BYTES);
  const told: number[] = [];
  const { answer } = stager.begin(stageBody(path, { priority: 'prefetch' }), ({ bytes, readyBytes }) => {
    told.push(readyBytes);
    expect(bytes).toBe(ODD_BYTES);
  });
  const staged = await answer;
  if (staged.type !== 'staged') throw new Error(JSON.stringify(staged));
  expect([told.at(0), told.at(-1)]).toEqual([0, ODD_BYTES]);
  expect(staged).toMatchObject({ outcome: 'staged', sourceIndex: 0, bytes: ODD_BYTES });
  expect(staged.contentId).toBe(contentIdOf(read(path)));
  expect(read(join(staged.path, 'model.gguf')).equals(read(path))).toBe(true);

  const { contentId, sourceKey, leaseId } = staged;
  const segment = { tier: 'memory', book: 'bases', contentId } as const;
  expect(await stager.order({ type: 'lookup', book: 'bases', sourceKey })).toMatchObject({
    memory: contentId,
    disk: null,
  });
  expect(await stager.order({ type: 'list', tier: 'memory' })).toMatchObject({
    segments: [{ contentId, contentBytes: ODD_BYTES, inUse: true, encrypted: false }],
  });
  expect(await stager.order({ type: 'evict', ...segment })).toMatchObject({ outcome: 'busy' });
  await stager.order({ type: 'release', leaseId });
  expect(await stager.order({ type: 'evict', ...segment })).toMatchObject({ outcome: 'evicted' });
  expect(await stager.order({ type: 'acquire', ...segment })).toMatchObject({
    type: 'failed',
    failure: { code: 'absent' },
  });
  expect(await stager.order({ type: 'usage', tier: 'memory' })).toMatchObject({
    bases: { segmentBytes: 0, makingBytes: 0 },
  });
});

test('a stager answers a failure with its code, whether it is permanent and what is short', async () => {
  const root = newRoot();
  const budgets = { bases: 1 << 20, adapters: null };
  const stager = keep(await startStager(root, { memory: { root, budgets } }));
  const path = sourceFile(ODD_BYTES);
  const failureOf = async (body: Parameters<StartedStager['order']>[0]): Promise<unknown> => {
    const answer = await stager.order(body);
    return answer.type === 'failed' ? answer.failure : answer;
  };
  expect(await failureOf(stageBody(path))).toMatchObject({
    code: 'store_full',
    permanent: false,
    shortage: { budgetBytes: 1 << 20 },
  });
  expect(
    await failureOf(stageBody(path, { book: 'adapters', digest: `sha256:${'0'.repeat(64)}` })),
  ).toMatchObject({
    code: 'digest_mismatch',
    permanent: true,
  });
  expect(await failureOf(stageBody('/nonexistent'))).toMatchObject({ code: 'source_missing' });
  expect(await failureOf(stageBody(path, { tier: 'disk' }))).toMatchObject({ code: 'tier_missing' });
  expect(await failureOf(stageBody(path, { digest: 'md5:1' }))).toMatchObject({ code: 'invalid_argument' });
  expect(await failureOf({ type: 'describe', path: '/dev/null' })).toMatchObject({ code: 'source_unsafe' });
});

test('a stager reads a source once for several orders, and goes on while one of them is left', async () => {
  const stager = keep(await startStager(newRoot(), { prefetchBytesPerSecond: 1 }));
  const path = sourceFile(ODD_BYTES);
  const begun = new Moment();
  const first = stager.begin(stageBody(path, { priority: 'prefetch' }), () => begun.say());
  await begun.come;
  const { sourceKey } = await loadStoreAddon().describeSource(path);
  const second = stager.begin(stageBody(path, { priority: 'prefetch', sourceKey }));
  await stager.order({ type: 'cancel', stageSeq: first.seq });
  expect(await first.answer).toMatchObject({ type: 'failed', failure: { code: 'cancelled' } });
  expect(await stager.order({ type: 'ping' })).toMatchObject({ stagings: 1, leases: 0 });
  await stager.order({ type: 'hurry', stageSeq: second.seq });
  expect(await second.answer).toMatchObject({ type: 'staged', outcome: 'joined' });
  expect(await stager.order({ type: 'ping' })).toMatchObject({ stagings: 0, leases: 1 });
});

test('a stager lets a request hurry what it prefetches', async () => {
  const stager = keep(await startStager(newRoot(), { prefetchBytesPerSecond: 1 }));
  const path = sourceFile(ODD_BYTES);
  const prefetch = stager.begin(stageBody(path, { priority: 'prefetch' }));
  const demand = stager.begin(stageBody(path));
  const answers = await Promise.all([prefetch.answer, demand.answer]);
  const leases = answers.map((answer) => (answer.type === 'staged' ? answer.leaseId : answer));
  expect(new Set(leases).size).toBe(2);
});

test('a stager that is told to cancel at once leaves nothing', async () => {
  const root = newRoot();
  const stager = keep(await startStager(root));
  const { seq, answer } = stager.begin(stageBody(sourceFile(ODD_BYTES)));
  await stager.order({ type: 'cancel', stageSeq: seq });
  expect(await answer).toMatchObject({ type: 'failed', failure: { code: 'cancelled' } });
  const again = await stager.stage(sourceFile(5));
  expect(isLeft(root, 'bases')).toEqual([again.contentId]);
});

test('a stager takes the nearest source that has it, and the next when that is damaged', async () => {
  const disk = { root: join(folderIn(DISK), 'disk'), budgets: { bases: null, adapters: null } };
  const stager = keep(await startStager(newRoot(), { disk }));
  const path = sourceFile(ODD_BYTES);
  const first = await stager.stage(path);
  const { contentId, sourceKey } = first;
  const onDisk = { kind: 'segment', tier: 'disk', contentId } as const;
  const sources = [onDisk, { kind: 'path', path } as const];
  const evict = async (): Promise<void> => {
    const answer = await stager.order({ type: 'evict', tier: 'memory', book: 'bases', contentId });
    expect(answer).toMatchObject({ outcome: 'evicted' });
  };
  const saved = await stager.stage(path, {
    tier: 'disk',
    sourceKey,
    priority: 'prefetch',
    sources: [{ kind: 'segment', tier: 'memory', contentId }],
  });
  await stager.order({ type: 'release', leaseId: first.leaseId });
  await evict();
  const near = await stager.stage(path, { sources, sourceKey });
  expect(near).toMatchObject({ contentId, sourceIndex: 0 });
  await stager.order({ type: 'release', leaseId: near.leaseId });
  await evict();
  // Same size, other bytes: a bad sector.
  const file = join(saved.path, 'model.gguf');
  const bytes = readFileSync(file);
  bytes[5_000_000] = (bytes[5_000_000] ?? 0) ^ 1;
  rmSync(file);
  writeFileSync(file, bytes);
  expect(await stager.stage(path, { sources, sourceKey })).toMatchObject({ contentId, sourceIndex: 1 });
});

test('a stager ends with its gateway, cancels what it did and leaves nothing half-made', async () => {
  const root = newRoot();
  const stager = keep(await startStager(root, { prefetchBytesPerSecond: 1 }));
  const begun = new Moment();
  stager.begin(stageBody(sourceFile(ODD_BYTES), { priority: 'prefetch' }), () => begun.say());
  await begun.come;
  expect(isLeft(root, 'making')).toHaveLength(1);
  stager.child.stdio[3]?.destroy();
  expect(await stager.exited).toBe(0);
  expect(isLeft(root, 'making')).toEqual([]);
  expect(isLeft(root, 'locks').sort()).toEqual(['store.lock']);
});

test('a stager ends on SIGTERM with nothing half-made', async () => {
  const root = newRoot();
  const stager = keep(await startStager(root, { prefetchBytesPerSecond: 1 }));
  const begun = new Moment();
  stager.begin(stageBody(sourceFile(ODD_BYTES), { priority: 'prefetch' }), () => begun.say());
  await begun.come;
  stager.child.kill('SIGTERM');
  expect(await stager.exited).toBe(0);
  expect(isLeft(root, 'making')).toEqual([]);
});

test.each([
  ['another version', { ...hello('/nowhere'), version: 99 }, 76, 'expected protocol version'],
  ['an order before hello', { type: 'ping', seq: 1 }, 76, 'expected "hello" before it'],
  ['no message of the protocol', { type: 'dance' }, 76, 'expected a known message'],
  ['a store that cannot be', hello('/proc/nowhere'), 70, 'Cannot make the folder'],
])('a stager ends at %s and says why', async (_what, message, code, words) => {
  const stager = keep(spawnStager());
  stager.tell(message);
  expect(await stager.exited).toBe(code);
  expect(stager.log()).toContain(words);
});

test('two stagers on one store read a source once between them', async () => {
  const root = newRoot();
  const stagers = [keep(await startStager(root)), keep(await startStager(root))];
  const paths = Array.from({ length: 4 }, () => sourceFile(ODD_BYTES));
  const all = paths.flatMap((path) => stagers.map((stager) => stager.stage(path)));
  const outcomes = (await Promise.all(all)).map(({ outcome }) => outcome);
  expect(outcomes.filter((outcome) => outcome === 'staged')).toHaveLength(paths.length);
  expect(isLeft(root, 'bases')).toHaveLength(paths.length);
  expect(isLeft(root, 'making')).toEqual([]);
});

test('two stagers on one store keep to its budget together', async () => {
  const root = newRoot();
  const budgets = { bases: 3 * ODD_BYTES, adapters: null };
  const both = [root, root].map((each) => startStager(each, { memory: { root, budgets } }));
  const stagers = (await Promise.all(both)).map(keep);
  const all = stagers.flatMap((stager) =>
    Array.from({ length: 3 }, () => stager.begin(stageBody(sourceFile(ODD_BYTES))).answer),
  );
  const answers = await Promise.all(all);
  expect(answers.filter(({ type }) => type === 'staged')).toHaveLength(2);
  const full = answers.filter((answer) => answer.type === 'failed' && answer.failure.code === 'store_full');
  expect(full).toHaveLength(4);
});
