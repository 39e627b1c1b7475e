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
  const view = new DataView(source.buffer, source.byteOffset, source.byteLength);
  const count = source.byteLength / ELEMENT_BYTES[elements];
  for (let index = 0; index < count; index++) {
    const half =
      elements === 'f16' && factor === 1
        ? view.getUint16(2 * index, true)
        : halfBits(read(view, elements, index) * factor);
    if ((half & HALF_INFINITY) === HALF_INFINITY) return index;
    halves[index] = half;
  }
  return -1;
}

const number = new Float32Array(1);
const bits = new Uint32Array(number.buffer);

function read(view: DataView, elements: ElementType, index: number): number {
  if (elements === 'f32') return view.getFloat32(4 * index, true);
  if (elements === 'f16') return halfValue(view.getUint16(2 * index, true));
  bits[0] = view.getUint16(2 * index, true) << 16;
  return number[0] as number;
}

/** The float16 nearest to a float32 (IEEE 754, binary16): 1 bit of sign, 5 of exponent, 10 of fraction. */
function halfBits(value: number): number {
  number[0] = value;
  const all = bits[0] as number;
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
