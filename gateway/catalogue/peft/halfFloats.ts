/** How numbers lie in an adapter's file. */
export type ElementType = 'f32' | 'f16' | 'bf16';

/** By safetensors' names. */
export const ELEMENT_TYPES: ReadonlyMap<string, ElementType> = new Map([
  ['F32', 'f32'],
  ['F16', 'f16'],
  ['BF16', 'bf16'],
]);

export const ELEMENT_BYTES: Readonly<Record<ElementType, number>> = { f32: 4, f16: 2, bf16: 2 };

const SIGN = 0x8000;
const HALF_INFINITY = 0x7c00;

/**
 * Writes the little-endian numbers of `source`, each times `factor`, to `halves` as the bits of float16, rounded to
 * nearest, ties to even, as numpy's astype does. Returns the place of the first that is no finite float16; -1: all are.
 */
export function toHalves(
  source: Uint8Array,
  elements: ElementType,
  factor: number,
  halves: Uint16Array,
): number {
  if (elements === 'f16' && factor === 1) return copyHalves(numbersOf(source, Uint16Array), halves);
  const bits = float32Bits(source, elements, factor);
  for (let index = 0; index < bits.length; index++) {
    const half = halfBits(bits[index] as number);
    if ((half & HALF_INFINITY) === HALF_INFINITY) return index;
    halves[index] = half;
  }
  return -1;
}

function copyHalves(source: Uint16Array, halves: Uint16Array): number {
  halves.set(source);
  for (let index = 0; index < source.length; index++) {
    if (((source[index] as number) & HALF_INFINITY) === HALF_INFINITY) return index;
  }
  return -1;
}

/** What needs no arithmetic is not turned into numbers and back: there are millions. */
function float32Bits(source: Uint8Array, elements: ElementType, factor: number): Uint32Array {
  if (elements === 'f32' && factor === 1) return numbersOf(source, Uint32Array);
  const floats = elements === 'f32' ? numbersOf(source, Float32Array).slice() : widened(source, elements);
  if (factor !== 1) {
    for (let index = 0; index < floats.length; index++) floats[index] = (floats[index] as number) * factor;
  }
  return bitsOf(floats);
}

function widened(source: Uint8Array, elements: 'f16' | 'bf16'): Float32Array {
  const sixteen = numbersOf(source, Uint16Array);
  const floats = new Float32Array(sixteen.length);
  const bits = bitsOf(floats);
  for (let index = 0; index < sixteen.length; index++) {
    const half = sixteen[index] as number;
    if (elements === 'bf16') bits[index] = half << 16;
    else floats[index] = halfValue(half);
  }
  return floats;
}

function bitsOf(floats: Float32Array): Uint32Array {
  return new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
}

/** A view of bytes as numbers; of a copy when they do not begin where such a number may. */
function numbersOf<T>(
  bytes: Uint8Array,
  kind: { new (buffer: ArrayBufferLike, offset: number, length: number): T; BYTES_PER_ELEMENT: number },
): T {
  const size = kind.BYTES_PER_ELEMENT;
  const { buffer, byteOffset } = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  return new kind(buffer, byteOffset, bytes.byteLength / size);
}

/** The float16 nearest to a float32, bits to bits (IEEE 754): 1 of sign, 5 of exponent, 10 of fraction. */
function halfBits(all: number): number {
  const sign = (all >>> 16) & SIGN;
  const magnitude = all & 0x7fff_ffff;
  // From 65520 on the nearest is infinity; NaN is above that.
  if (magnitude >= 0x477f_f000) return sign | HALF_INFINITY;
  // 2^-14, the smallest whose exponent a float16 can hold: 112 less, and 13 bits of fraction fewer.
  if (magnitude >= 0x3880_0000) return sign | roundedShift(magnitude - 0x3800_0000, 13);
  // Multiples of 2^-24 below it; up to 2^-25, which is a tie with nought, all is nought.
  if (magnitude <= 0x3300_0000) return sign;
  return sign | roundedShift((magnitude & 0x007f_ffff) | 0x0080_0000, 126 - (magnitude >>> 23));
}

/** `value` without its last bits; a carry out of the fraction goes into the exponent, where it belongs. */
function roundedShift(value: number, shift: number): number {
  const kept = value >>> shift;
  const rest = value & ((1 << shift) - 1);
  const tie = 1 << (shift - 1);
  return rest > tie || (rest === tie && (kept & 1) === 1) ? kept + 1 : kept;
}

function halfValue(half: number): number {
  const sign = (half & SIGN) === 0 ? 1 : -1;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
