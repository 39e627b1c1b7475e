import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatCoreList, parseCoreList } from '../../runner/protocol/coreList.ts';

describe('parseCoreList()', () => {
  it('reads what the kernel writes', () => {
    expect(parseCoreList('0-3,8,10-11\n')).toEqual([0, 1, 2, 3, 8, 10, 11]);
    expect(parseCoreList('5')).toEqual([5]);
  });

  it('reads a node without cores as none', () => {
    expect(parseCoreList('\n')).toEqual([]);
  });

  it.each([
    'x',
    '0-',
    '-1',
    '3-1',
    '0,,1',
    '0 1',
    '0-3;5',
    '0x1',
    '1e3',
    '0-99999999999',
    '70000',
    '0-3:1/2',
  ])('refuses %j', (text) => {
    expect(parseCoreList(text)).toBeNull();
  });

  it('reads what formatCoreList() has written', () => {
    const cores = fc.uniqueArray(fc.integer({ min: 0, max: 300 })).map((some) => some.sort((a, b) => a - b));
    const isReadBack = fc.property(cores, (some) => {
      expect(parseCoreList(formatCoreList(some))).toEqual(some);
    });
    fc.assert(isReadBack);
  });
});

describe('formatCoreList()', () => {
  it('writes neighbours as a range', () => {
    expect(formatCoreList([0, 1, 2, 5, 7, 8])).toBe('0-2,5,7-8');
  });
});
