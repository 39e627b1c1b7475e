import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countBefore, emptyLine, enter, firstMs, type Line, quit } from '../../gateway/pool/line.ts';

function lineOf(...places: readonly (readonly [string, number])[]): Line<string> {
  const line = emptyLine<string>();
  for (const [item, placeMs] of places) enter(line, item, placeMs);
  return line;
}

describe('enter()', () => {
  it('keeps a line in the order of its places, whenever they come', () => {
    const line = lineOf(['late', 30], ['first', 10], ['middle', 20]);
    expect(line.items).toEqual(['first', 'middle', 'late']);
    expect(line.placesMs).toEqual([10, 20, 30]);
  });

  it('puts what comes behind all of the same place', () => {
    expect(lineOf(['a', 10], ['b', 10], ['c', 20], ['d', 10], ['e', 20]).items).toEqual([
      'a',
      'b',
      'd',
      'c',
      'e',
    ]);
  });

  it('sorts as a stable sort does', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9 })), (places) => {
        const named = places.map((placeMs, at) => [`${at}`, placeMs] as const);
        const sorted = named.toSorted((a, b) => a[1] - b[1]);
        expect(lineOf(...named).items).toEqual(sorted.map(([item]) => item));
      }),
    );
  });
});

describe('quit()', () => {
  it('takes out the one that is meant of those at one place', () => {
    const line = lineOf(['a', 10], ['b', 10], ['c', 10], ['d', 20]);
    quit(line, 'b', 10);
    expect(line.items).toEqual(['a', 'c', 'd']);
    expect(line.placesMs).toEqual([10, 10, 20]);
  });

  it('throws rather than take out another one', () => {
    const line = lineOf(['a', 10], ['b', 20]);
    const message = 'Cannot leave a line at 10 ms: nothing such stands there';
    expect(() => quit(line, 'b', 10)).toThrow(message);
    expect(() => quit(line, 'b', 30)).toThrow('Cannot leave a line at 30 ms: nothing such stands there');
    expect(line.items).toEqual(['a', 'b']);
  });
});

describe('countBefore()', () => {
  it('counts those before a place, not those at it', () => {
    const { placesMs } = lineOf(['a', 10], ['b', 20], ['c', 20], ['d', 30]);
    expect([5, 10, 15, 20, 25, 30, 35].map((placeMs) => countBefore(placesMs, placeMs))).toEqual([
      0, 0, 1, 1, 3, 3, 4,
    ]);
  });
});

describe('firstMs()', () => {
  it('is the first place, and later than any of an empty line', () => {
    expect(firstMs(lineOf(['b', 20], ['a', 10]))).toBe(10);
    expect(firstMs(emptyLine())).toBe(Number.POSITIVE_INFINITY);
  });
});
