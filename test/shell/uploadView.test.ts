import { describe, expect, test } from 'vitest';
import { runnerId } from '../../gateway/domain/ids.ts';
import { tellUpload } from '../../gateway/shell/tellUpload.ts';
import { uploadDetail, uploadView } from '../../gateway/shell/uploadView.ts';
import { MemoryEventLog } from '../fakes/memoryEventLog.ts';

const REPORT = {
  tensors: 3,
  bytes: 8_000_000,
  plainBytes: 100,
  lanes: 12,
  ringBytes: 1,
  openMs: 1,
  copyMs: 6,
  drainMs: 1,
  checkMs: 50,
  checked: false,
  differing: 0,
};
const NOTHING = {
  ...REPORT,
  tensors: 0,
  bytes: 0,
  plainBytes: 0,
  lanes: 0,
  openMs: 0,
  copyMs: 0,
  drainMs: 0,
};

describe('uploadView()', () => {
  test('uploadView() counts the time of the upload, and not that of its check', () => {
    expect(uploadView({ ...REPORT, checked: true })).toEqual({
      path: 'threaded',
      reason: null,
      bytes: 8_000_000,
      plain_bytes: 100,
      took_ms: 8,
      bytes_per_second: 1_000_000_000,
      threads: 12,
      check: 'passed',
      differing: 0,
    });
    expect(uploadView(REPORT)?.check).toBeNull();
  });

  test('uploadView() of a check that failed is the plain path, with the reason', () => {
    const view = uploadView({ ...REPORT, checked: true, differing: 2 });
    expect(view).toMatchObject({ path: 'plain', check: 'failed', differing: 2 });
    expect(view?.reason).toContain('was not what the file has');
    expect(uploadDetail(view)).toBeNull();
  });

  test('uploadView() passes on why it was plain', () => {
    expect(uploadView({ ...NOTHING, plainReason: 'it is turned off' })).toMatchObject({
      path: 'plain',
      reason: 'it is turned off',
      bytes_per_second: null,
      check: null,
    });
    expect(uploadView({ ...NOTHING, plainBytes: 7 })).toMatchObject({
      path: 'plain',
      reason: 'no tensor is large enough for threads',
    });
  });

  test('uploadView() is null where nothing is for a device', () => {
    expect(uploadView(NOTHING)).toBeNull();
    expect(uploadView(undefined)).toBeNull();
  });
});

describe('tellUpload()', () => {
  function told(report: typeof REPORT) {
    const events = new MemoryEventLog();
    const warnings: string[] = [];
    const quiet = (): void => {};
    const log = {
      debug: quiet,
      info: quiet,
      error: quiet,
      warn: (_: object, text: string) => warnings.push(text),
    };
    const clock = { monoMs: () => 0, epochMs: () => 7 };
    const view = uploadView(report);
    if (view) tellUpload(runnerId('r_1'), 'tiny', view, { events, clock, log });
    return { events: events.events, warnings };
  }

  test('tellUpload() writes one event down', () => {
    const { events, warnings } = told({ ...REPORT, checked: true });
    const detail = { base: 'tiny', path: 'threaded', bytes: 8_000_000, bytesPerSecond: 1e9, check: 'passed' };
    expect(events).toMatchObject([{ atEpochMs: 7, type: 'weights_uploaded', runnerId: 'r_1', detail }]);
    expect(warnings).toEqual([]);
  });

  test('tellUpload() warns of a check that failed', () => {
    const { events, warnings } = told({ ...REPORT, checked: true, differing: 2 });
    expect(events[1]).toMatchObject({
      type: 'upload_check_failed',
      runnerId: 'r_1',
      detail: { base: 'tiny', differing: 2, level: 'warning' },
    });
    expect(warnings).toEqual(['threaded upload failed its check, weights were loaded again plainly']);
  });
});
