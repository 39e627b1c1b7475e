import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { lastWords, overhear } from '../../gateway/shell/processes/lastWords.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'hearth-words-'));
  path = join(directory, 'runner.log');
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('overhear()', () => {
  test('gives what was said since, and nothing of before', () => {
    writeFileSync(path, 'an old trouble\n');
    const words = overhear(path);
    expect(words()).toBe('');
    appendFileSync(path, 'first\n\n  last  \n');
    expect(words()).toBe('first | last');
    expect(lastWords(path)).toBe('an old trouble | first | last');
  });

  test('gives the end of much', () => {
    const words = overhear(path);
    writeFileSync(path, `${'x'.repeat(9000)}\nthe end\n`);
    expect(words()).toHaveLength(600);
    expect(words()).toMatch(/^…x+ \| the end$/);
  });

  test('says that what it has read of a log begins within a line', () => {
    const words = overhear(path);
    const line = `/srv/models/${'z'.repeat(80)}`;
    writeFileSync(path, `${line}${'\n'.repeat(4100 - line.length)}end\n`);
    expect(words()).toBe(`…${line.slice(8)} | end`);
    appendFileSync(path, '\n'.repeat(83));
    expect(words()).toBe('…z | end');
    appendFileSync(path, '\n');
    expect(words()).toBe('end');
  });

  test('gives nothing of a log that is not there, or was cut', () => {
    expect(overhear(path)()).toBe('');
    writeFileSync(path, 'much was said\n');
    const words = overhear(path);
    writeFileSync(path, 'less\n');
    expect(words()).toBe('');
  });
});
