import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  parseSafetensors,
  readSafetensorsHeader,
  type SafetensorsEntry,
} from '../../../gateway/catalogue/peft/safetensorsHeader.ts';
import { peftTensors, safetensorsBytes, safetensorsOf, TINY_MODELS } from './tinyModels.ts';

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hearth-safetensors-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function readFile(bytes: Buffer): Promise<SafetensorsEntry[]> {
  const path = join(directory, 'file.safetensors');
  await writeFile(path, bytes);
  const file = await open(path, 'r');
  try {
    return await readSafetensorsHeader(file, bytes.length);
  } finally {
    await file.close();
  }
}

const one = (changes: object = {}) => ({ dtype: 'F32', shape: [2], data_offsets: [0, 8], ...changes });
const header = (tensors: object) => safetensorsOf(JSON.stringify(tensors), Buffer.alloc(8));

function lengthOnly(length: bigint): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeBigUInt64LE(length);
  return bytes;
}

test('readSafetensorsHeader() tells where each tensor lies', async () => {
  const tensors = peftTensors(TINY_MODELS[0] as (typeof TINY_MODELS)[number]);
  const bytes = safetensorsBytes(tensors);
  const entries = await readFile(bytes);
  expect(entries).toEqual(parseSafetensors(bytes));
  expect(entries.map(({ name, shape }) => [name, shape])).toEqual(
    tensors.map(({ name, shape }) => [name, shape]),
  );
  for (const [index, { offsetBytes, sizeBytes }] of entries.entries()) {
    expect(bytes.subarray(offsetBytes, offsetBytes + sizeBytes)).toEqual(tensors[index]?.bytes);
  }
});

test('parseSafetensors() takes white space after the header, scalars, empty tensors, any order and escapes', () => {
  const text = JSON.stringify({
    late: one({ shape: [], data_offsets: [4, 8] }),
    'a "b\u00e9\n': one({ shape: [1, 1], data_offsets: [0, 4] }),
    none: one({ shape: [3, 0], data_offsets: [8, 8] }),
    __proto__: one(),
  });
  const entries = parseSafetensors(safetensorsOf(` ${text}   `.replace('é', '\\u00e9'), Buffer.alloc(8)));
  expect(entries.map(({ name }) => name)).toEqual(['late', 'a "bé\n', 'none']);
});

describe('parseSafetensors() refuses', () => {
  test.each([
    ['an empty file', Buffer.alloc(0), 'not a safetensors file: expected at least 8 bytes, got 0'],
    ['a header of 2^63 bytes', lengthOnly(2n ** 63n), 'at most 16777216 bytes, got 9223372036854775808'],
    [
      'a header longer than the file',
      lengthOnly(9n),
      'the file is truncated: expected at least 17 bytes, got 16',
    ],
    ['an empty header', lengthOnly(0n), 'expected "{" at byte 0, got the end'],
    ['a header that is not UTF-8', safetensorsOf(Buffer.from([0x7b, 0xff])), 'expected a header in UTF-8'],
    ['another value than an object', safetensorsOf('[]'), 'expected "{" at byte 0, got "[]"'],
    ['nesting', safetensorsOf('['.repeat(100_000)), 'expected "{" at byte 0'],
    ['nesting inside', safetensorsOf(`{"a":${'{"a":'.repeat(50_000)}`), 'got "a"'],
    ['nested numbers', safetensorsOf(`{"a":{"shape":${'['.repeat(50_000)}`), 'a whole number from 0 to 2^53'],
    [
      'a name twice',
      safetensorsOf('{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"a":'),
      'got "a" again',
    ],
    ['a field twice', safetensorsOf('{"a":{"dtype":"F32","dtype":"F32"'), 'got "dtype" again'],
    ['a field that is not known', header({ a: one({ stride: 1 }) }), 'got "stride"'],
    [
      'a missing field',
      header({ a: { dtype: 'F32', shape: [2] } }),
      'expected dtype, shape and two data_offsets',
    ],
    ['one offset', header({ a: one({ data_offsets: [8] }) }), 'expected dtype, shape and two data_offsets'],
    ['three offsets', header({ a: one({ data_offsets: [0, 4, 8] }) }), 'expected at most 2 numbers'],
    ['nine axes', header({ a: one({ shape: Array(9).fill(1) }) }), 'expected at most 8 numbers'],
    [
      'a dtype that is not known',
      header({ a: one({ dtype: 'F31' }) }),
      'a known dtype of tensor "a", got "F31"',
    ],
    ['a dtype of the prototype', header({ a: one({ dtype: 'toString' }) }), 'a known dtype of tensor "a"'],
    [
      'NaN as an axis',
      safetensorsOf('{"a":{"shape":[NaN]'),
      'expected a whole number from 0 to 2^53 at byte 15, got "NaN]"',
    ],
    ['a negative axis', safetensorsOf('{"a":{"shape":[-1]'), 'a whole number from 0 to 2^53'],
    ['a broken axis', safetensorsOf('{"a":{"shape":[1.5]'), 'a whole number from 0 to 2^53'],
    ['an axis with an exponent', safetensorsOf('{"a":{"shape":[1e3]'), 'a whole number from 0 to 2^53'],
    ['an axis with a leading nought', safetensorsOf('{"a":{"shape":[01]'), 'a whole number from 0 to 2^53'],
    ['an axis past 2^53', safetensorsOf('{"a":{"shape":[9007199254740993]'), 'a whole number from 0 to 2^53'],
    ['a shape past counting', header({ a: one({ shape: [2 ** 50, 2 ** 50] }) }), '"a" is beyond counting'],
    [
      'a shape past counting with a nought',
      header({ a: one({ shape: [...Array(7).fill(2 ** 52), 0] }) }),
      '"a"',
    ],
    [
      'another size than the shape’s',
      header({ a: one({ shape: [3] }) }),
      'expected 12 bytes of tensor "a", got 8',
    ],
    ['an end before the start', header({ a: one({ data_offsets: [8, 0] }) }), 'of tensor "a", got -8'],
    ['a gap', header({ a: one({ shape: [1], data_offsets: [4, 8] }) }), '"a" to begin at byte 0, got 4'],
    ['an overlap', header({ a: one(), b: one() }), 'expected tensor "b" to begin at byte 8, got 0'],
    ['data past the end', header({ a: one({ shape: [4], data_offsets: [0, 16] }) }), 'expected a file of'],
    ['bytes that nobody has', header({ a: one({ shape: [1], data_offsets: [0, 4] }) }), 'expected a file of'],
    ['metadata that are no texts', header({ __metadata__: { a: 1 } }), 'expected a text at byte 21'],
    ['text after the header', safetensorsOf('{} {}'), 'expected the end of the header at byte 3, got "{}"'],
    ['a text without end', safetensorsOf('{"a'), 'expected the end of a text'],
    ['a text that ends in a backslash', safetensorsOf('{"a\\'), 'expected the end of a text'],
    ['a control character in a text', safetensorsOf('{"a\n"'), 'a text without control characters'],
    ['a bad escape', safetensorsOf('{"\\x":1}'), 'expected a text of JSON'],
    ['a comma at the end', safetensorsOf('{"__metadata__":{},}'), 'expected a text at byte 19'],
  ] as const)('%s', async (_, bytes, reason) => {
    expect(() => parseSafetensors(bytes)).toThrow(reason);
    await expect(readFile(bytes)).rejects.toThrow(reason);
  });
});

test('readSafetensorsHeader() refuses a file that is shorter than it was', async () => {
  const bytes = safetensorsBytes(peftTensors(TINY_MODELS[0] as (typeof TINY_MODELS)[number]));
  const path = join(directory, 'short.safetensors');
  await writeFile(path, bytes.subarray(0, 100));
  const file = await open(path, 'r');
  await expect(readSafetensorsHeader(file, bytes.length)).rejects.toThrow('the file is truncated');
  await file.close();
});

test('parseSafetensors() of any bytes gives entries inside the file or an Error of its own', () => {
  const good = safetensorsBytes(peftTensors(TINY_MODELS[0] as (typeof TINY_MODELS)[number]).slice(0, 2));
  const damaged = fc
    .tuple(fc.nat(good.length - 1), fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 4 }), fc.nat(3))
    .map(([at, put, drop]) =>
      Buffer.concat([good.subarray(0, at), Buffer.from(put), good.subarray(at + drop)]),
    );
  const text = fc.json().map((json) => safetensorsOf(json));
  const bytes = fc.oneof(damaged, text, fc.uint8Array().map(Buffer.from));
  fc.assert(
    fc.property(bytes, (file) => {
      try {
        for (const { offsetBytes, sizeBytes } of parseSafetensors(file)) {
          expect(offsetBytes + sizeBytes).toBeLessThanOrEqual(file.length);
        }
      } catch (error) {
        expect((error as Error).constructor).toBe(Error);
      }
    }),
    { numRuns: 1000 },
  );
});
