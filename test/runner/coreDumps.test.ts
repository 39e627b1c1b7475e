import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { guardPlaintext } from '../../runner/process/coreDumps.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hearth-core-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function filterAfter(description: string | null): string {
  const filter = join(folder, 'coredump_filter');
  writeFileSync(filter, 'untouched');
  if (description !== null) writeFileSync(join(folder, '.segment.json'), description);
  guardPlaintext(join(folder, '.lease'), filter);
  return readFileSync(filter, 'utf8');
}

test('guardPlaintext() leaves core dumps as they are for weights that were not encrypted', () => {
  expect(filterAfter('{"format":2,"encrypted":false}')).toBe('untouched');
});

test.each(['{"format":2,"encrypted":true}', '{}', 'null', '{', null])(
  'guardPlaintext() keeps memory out of core dumps for a segment that says %s',
  (description) => expect(filterAfter(description)).toBe('0x10'),
);

test('guardPlaintext() goes on where the system lets it not', () => {
  expect(() => guardPlaintext(join(folder, '.lease'), join(folder, 'none', 'filter'))).not.toThrow();
});
