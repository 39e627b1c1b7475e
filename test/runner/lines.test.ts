import { describe, expect, test } from 'vitest';
import { encodeLine, LineReader, type LineResult } from '../../runner/protocol/lines.ts';

function read(chunks: string[], maxBytes?: number): LineResult[] {
  const results: LineResult[] = [];
  const reader = new LineReader((result) => results.push(result), maxBytes);
  for (const chunk of chunks) reader.push(Buffer.from(chunk, 'latin1'));
  return results;
}

describe('LineReader', () => {
  test('LineReader gives several lines of one chunk in order', () => {
    expect(read(['{"a":1}\n{"a":2}\n'])).toEqual([
      { ok: true, value: { a: 1 } },
      { ok: true, value: { a: 2 } },
    ]);
  });

  test('LineReader joins a line that comes in pieces, inside a character too', () => {
    const bytes = Buffer.from('{"a":"ä"}\n').toString('latin1');
    expect(read([...bytes])).toEqual([{ ok: true, value: { a: 'ä' } }]);
  });

  test('LineReader keeps quiet about an empty line and an unfinished one', () => {
    expect(read(['\n', '{"a":1}'])).toEqual([]);
  });

  test('LineReader stops at a line that is not JSON', () => {
    expect(read(['nonsense\n{"a":1}\n'])).toEqual([{ ok: false, fault: 'not_json' }]);
  });

  test('LineReader stops at a line over its limit, before it has ended', () => {
    expect(read(['x'.repeat(6), 'x'.repeat(6), '{}\n'], 10)).toEqual([{ ok: false, fault: 'line_too_long' }]);
  });

  test('encodeLine() gives one line for a text with line feeds', () => {
    expect(encodeLine({ a: 'b\nc' })).toBe('{"a":"b\\nc"}\n');
  });
});
