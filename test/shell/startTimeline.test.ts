import { beforeEach, describe, expect, test } from 'vitest';
import { comboKey, comboName, runnerId } from '../../gateway/domain/ids.ts';
import { startRecord } from '../../gateway/shell/startRecord.ts';
import { StartTimeline } from '../../gateway/shell/startTimeline.ts';
import type { UploadView } from '../../gateway/shell/uploadView.ts';
import type { FilePlace } from '../../gateway/shell/weights/stagedFiles.ts';
import { StageMeter } from '../../gateway/shell/weights/stageMeter.ts';

const ID = runnerId('r_1');
const KEY = comboKey('a+x#1.2');
const STAGED = {
  bytes: 100,
  wallMs: 30,
  downloadMs: null,
  work: { threads: 2, readMs: 20, decryptMs: null, verifyMs: 5 },
};
const IN_STORE: FilePlace = {
  path: '/s/a',
  leasePath: '/s/.lease',
  tier: 'memory',
  staged: null,
  wasAwaited: false,
};
const FROM_ORIGIN: FilePlace = { ...IN_STORE, tier: 'origin', staged: STAGED, wasAwaited: true };
const AT_SOURCE: FilePlace = {
  path: '/nfs/a',
  leasePath: null,
  tier: 'origin',
  staged: null,
  wasAwaited: false,
};
const UPLOAD: UploadView = {
  path: 'threaded',
  reason: null,
  bytes: 500,
  plain_bytes: 1,
  took_ms: 2,
  bytes_per_second: 250_000,
  threads: 8,
  check: null,
  differing: 0,
};

let timeline: StartTimeline;

beforeEach(() => {
  timeline = new StartTimeline();
  timeline.spawned(ID, 0);
  timeline.up(ID, 10);
});

function meterAt(bytes: number): StageMeter {
  const meter = new StageMeter();
  meter.observe({ step: 'stage', bytes, totalBytes: 100, fraction: bytes / 100 }, 0);
  return meter;
}

function load(place: FilePlace, upload: UploadView | null = null): void {
  if (place.wasAwaited) timeline.staging(ID, 10);
  timeline.staged(ID, place, 40);
  timeline.loaded(ID, upload, 60);
}

function attach(places: readonly FilePlace[]): void {
  timeline.attachOrdered(ID, KEY, 60);
  timeline.adaptersPlaced(ID, KEY, places, 80);
  timeline.attached(ID, KEY, 5, places.length > 0, 90);
}

describe('StartTimeline.intervals()', () => {
  test("intervals() has an adapter's staging as stage, and the rest of its attach as attach", () => {
    load(FROM_ORIGIN);
    attach([IN_STORE, FROM_ORIGIN]);
    const intervals = timeline.intervals(ID, KEY, 90);
    expect(intervals.map(({ phase, startMonoMs, endMonoMs }) => [phase, startMonoMs, endMonoMs])).toEqual([
      ['spawn', 0, 10],
      ['stage', 10, 40],
      ['load', 40, 60],
      ['stage', 60, 80],
      ['attach', 80, 85],
      ['context', 85, 90],
    ]);
    expect(startRecord(comboName('a+x'), 'cold', 60, intervals)).toMatchObject({
      phasesMs: { spawn: 10, stage: 50, load: 20, attach: 5, context: 5 },
      totalMs: 90,
    });
    expect(startRecord(comboName('a+x'), 'attach', 60, intervals)).toMatchObject({ totalMs: 30 });
  });

  test('intervals() has no stage where the adapters are in the store', () => {
    load(IN_STORE);
    attach([IN_STORE]);
    const phases = timeline.intervals(ID, KEY, 90).map(({ phase }) => phase);
    expect(phases).toEqual(['spawn', 'load', 'attach', 'context']);
  });

  test('intervals() counts what is still on its way as stage', () => {
    load(IN_STORE);
    timeline.attachOrdered(ID, KEY, 60);
    timeline.adaptersStaging(ID, KEY, meterAt(0));
    expect(timeline.intervals(ID, KEY, 75).at(-1)).toEqual({
      phase: 'stage',
      startMonoMs: 60,
      endMonoMs: 75,
    });
  });
});

describe('StartTimeline.startDetail()', () => {
  test('startDetail() has what was staged while the process came up, which is no phase', () => {
    load({ ...FROM_ORIGIN, wasAwaited: false });
    attach([{ ...FROM_ORIGIN, wasAwaited: false }]);
    expect(timeline.startDetail(ID, KEY, 'cold')).toMatchObject({ tier: 'origin', staged: { bytes: 200 } });
    const phases = timeline.intervals(ID, KEY, 90).map(({ phase }) => phase);
    expect(phases).toEqual(['spawn', 'load', 'attach', 'context']);
  });

  test('startDetail() of a start from nothing has the base, the adapters and the upload', () => {
    load(FROM_ORIGIN, UPLOAD);
    attach([FROM_ORIGIN]);
    expect(timeline.startDetail(ID, KEY, 'cold')).toEqual({
      tier: 'origin',
      staged: {
        bytes: 200,
        wallMs: 30,
        downloadMs: null,
        work: { ...STAGED.work, readMs: 40, verifyMs: 10 },
      },
      upload: { bytes: 500, tookMs: 2 },
    });
  });

  test('startDetail() of an attach leaves out what the base took, and of warm there is nothing', () => {
    load(FROM_ORIGIN, UPLOAD);
    attach([IN_STORE]);
    expect(timeline.startDetail(ID, KEY, 'attach')).toEqual({ tier: 'memory', staged: null, upload: null });
    expect(timeline.startDetail(ID, KEY, 'warm')).toBeNull();
  });

  test('startDetail() of a wake finds in memory what the runner has from the store', () => {
    load(FROM_ORIGIN, UPLOAD);
    timeline.waking(ID, 100);
    timeline.loaded(ID, UPLOAD, 110);
    expect(timeline.startDetail(ID, KEY, 'wake')).toMatchObject({ tier: 'memory', staged: null });
  });

  test('startDetail() of a wake stays with the origin of what was never in the store', () => {
    load(AT_SOURCE);
    timeline.waking(ID, 100);
    expect(timeline.startDetail(ID, KEY, 'wake')).toMatchObject({ tier: 'origin', staged: null });
  });

  test('startDetail() knows nothing of what an earlier gateway has loaded', () => {
    timeline.adopted(ID, true, 0);
    expect(timeline.startDetail(ID, KEY, 'wake')).toBeNull();
    expect(timeline.upload(ID)).toBeNull();
  });

  test('startDetail() has no upload whose check failed', () => {
    load(IN_STORE, { ...UPLOAD, path: 'plain', reason: 'x', check: 'failed', differing: 1 });
    expect(timeline.startDetail(ID, KEY, 'staged')).toEqual({ tier: 'memory', staged: null, upload: null });
    expect(timeline.upload(ID)?.check).toBe('failed');
  });
});

describe('StartTimeline.downloads()', () => {
  const downloaded = (wallMs: number, downloadMs: number): FilePlace => ({
    ...FROM_ORIGIN,
    staged: { ...STAGED, wallMs, downloadMs },
  });

  test('downloads() has the first part of what was staged, of the base and of the adapter that took longest', () => {
    load(downloaded(25, 20));
    attach([downloaded(8, 1), downloaded(15, 12), FROM_ORIGIN]);
    expect(timeline.downloads(ID, KEY, 'cold')).toEqual([
      { startMonoMs: 15, endMonoMs: 35 },
      { startMonoMs: 65, endMonoMs: 77 },
    ]);
    expect(timeline.downloads(ID, KEY, 'attach')).toEqual([{ startMonoMs: 65, endMonoMs: 77 }]);
    expect(timeline.downloads(ID, KEY, 'warm')).toEqual([]);
  });

  test('downloads() has none where nothing was downloaded, or nobody had to wait for it', () => {
    load({ ...downloaded(25, 20), wasAwaited: false });
    attach([FROM_ORIGIN, IN_STORE]);
    expect(timeline.downloads(ID, KEY, 'cold')).toEqual([]);
    timeline.waking(ID, 100);
    expect(timeline.downloads(ID, KEY, 'wake')).toEqual([]);
  });
});

describe('StartTimeline.startProgress()', () => {
  test('startProgress() goes from the staging to the load', () => {
    timeline.staging(ID, 10);
    expect(timeline.startProgress(ID, KEY, 20)).toEqual({ fraction: 0, staging: null });
    timeline.stagingProgress(ID, meterAt(50));
    expect(timeline.startProgress(ID, KEY, 20)).toMatchObject({ fraction: 0.45, staging: { bytes: 50 } });
    timeline.staged(ID, FROM_ORIGIN, 40);
    timeline.progress(ID, 0.5);
    expect(timeline.startProgress(ID, KEY, 50)).toEqual({ fraction: 0.95, staging: null });
  });

  test('startProgress() of an attach is that of the adapter that is farthest behind', () => {
    load(IN_STORE);
    timeline.attachOrdered(ID, KEY, 60);
    for (const bytes of [80, 20]) timeline.adaptersStaging(ID, KEY, meterAt(bytes));
    expect(timeline.startProgress(ID, KEY, 70)).toMatchObject({ fraction: 0.2, staging: { bytes: 20 } });
  });
});
