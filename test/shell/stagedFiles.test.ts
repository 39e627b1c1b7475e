import { beforeEach, describe, expect, test } from 'vitest';
import type { CatalogueModel } from '../../gateway/domain/catalogue.ts';
import { deviceName, segmentKey } from '../../gateway/domain/ids.ts';
import type { PoolEvent as PoolFact } from '../../gateway/pool/events.ts';
import type { Stageable } from '../../gateway/pool/segments.ts';
import type { PoolEvent } from '../../gateway/ports/eventLog.ts';
import {
  type StagedFile,
  StageFailed,
  type StageOrder,
  type StageProgress,
  type WeightStore,
} from '../../gateway/ports/weightStore.ts';
import { StagedFiles } from '../../gateway/shell/weights/stagedFiles.ts';
import type { StageMeter } from '../../gateway/shell/weights/stageMeter.ts';
import { fakeModel } from '../http/fakes.ts';

const KEY = segmentKey('0'.repeat(32));
const MODEL: CatalogueModel & Stageable = {
  ...fakeModel({ id: 'tiny', path: '/nfs/tiny.gguf' }),
  segment: KEY,
};
const WORK = { threads: 2, readMs: 20, decryptMs: null, verifyMs: 5 };
const STAGED = { bytes: 1000, wallMs: 30, downloadMs: null, work: WORK };
const FILE: StagedFile = {
  ...{ path: '/s/tiny.gguf', leasePath: '/s/.lease', contentId: 'c', bytes: 1000 },
  ...{ tier: 'origin', staged: STAGED },
};
const PRESENT: StagedFile = { ...FILE, tier: 'memory', staged: null };

/** A store whose stagings go on when the test says so. */
class HeldStore implements WeightStore {
  readonly orders: StageOrder[] = [];
  tell: (progress: StageProgress) => void = () => {};
  end: (file: StagedFile) => void = () => {};
  present = false;

  stage(order: StageOrder, onProgress: (progress: StageProgress) => void): Promise<StagedFile> {
    this.orders.push(order);
    if (this.present) return Promise.resolve(PRESENT);
    this.tell = onProgress;
    return new Promise((resolve) => {
      this.end = (file) => {
        this.present = true;
        resolve(file);
      };
    });
  }
  drop = () => Promise.resolve(true);
  find = () => Promise.resolve([]);
  list = () => Promise.resolve([]);
  close = () => Promise.resolve();
}

let store: HeldStore;
let staged: StagedFiles;
let nowMs: number;
let told: PoolEvent[];
let facts: PoolFact[];

beforeEach(() => {
  store = new HeldStore();
  nowMs = 0;
  told = [];
  facts = [];
  const quiet = (): void => {};
  staged = new StagedFiles({
    store,
    origins: {
      isRemote: () => false,
      placeOf: (_, source) => source,
      bring: () => Promise.reject(new Error('nothing is remote')),
      discard: () => Promise.resolve(),
      close: () => Promise.resolve(),
    },
    dispatch: (event) => facts.push(event),
    isStaged: () => store.present,
    live: { tell: (event) => told.push(event) },
    clock: { monoMs: () => nowMs, epochMs: () => 5000 + nowMs },
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
  });
});

const progress = (bytes: number): StageProgress => ({
  step: 'stage',
  bytes,
  totalBytes: 1000,
  fraction: bytes / 1000,
});

/** Lets the order reach the store, which it does behind an earlier drop. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

async function end(file = FILE): Promise<void> {
  store.end(file);
  await settled();
}

describe('StagedFiles.stage()', () => {
  test('stage() tells how far it is, once a second and not more often', async () => {
    staged.stage(MODEL, 'prefetch');
    await settled();
    for (; nowMs <= 2000; nowMs += 100) store.tell(progress(nowMs / 10));
    expect(told.map(({ atEpochMs, detail }) => [atEpochMs, detail?.['bytes']])).toEqual([
      [5000, 0],
      [6000, 100],
      [7000, 200],
    ]);
    expect(told[2]).toEqual({
      atEpochMs: 7000,
      type: 'segment_staging',
      detail: {
        ...{ key: KEY, entry: 'tiny', book: 'bases', step: 'stage' },
        ...{ bytes: 200, totalBytes: 1000, bytesPerSecond: 100, secondsLeft: 8 },
      },
    });
  });

  test('stage() that becomes more urgent goes on where it was, in its rate too', async () => {
    staged.stage(MODEL, 'prefetch');
    await settled();
    store.tell(progress(100));
    nowMs = 900;
    staged.stage(MODEL, 'demand');
    await settled();
    store.tell(progress(190));
    nowMs = 1000;
    store.tell(progress(200));
    expect(staged.progressOf(KEY)).toMatchObject({ bytes: 200, bytesPerSecond: 100, secondsLeft: 8 });
    expect(told).toHaveLength(2);
  });

  test('stage() that has ended is no more under way, and where it came from is known', async () => {
    staged.stage(MODEL, 'demand');
    await settled();
    store.tell(progress(100));
    await end();
    expect(staged.progressOf(KEY)).toBeNull();
    expect(staged.originOf(KEY)).toEqual({ tier: 'origin', staged: STAGED });
    expect(facts).toEqual([{ type: 'segmentStaged', key: KEY, contentId: 'c', tookMs: 30 }]);
    staged.drop(KEY, 'bases');
    expect(staged.originOf(KEY)).toBeNull();
  });
});

describe('StagedFiles.place()', () => {
  test('place() waits for what is under way, and shows how far it is at once', async () => {
    staged.stage(MODEL, 'demand');
    await settled();
    store.tell(progress(300));
    const meters: StageMeter[] = [];
    const place = staged.place(MODEL, 0, (meter) => meters.push(meter));
    expect(meters[0]?.read(nowMs)).toMatchObject({ bytes: 300 });
    await end();
    expect(await place).toMatchObject({ tier: 'origin', staged: STAGED, wasAwaited: true });
    expect(store.orders).toHaveLength(1);
  });

  test('place() counts a staging that has ended since the start began as for it, though it was not waited for', async () => {
    staged.stage(MODEL, 'demand');
    nowMs = 50;
    await settled();
    await end();
    nowMs = 80;
    expect(await staged.place(MODEL, 50, () => {})).toMatchObject({
      path: FILE.path,
      tier: 'origin',
      staged: STAGED,
      wasAwaited: false,
    });
  });

  test('place() finds in memory what was staged before the start began', async () => {
    staged.stage(MODEL, 'demand');
    await settled();
    await end();
    nowMs = 80;
    const place = await staged.place(MODEL, 51, () => {});
    expect(place).toMatchObject({ tier: 'memory', staged: null, wasAwaited: false });
  });

  test('place() asks the store once for what is there, and again when it has gone or was dropped', async () => {
    staged.stage(MODEL, 'demand');
    await settled();
    await end();
    nowMs = 10;
    expect(await staged.place(MODEL, 5, () => {})).toMatchObject({ path: FILE.path, tier: 'memory' });
    expect(store.orders).toHaveLength(1);
    await staged.place(MODEL, 5, () => {}, null, true);
    expect(store.orders).toHaveLength(2);
    store.drop = () => Promise.resolve(true);
    staged.drop(KEY, 'bases');
    await staged.place(MODEL, 5, () => {});
    expect(store.orders).toHaveLength(3);
  });

  test('stage() orders a directory as a whole, and what an engine opens in it', async () => {
    const inFolder = { ...MODEL, path: '/nfs/tiny', file: 'tiny-00001-of-00002.gguf', filesBytes: 1200 };
    staged.stage(inFolder, 'prefetch');
    await settled();
    const order = { source: '/nfs/tiny', fileName: 'tiny-00001-of-00002.gguf', bytes: 1200 };
    expect(store.orders).toMatchObject([order]);
  });

  test('stage() expects a container under the name of what is in it', async () => {
    staged.stage({ ...MODEL, path: '/nfs/m-00001-of-00002.gguf.hearth', isEncrypted: true }, 'prefetch');
    await settled();
    expect(store.orders).toMatchObject([{ fileName: 'm-00001-of-00002.gguf' }]);
  });

  test('stage() waits until what was dropped before it has gone, whose room it may need', async () => {
    let gone = (_isGone: boolean): void => {};
    store.drop = () =>
      new Promise((resolve) => {
        gone = resolve;
      });
    staged.drop(segmentKey('1'.repeat(32)), 'bases');
    staged.stage(MODEL, 'demand');
    await settled();
    expect(store.orders).toEqual([]);
    gone(true);
    await settled();
    expect(store.orders).toHaveLength(1);
  });

  test('place() reads the file in a directory that the store does not have', async () => {
    const inFolder = { ...MODEL, path: '/nfs/tiny', file: 'tiny.gguf', filesBytes: 1200 };
    expect(await staged.place(inFolder, 0, () => {})).toMatchObject({ path: '/nfs/tiny/tiny.gguf' });
  });

  test('place() refuses what was not what the catalogue says, though it is asked only later', async () => {
    const held = { ...MODEL, digest: `tree:${'0'.repeat(64)}` };
    const mismatch = new StageFailed('digest_mismatch', 'expected another', true);
    store.stage = () => Promise.reject(mismatch);
    staged.stage(held, 'demand');
    await settled();
    await expect(staged.place(held, 0, () => {})).rejects.toBe(mismatch);
    const corrected = { ...held, digest: `tree:${'1'.repeat(64)}` };
    expect(await staged.place(corrected, 0, () => {})).toMatchObject({ path: '/nfs/tiny.gguf' });
  });

  test('stage() and place() say for which device the file is', async () => {
    const device = deviceName('CUDA1');
    staged.stage(MODEL, 'prefetch');
    await settled();
    staged.stage(MODEL, 'demand', device);
    await settled();
    await end();
    await staged.place(MODEL, 0, () => {}, device, true);
    expect(store.orders.map((order) => order.device)).toEqual([null, device, device]);
  });

  test('place() reads the source of what the store does not have', async () => {
    expect(await staged.place(MODEL, 0, () => {})).toEqual({
      ...{ path: '/nfs/tiny.gguf', leasePath: null, tier: 'origin', staged: null, wasAwaited: false },
    });
    expect(store.orders).toEqual([]);
  });
});
