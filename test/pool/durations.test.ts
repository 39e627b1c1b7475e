import { describe, expect, it } from 'vitest';
import { medianMs, noDurations, noteDuration } from '../../gateway/pool/durations.ts';

describe('a book of durations', () => {
  it('remembers the last sixteen of each', () => {
    const book = noDurations();
    for (let ms = 1; ms <= 16; ms += 1) noteDuration(book, 'step', 'a', ms);
    expect(medianMs(book, 'step', 'a')).toBe(8);
    for (let at = 0; at < 9; at += 1) noteDuration(book, 'step', 'a', 100);
    expect(medianMs(book, 'step', 'a')).toBe(100);
  });

  it('gives the lower of the two in the middle, and null for what it does not know', () => {
    const book = noDurations();
    for (const ms of [30, 2, 100, 9]) noteDuration(book, 'step', 'a', ms);
    expect(medianMs(book, 'step', 'a')).toBe(9);
    expect(medianMs(book, 'step', 'b')).toBeNull();
  });

  it('forgets what was noted longest ago past 10,000', () => {
    const book = noDurations();
    for (let at = 0; at < 10_000; at += 1) noteDuration(book, 'step', `k${at}`, 1);
    noteDuration(book, 'step', 'k0', 2);
    expect(book.size).toBe(10_000);
    noteDuration(book, 'step', 'new', 1);
    expect(book.size).toBe(10_000);
    expect(medianMs(book, 'step', 'k0')).toBe(1);
    expect(medianMs(book, 'step', 'k1')).toBeNull();
    expect(medianMs(book, 'step', 'k2')).toBe(1);
  });
});
