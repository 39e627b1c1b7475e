import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { JournalFile } from '../../db/journal/journalFile.ts';

/** How many bytes the disk takes of the next writes; Infinity: all. */
const takes: number[] = [];
let truncates = true;

vi.mock('node:fs', async (original) => {
  const real = await original<typeof fs>();
  return {
    ...real,
    writeSync: (fd: number, bytes: Buffer) =>
      real.writeSync(fd, bytes.subarray(0, takes.shift() ?? bytes.length)),
    ftruncateSync: (fd: number, length: number) => {
      if (!truncates) throw new Error('EROFS');
      real.ftruncateSync(fd, length);
    },
  };
});

let directory = '';
let path = '';
beforeEach(() => {
  directory = fs.mkdtempSync(join(tmpdir(), 'hearth-journal-'));
  path = join(directory, 'journal');
});
afterEach(() => {
  fs.rmSync(directory, { recursive: true });
  takes.length = 0;
  truncates = true;
});

test.each([0, 1, 6])('JournalFile keeps the line after one of which the disk took %i bytes', (taken) => {
  const file = new JournalFile(path);
  file.append('first');
  takes.push(taken, taken);
  expect(() => file.append('second')).toThrow(`the disk took ${taken}`);
  expect(() => file.append('third')).toThrow(`the disk took ${taken}`);
  file.append('fourth');
  const lines = fs.readFileSync(path, 'utf8').split('\n').filter(Boolean);
  expect(lines[0]).toBe('first');
  expect(lines.at(-1)).toBe('fourth');
});

test('JournalFile that the disk does not empty is as it was, and emptied when it can be', () => {
  const file = new JournalFile(path);
  file.append('first');
  file.release();
  truncates = false;
  file.tidy();
  expect(file.bytes).toBe('first\n'.length);
  truncates = true;
  file.tidy();
  expect([file.bytes, fs.statSync(path).size]).toEqual([0, 0]);
});
