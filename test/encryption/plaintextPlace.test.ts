import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { judgePlaintextPlace, type PlaintextFacts } from '../../gateway/encryption/plaintextPlace.ts';
import { readPlaintextFacts } from '../../gateway/encryption/swapFacts.ts';

const SWAPPING: PlaintextFacts = {
  fileSystem: 'tmpfs',
  noswap: false,
  swapAreas: ['/dev/sda2', '/swapfile'],
};

describe('judgePlaintextPlace()', () => {
  test.each([
    ['a tmpfs mounted with noswap', { noswap: true }, 'noswap'],
    ['ramfs', { fileSystem: 'ramfs' }, 'noswap'],
    ['hugetlbfs', { fileSystem: 'hugetlbfs' }, 'noswap'],
    ['a tmpfs where there is no swap', { swapAreas: [] }, 'no_swap'],
  ])('allows %s', (_what, change, guard) => {
    expect(judgePlaintextPlace({ ...SWAPPING, ...change }, false)).toEqual({ allowed: true, guard });
  });

  test('says why it refuses, and takes the word of the operator', () => {
    expect(judgePlaintextPlace(SWAPPING, false)).toEqual({
      allowed: false,
      reason:
        'expected a tmpfs mounted with noswap, no swap, or weights.allow_swap against swap on "/dev/sda2", "/swapfile"',
    });
    expect(judgePlaintextPlace(SWAPPING, true)).toEqual({ allowed: true, guard: 'operator' });
  });

  test('takes for the worst what cannot be told', () => {
    const blind = { ...SWAPPING, swapAreas: null };
    expect(judgePlaintextPlace(blind, false)).toMatchObject({
      allowed: false,
      reason: expect.stringContaining('against swap that cannot be told'),
    });
    expect(judgePlaintextPlace({ ...SWAPPING, fileSystem: null, swapAreas: [] }, true)).toEqual({
      allowed: false,
      reason: 'expected a store on tmpfs against one that cannot be told',
    });
  });

  test('refuses a disk, whatever the operator says', () => {
    const facts = { ...SWAPPING, fileSystem: 'ext4', noswap: true, swapAreas: [] };
    expect(judgePlaintextPlace(facts, true)).toEqual({
      allowed: false,
      reason: 'expected a store on tmpfs against ext4',
    });
  });

  test('allows no more when there is more swap', () => {
    const facts = fc.record({
      fileSystem: fc.constantFrom('tmpfs', 'ramfs', 'ext4', null),
      noswap: fc.boolean(),
      swapAreas: fc.constantFrom<string[][]>([], ['/swapfile']),
    });
    fc.assert(
      fc.property(facts, (given) => {
        if (judgePlaintextPlace(given, false).allowed) return;
        expect(judgePlaintextPlace({ ...given, swapAreas: ['/dev/zram0'] }, false).allowed).toBe(false);
      }),
    );
  });
});

describe('readPlaintextFacts()', () => {
  let root: string;
  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'hearth-proc-')));
    mkdirSync(join(root, 'proc/self'), { recursive: true });
    mkdirSync(join(root, 'my store'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const proc = (name: string, text: string) => writeFileSync(join(root, 'proc', name), text);
  const read = (directory = join(root, 'my store/bases')) =>
    readPlaintextFacts(directory, join(root, 'proc'));

  test('finds the deepest and last mount above a folder that is not there yet', async () => {
    proc(
      'self/mountinfo',
      [
        '22 1 254:1 / / rw,relatime - ext4 /dev/vda rw',
        `31 22 0:44 / ${root}/my rw,relatime shared:3 - xfs /dev/vdb rw`,
        `32 22 0:45 / ${root}/my\\040store rw,relatime shared:4 master:1 - ext4 /dev/vdc rw`,
        `33 22 0:46 / ${root}/my\\040store rw,nosuid - tmpfs hearth rw,size=8388608k,huge=within_size,noswap`,
        '34 22 0:47 / /proc rw - proc proc rw',
      ].join('\n'),
    );
    expect(await read()).toMatchObject({ fileSystem: 'tmpfs', noswap: true });
    expect(await read(join(root, 'elsewhere'))).toMatchObject({ fileSystem: 'ext4', noswap: false });
  });

  test('reads the areas of the swap', async () => {
    proc('swaps', 'Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n');
    expect((await read()).swapAreas).toEqual([]);
    proc(
      'swaps',
      'Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n/my\\040swap                             file\t\t524284\t\t0\t\t-2\n/dev/zram0                              partition\t8388604\t\t0\t\t100\n',
    );
    expect((await read()).swapAreas).toEqual(['/my swap', '/dev/zram0']);
  });

  test('takes for the worst what it cannot read', async () => {
    expect(await read()).toEqual({ fileSystem: null, noswap: false, swapAreas: null });
  });

  test('reads this very machine', async () => {
    const facts = await readPlaintextFacts('/dev/shm/hearth-not-there');
    expect(facts.fileSystem).toBe('tmpfs');
    expect(Array.isArray(facts.swapAreas)).toBe(true);
  });
});
