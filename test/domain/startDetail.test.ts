import { describe, expect, test } from 'vitest';
import { type FileOrigin, rateOf, type StageDetail, startDetail } from '../../gateway/domain/startDetail.ts';

const WORK = { threads: 4, readMs: 40, decryptMs: null, verifyMs: 10 };
const STAGED: StageDetail = { bytes: 1000, wallMs: 20, downloadMs: null, work: WORK };
const HERE: FileOrigin = { tier: 'memory', staged: null };
const DISK: FileOrigin = { tier: 'disk', staged: STAGED };
const FAR: FileOrigin = { tier: 'origin', staged: { ...STAGED, wallMs: 50, downloadMs: 30 } };

describe('startDetail()', () => {
  test('startDetail() of a start that read nothing is null', () => {
    expect(startDetail(null, [], null)).toBeNull();
  });

  test("startDetail() has the base's tier, whatever its adapters came from", () => {
    expect(startDetail(HERE, [FAR], null)).toMatchObject({ tier: 'memory', staged: { bytes: 1000 } });
  });

  test('startDetail() of an attach has the slowest tier of its adapters', () => {
    expect(startDetail(null, [HERE, DISK], null)?.tier).toBe('disk');
    expect(startDetail(null, [DISK, FAR, HERE], null)?.tier).toBe('origin');
  });

  test('startDetail() does not guess a tier that is not known of one', () => {
    const unknown = { tier: null, staged: { ...STAGED, work: null } };
    expect(startDetail(null, [HERE, unknown], null)).toEqual({
      tier: null,
      staged: unknown.staged,
      upload: null,
    });
  });

  test('startDetail() adds up bytes and threads’ times, and takes the longest wall time', () => {
    const sealed = { ...STAGED, work: { threads: 2, readMs: 5, decryptMs: 7, verifyMs: 1 } };
    expect(startDetail(FAR, [DISK, { tier: 'origin', staged: sealed }], null)?.staged).toEqual({
      bytes: 3000,
      wallMs: 50,
      downloadMs: 30,
      work: { threads: 4, readMs: 85, decryptMs: 7, verifyMs: 21 },
    });
  });
});

test('rateOf() is in bytes a second, and null for no time', () => {
  expect(rateOf(2_000_000, 500)).toBe(4_000_000);
  expect(rateOf(1, 0)).toBeNull();
});
