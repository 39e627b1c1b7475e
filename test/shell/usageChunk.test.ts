import { expect, test } from 'vitest';
import { usageChunk } from '../../gateway/shell/usageChunk.ts';
import { requestRecord } from '../fakes/records.ts';

const hearthOf = (changes: Parameters<typeof requestRecord>[1]) =>
  JSON.parse(usageChunk(requestRecord('q', changes), null).slice('data: '.length)).hearth;

test('usageChunk() tells what a staging and an upload took, in figures that say what they are', () => {
  const work = { threads: 8, readMs: 1500.12345, decryptMs: 20, verifyMs: 300 };
  const hearth = hearthOf({
    startKind: 'cold',
    startDetail: {
      tier: 'origin',
      staged: { bytes: 4e9, wallMs: 2000, downloadMs: 1000.5, work },
      upload: { bytes: 4e9, tookMs: 100 },
    },
  });
  expect(hearth).toMatchObject({
    start: 'cold',
    tier: 'origin',
    staging: {
      bytes: 4e9,
      took_ms: 2000,
      bytes_per_second: 2e9,
      download_ms: 1000.5,
      threads: 8,
      thread_ms: { read: 1500.123, decrypt: 20, verify: 300 },
    },
    upload: { bytes: 4e9, took_ms: 100, bytes_per_second: 40e9 },
  });
});

test('usageChunk() leaves out what was not needed', () => {
  expect(Object.keys(hearthOf({}))).toEqual([
    'request_id',
    'combo',
    'start',
    'joined',
    'runner',
    'phases_ms',
    'ttft_ms',
    'total_ms',
    'cost_micro_usd',
  ]);
  const plain = { threads: 1, readMs: 1, decryptMs: null, verifyMs: 1 };
  const staged = { bytes: 1, wallMs: 0, downloadMs: null, work: plain };
  const hearth = hearthOf({ startDetail: { tier: null, staged, upload: null } });
  expect(hearth).not.toHaveProperty('tier');
  expect(hearth).not.toHaveProperty('upload');
  expect(hearth.staging).toEqual({
    bytes: 1,
    took_ms: 0,
    bytes_per_second: null,
    threads: 1,
    thread_ms: { read: 1, verify: 1 },
  });
  const joined = { ...staged, work: null };
  expect(hearthOf({ startDetail: { tier: null, staged: joined, upload: null } }).staging).toEqual({
    bytes: 1,
    took_ms: 0,
    bytes_per_second: null,
  });
});
