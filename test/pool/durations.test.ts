import { describe, expect, it } from 'vitest';
import { medianMs, noDurations, noteDuration } from '../../gateway/pool/durations.ts';

describe('a book of durations', () => {
  it('remembers the last sixteen of each', () => {
    const book = noDurations();
    for (let ms = 1; ms <= 16; ms += 1) noteDuration(book, 'a', ms);
    expect(medianMs(book, 'a')).toBe(8);
    for (let at = 0; at < 9; at += 1) noteDuration(book, 'a', 100);
    expect(medianMs(book, 'a')).toBe(100);
  });

  it('gives the lower of the two in the middle, and null for what it does not know', () => {
    const book = noDurations();
    for (const ms of [30, 2, 100, 9]) noteDuration(book, 'a', ms);
    expect(medianMs(book, 'a')).toBe(9);
    expect(medianMs(book, 'b')).toBeNull();
  });

  it('forgets what was noted longest ago past 10,000', () => {
    const book = noDurations();
    for (let at = 0; at < 10_000; at += 1) noteDuration(book, `k${at}`, 1);
    noteDuration(book, 'k0', 2);
    expect(book.rings.size).toBe(10_000);
    noteDuration(book, 'new', 1);
    expect(book.rings.size).toBe(10_000);
    expect(medianMs(book, 'k0')).toBe(1);
    expect(medianMs(book, 'k1')).toBeNull();
    expect(medianMs(book, 'k2')).toBe(1);
  });
});
