/**
 * kill -9 of stagers and of readers at any moment: no reader ever opens a half or unverified segment, nothing leaks, the
 * accounting equals the files. `HEARTH_STORE_KILLS` says how often; 200 takes some minutes on a busy box.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { NativeStore, SweepReport } from '../../native/storeTypes.ts';
import {
  allocatedBelow,
  DISK,
  folderIn,
  isLeft,
  MEMORY,
  openStore,
  sourceFile,
} from '../native/store/harness.ts';
import { startReader } from './reader.ts';
import { type StartedStager, stageBody, startStager } from './startStager.ts';

const KILLS = Number(process.env['HEARTH_STORE_KILLS'] ?? 16);
const SOURCES = 2;
const PARTS = 3;
const SOURCE_BYTES = (9 << 20) + 321;
const TIMEOUT_MS = 30_000 + KILLS * 3_000;

const running: { end(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.end()));
});

/** What is left when all stagers are dead and a sweep has been: nothing half-made, and the books are right. */
async function expectClean(root: string, store: NativeStore): Promise<SweepReport> {
  const swept = await store.sweep();
  expect(isLeft(root, 'making')).toEqual([]);
  expect(isLeft(root, 'locks').filter((name) => name !== 'store.lock' && name !== 'demand')).toEqual([]);
  const usage = await store.usage();
  expect(usage.bases).toEqual({ segmentBytes: allocatedBelow(join(root, 'bases')), makingBytes: 0 });
  for (const key of isLeft(root, 'sources')) expect(store.lookup('bases', key)).not.toBeNull();
  return swept;
}

/** A number below `most` that is the same in every run. */
function* dice(): Generator<number, never, number> {
  let state = 12345;
  let most = yield 0;
  for (;;) {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    most = yield state % most;
  }
}

test('stagers and readers that are killed at any moment leave whole segments, right books and nothing else', {
  timeout: TIMEOUT_MS,
}, async () => {
  const root = join(folderIn(MEMORY), 'store');
  const folder = folderIn(DISK);
  const paths = Array.from({ length: SOURCES }, (_, index) =>
    sourceFile(SOURCE_BYTES, folder, `m${index}.gguf`),
  );
  // A split model is one segment of several files, named by its first.
  const [firstPart = ''] = Array.from({ length: PARTS }, (_, index) =>
    sourceFile(SOURCE_BYTES >> 3, folder, `split-0000${index + 1}-of-0000${PARTS}.gguf`),
  );
  paths.push(firstPart);
  const store = openStore(root);
  const roll = dice();
  roll.next();
  let seen = 0;
  let seenSplit = 0;
  let halfMade = 0;
  for (let kills = 0; kills < KILLS; ) {
    // One stager of the two dies while the other and the reader go on.
    const stagers = await Promise.all([startStager(root), startStager(root)]);
    const reader = startReader(root);
    running.push(...stagers, reader);
    await reader.up;
    await Promise.all(stagers.map((stager) => churn(stager, paths, roll.next(4).value)));
    const victims: (StartedStager | typeof reader)[] = [...stagers, reader];
    const first = victims[roll.next(victims.length).value] ?? reader;
    await delayed(roll.next(100).value, first.child);
    kills += 1;
    for (const victim of victims.filter((each) => each !== first)) {
      await delayed(roll.next(50).value, victim.child);
      kills += 1;
    }
    const { segments, split, faults } = await reader.report();
    expect(faults).toEqual([]);
    seen += segments;
    seenSplit += split;
    halfMade += (await expectClean(root, store)).segments;
  }
  // It did hit them at work.
  expect(seen).toBeGreaterThan(0);
  expect(halfMade).toBeGreaterThan(0);
  if (KILLS >= 64) expect(seenSplit).toBeGreaterThan(0);
  if (process.env['HEARTH_STORE_KILLS'] !== undefined)
    console.log(
      `${KILLS} kills: ${seen} segments read whole, ${seenSplit} of them split, ${halfMade} half-made swept`,
    );
});

/** Orders that overlap: staging all sources and evicting each as soon as it is there, again and again. */
async function churn(stager: StartedStager, paths: readonly string[], from: number): Promise<void> {
  for (const index of paths.keys()) {
    const path = paths[(from + index) % paths.length] ?? '';
    void cycle(stager, path);
  }
  await stager.order({ type: 'ping' });
}

async function cycle(stager: StartedStager, path: string): Promise<void> {
  try {
    for (;;) {
      const staged = await stager.begin(stageBody(path)).answer;
      if (staged.type !== 'staged') continue;
      await stager.order({ type: 'release', leaseId: staged.leaseId });
      await stager.order({ type: 'evict', tier: 'memory', book: 'bases', contentId: staged.contentId });
    }
  } catch {
    // It was killed.
  }
}

/** Kills after so many milliseconds: any moment will do, so that this is no wait for anything. */
async function delayed(ms: number, child: ChildProcess): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}
