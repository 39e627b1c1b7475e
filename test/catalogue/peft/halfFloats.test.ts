import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { toHalves } from '../../../gateway/catalogue/peft/halfFloats.ts';

/** Every finite float16 that is not negative, by its bits: those are in order. */
const VALUES = Array.from({ length: 0x7c00 }, (_, bits) => {
  const exponent = bits >> 10;
  const fraction = bits & 0x3ff;
  return exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25);
});
const OVERFLOW = 65520;

function halfOf(value: number, factor = 1): number | null {
  const source = Buffer.alloc(4);
  source.writeFloatLE(value);
  const halves = new Uint16Array(1);
  return toHalves(source, 'f32', factor, halves) < 0 ? (halves[0] as number) : null;
}

/** By searching: the nearest, of two as near the even one. */
function nearest(value: number): number {
  let low = 0;
  let high = VALUES.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((VALUES[middle] as number) <= value) low = middle;
    else high = middle;
  }
  const below = value - (VALUES[low] as number);
  const above = (VALUES[high] as number) - value;
  if (below === above) return low % 2 === 0 ? low : high;
  return below < above ? low : high;
}

test('toHalves() rounds a float32 to the nearest float16, ties to even', () => {
  const spread = fc.tuple(
    fc.float({ noNaN: true, noDefaultInfinity: true }),
    fc.integer({ min: -30, max: 20 }),
  );
  const tie = fc
    .tuple(fc.nat(0x7bfe), fc.constantFrom(0, 1, -1))
    .map(([bits, off]) => ((VALUES[bits] as number) + (VALUES[bits + 1] as number)) / 2 + off * 2 ** -30);
  const number = fc.oneof(
    spread.map(([value, exponent]) => Math.fround((value % 1) * 2 ** exponent)),
    tie.map(Math.fround),
  );
  fc.assert(
    fc.property(number, (value) => {
      fc.pre(Math.abs(value) < OVERFLOW);
      const sign = Object.is(Math.sign(value), -0) || value < 0 ? 0x8000 : 0;
      expect(halfOf(value)).toBe(sign | nearest(Math.abs(value)));
    }),
    { numRuns: 5000 },
  );
});

test('toHalves() gives every float16 back as it was', () => {
  const source = Buffer.alloc(2 * 0x10000);
  const finite = [...Array(0x10000).keys()].filter((bits) => (bits & 0x7c00) !== 0x7c00);
  for (const [index, bits] of finite.entries()) source.writeUInt16LE(bits, 2 * index);
  const halves = new Uint16Array(finite.length);
  for (const factor of [1, 1 + Number.EPSILON]) {
    expect(toHalves(source.subarray(0, 2 * finite.length), 'f16', factor, halves)).toBe(-1);
    expect([...halves]).toEqual(finite);
  }
});

test('toHalves() reads bfloat16 as the upper half of a float32', () => {
  const source = Buffer.from(new Uint16Array([0x3f80, 0xc000, 0x3e20, 0x0000]).buffer);
  const halves = new Uint16Array(4);
  expect(toHalves(source, 'bf16', 1, halves)).toBe(-1);
  expect([...halves]).toEqual([0x3c00, 0xc000, halfOf(0.15625), 0]);
});

test('toHalves() multiplies before it rounds', () => {
  expect(halfOf(0.1, 3)).toBe(nearest(Math.fround(Math.fround(0.1) * 3)));
  expect(halfOf(1e-8, 1000)).toBe(nearest(Math.fround(Math.fround(1e-8) * 1000)));
});

test('toHalves() tells the place of what is no finite float16', () => {
  expect(halfOf(65519.9)).toBe(0x7bff);
  for (const bad of [OVERFLOW, -OVERFLOW, Number.NaN, Number.POSITIVE_INFINITY])
    expect(halfOf(bad)).toBeNull();
  expect(halfOf(1, 1e9)).toBeNull();
  const halves = new Uint16Array(2);
  expect(toHalves(Buffer.from(new Uint16Array([0x3c00, 0x7c01]).buffer), 'f16', 1, halves)).toBe(1);
});

test('toHalves() reads numbers wherever they begin', () => {
  const odd = Buffer.concat([Buffer.from([0]), Buffer.from(new Float32Array([1, -2]).buffer)]).subarray(1);
  const halves = new Uint16Array(2);
  expect(toHalves(odd, 'f32', 1, halves)).toBe(-1);
  expect([...halves]).toEqual([0x3c00, 0xc000]);
});

test('toHalves() multiplies bfloat16 too', () => {
  const source = Buffer.from(new Uint16Array([0x3f80, 0xc000]).buffer);
  const halves = new Uint16Array(2);
  expect(toHalves(source, 'bf16', 0.5, halves)).toBe(-1);
  expect([...halves]).toEqual([0x3800, 0xbc00]);
});
