import { describe, expect, it } from 'vitest';
import { diceOf, roll } from '../../gateway/pool/jitter.ts';

describe('diceOf()', () => {
  it('is the 32-bit FNV-1a of a text', () => {
    // Test vectors of the authors (http://www.isthe.com/chongo/tech/comp/fnv/).
    expect(diceOf('').seed).toBe(0x811c9dc5);
    expect(diceOf('a').seed).toBe(0xe40c292c);
    expect(diceOf('foobar').seed).toBe(0xbf9cf968);
  });
});

describe('roll()', () => {
  it('gives the numbers of mulberry32', () => {
    const dice = { seed: 1 };
    expect([roll(dice), roll(dice), roll(dice)]).toEqual([
      0.6270739405881613, 0.002735721180215478, 0.5274470399599522,
    ]);
  });

  it('spreads evenly from 0 to 1', () => {
    const dice = diceOf('t');
    const tenths = Array.from({ length: 10 }, () => 0);
    for (let at = 0; at < 10_000; at += 1) {
      const tenth = Math.floor(roll(dice) * 10);
      tenths[tenth] = (tenths[tenth] ?? 0) + 1;
    }
    for (const count of tenths) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});
