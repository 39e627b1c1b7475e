import { expect, test } from 'vitest';
import { wellFormedJson } from '../../runner/server/wellFormed.ts';

test('wellFormedJson() replaces lone surrogates in values and names', () => {
  const value = { 'a\udc00': ['\ud83c cut', 'cut \udf4c', '\udf4c\ud83c'] };
  expect(JSON.parse(wellFormedJson(value))).toEqual({
    'a\ufffd': ['\ufffd cut', 'cut \ufffd', '\ufffd\ufffd'],
  });
});

test('wellFormedJson() leaves whole pairs and texts that only look like an escape alone', () => {
  const value = ['🍌', '\\ud800', '\\\\ud800', '\u0000', '\\\ud83c\udf4c', '"\\udc00"'];
  expect(JSON.parse(wellFormedJson(value))).toEqual(value);
});
