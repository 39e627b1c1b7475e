import { describe, expect, test } from 'vitest';
import { closingLine, summarise } from '../../scripts/test-summary.mjs';

const result = (state: 'passed' | 'failed' | 'skipped' | 'pending', name = 'a test', note?: string) => ({
  file: 'test/a.test.ts',
  name,
  state,
  note,
});

describe('summarise()', () => {
  test('counts what passed and what failed', () => {
    const run = { tests: [result('passed'), result('passed'), result('failed')], errors: [] };
    expect(summarise(run, 1)).toMatchObject({ passed: 2, failed: 1, skipped: 0 });
  });

  test('counts a skipped test as failed', () => {
    const run = { tests: [result('passed'), result('skipped', 'later')], errors: [] };
    expect(summarise(run, 0)).toMatchObject({ passed: 1, failed: 1, skipped: 0 });
  });

  test.each([
    ['its note', result('skipped', 'uploads a tensor', 'needs a GPU')],
    ['its name', result('skipped', 'stage() binds pages (needs two NUMA nodes)')],
  ])('excuses a skipped test when %s names missing hardware', (_where, skipped) => {
    expect(summarise({ tests: [result('passed'), skipped], errors: [] }, 0)).toMatchObject({
      failed: 0,
      skipped: 1,
    });
  });

  test('does not excuse a skipped test that only mentions hardware', () => {
    const run = { tests: [result('passed'), result('skipped', 'tells the GPU from the CPU')], errors: [] };
    expect(summarise(run, 0).failed).toBe(1);
  });

  test('does not count what a name filter left out', () => {
    const run = { tests: [result('passed'), result('skipped')], errors: [] };
    expect(summarise(run, 0, { filtered: true })).toMatchObject({ passed: 1, failed: 0 });
  });

  test('counts errors outside of tests, and a test that never ended', () => {
    const run = { tests: [result('passed'), result('pending')], errors: ['test/b.test.ts: cannot load'] };
    expect(summarise(run, 1)).toMatchObject({ passed: 1, failed: 2 });
  });

  test('fails a run without a report, without a test, or with a bad end', () => {
    expect(summarise(null, 0).failed).toBe(1);
    expect(summarise({ tests: [], errors: [] }, 0).failed).toBe(1);
    expect(summarise({ tests: [result('passed')], errors: [] }, 1).failed).toBe(1);
  });
});

describe('closingLine()', () => {
  test('names skipped tests only when there are any', () => {
    expect(closingLine({ passed: 3, failed: 0, skipped: 0 })).toBe('3 passed, 0 failed');
    expect(closingLine({ passed: 3, failed: 1, skipped: 2 })).toBe('3 passed, 1 failed, 2 skipped');
  });
});
