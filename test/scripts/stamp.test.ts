import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { clearStamp, filesBelow, hashFiles, stampSays, writeStamp } from '../../scripts/stamp.mjs';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'hearth-stamp-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function put(name: string, text: string): string {
  const path = join(root, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
  return path;
}

describe('hashFiles()', () => {
  test('does not depend on the order of the files', () => {
    const files = [put('a.ts', '1'), put('b.ts', '2')];
    expect(hashFiles(root, files)).toBe(hashFiles(root, files.toReversed()));
  });

  test('changes with a content, a name and a file that goes away', () => {
    const file = put('a.ts', '1');
    const first = hashFiles(root, [file]);
    put('a.ts', '2');
    expect(hashFiles(root, [file])).not.toBe(first);
    put('a.ts', '1');
    renameSync(file, join(root, 'b.ts'));
    expect(hashFiles(root, [join(root, 'b.ts')])).not.toBe(first);
    expect(hashFiles(root, [file])).not.toBe(first);
  });

  test('tells apart files whose contents are moved between them', () => {
    const files = [put('a.ts', 'xy'), put('b.ts', '')];
    const first = hashFiles(root, files);
    put('a.ts', 'x');
    put('b.ts', 'y');
    expect(hashFiles(root, files)).not.toBe(first);
  });
});

describe('filesBelow()', () => {
  test('finds by name in every depth, and nothing in a missing directory', () => {
    const wanted = [put('x/a.ts', ''), put('x/deep/er/b.ts', '')];
    put('x/c.md', '');
    expect(filesBelow(join(root, 'x'), /\.ts$/).sort()).toEqual(wanted);
    expect(filesBelow(join(root, 'none'), /\.ts$/)).toEqual([]);
  });
});

describe('stampSays()', () => {
  test('is true for exactly what was written, until it is cleared', () => {
    const stamp = join(root, 'dist', '.stamp');
    expect(stampSays(stamp, 'one')).toBe(false);
    writeStamp(stamp, 'one');
    expect(stampSays(stamp, 'one')).toBe(true);
    expect(stampSays(stamp, 'two')).toBe(false);
    clearStamp(stamp);
    expect(stampSays(stamp, 'one')).toBe(false);
  });
});
