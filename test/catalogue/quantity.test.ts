import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDurationMs, parseSizeBytes } from '../../gateway/catalogue/quantity.ts';

describe('parseDurationMs()', () => {
  test.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['0.5s', 500],
    ['7d', 604_800_000],
    ['0s', 0],
    [2, 2000],
    [0.25, 250],
  ])('reads %j as %d ms', (value, expected) => {
    expect(parseDurationMs(value)).toBe(expected);
  });

  test.each([
    '',
    '30',
    '30 s',
    '-30s',
    '1e3s',
    '5M',
    's',
    '1.s',
    '.5s',
    '1s ',
    `${'9'.repeat(30)}d`,
    -1,
    Number.NaN,
    1e300,
  ])('refuses %j', (value) => {
    expect(parseDurationMs(value)).toBeNull();
  });

  test('is the sum of its parts, whatever they are', () => {
    const parts = fc.tuple(fc.nat(1000), fc.nat(59), fc.nat(59), fc.nat(999));
    fc.assert(
      fc.property(parts, ([hours, minutes, seconds, ms]) => {
        const expected = ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms;
        expect(parseDurationMs(`${hours}h${minutes}m${seconds}s${ms}ms`)).toBe(expected);
      }),
    );
  });
});

describe('parseSizeBytes()', () => {
  test.each([
    ['8MiB', 8 * 2 ** 20],
    ['1.5 GiB', 1.5 * 2 ** 30],
    ['512KiB', 2 ** 19],
    ['1GB', 1e9],
    ['12B', 12],
    [4096, 4096],
  ])('reads %j as %d bytes', (value, expected) => {
    expect(parseSizeBytes(value)).toBe(expected);
  });

  test.each(['', '8', '8mib', '8Mi', '-1MiB', 'MiB', '1e3B', `${'9'.repeat(20)}TiB`, 1.5, -1, Number.NaN])(
    'refuses %j',
    (value) => {
      expect(parseSizeBytes(value)).toBeNull();
    },
  );

  test('reads a whole number of any unit as that many units', () => {
    const units = { B: 1, KB: 1e3, KiB: 2 ** 10, MB: 1e6, MiB: 2 ** 20, GB: 1e9, GiB: 2 ** 30 };
    const unit = fc.constantFrom(...(Object.keys(units) as (keyof typeof units)[]));
    fc.assert(
      fc.property(fc.nat(1_000_000), unit, (amount, name) => {
        expect(parseSizeBytes(`${amount}${name}`)).toBe(amount * units[name]);
      }),
    );
  });
});

test('parseDurationMs() and parseSizeBytes() give a safe number or null for any text, and never throw', () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^[0-9.]{1,9}(ms|s|m|h|d|B|KiB|GB)$/));
  fc.assert(
    fc.property(text, (value) => {
      for (const parsed of [parseDurationMs(value), parseSizeBytes(value)]) {
        expect(parsed === null || (parsed >= 0 && parsed <= Number.MAX_SAFE_INTEGER)).toBe(true);
      }
    }),
  );
});
