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
  lockableBytes: 65_536,
};
const GIB = 2 ** 30;

describe('judgePlaintextPlace()', () => {
  test.each([
    ['a tmpfs mounted with noswap', { noswap: true }, 'noswap'],
    ['ramfs', { fileSystem: 'ramfs' }, 'noswap'],
    ['hugetlbfs', { fileSystem: 'hugetlbfs' }, 'noswap'],
    ['a tmpfs where there is no swap', { swapAreas: [] }, 'no_swap'],
    ['a tmpfs where the segment can be locked', { lockableBytes: GIB }, 'locked'],
    ['a tmpfs where anything can be locked', { lockableBytes: Number.POSITIVE_INFINITY }, 'locked'],
  ])('allows %s', (_what, change, guard) => {
    expect(judgePlaintextPlace({ ...SWAPPING, ...change }, GIB, false)).toEqual({ allowed: true, guard });
  });

  test('says why it refuses, and takes the word of the operator', () => {
    expect(judgePlaintextPlace(SWAPPING, GIB, false)).toEqual({
      allowed: false,
      reason:
        'expected a tmpfs mounted with noswap, no swap, 1073741824 lockable bytes, or weights.allow_swap against swap on "/dev/sda2", "/swapfile" and 65536 lockable bytes',
    });
    expect(judgePlaintextPlace(SWAPPING, GIB, true)).toEqual({ allowed: true, guard: 'operator' });
  });

  test('takes for the worst what cannot be told', () => {
    const blind = { ...SWAPPING, swapAreas: null };
    expect(judgePlaintextPlace(blind, GIB, false)).toMatchObject({
      allowed: false,
      reason: expect.stringContaining('against swap that cannot be told'),
    });
    expect(judgePlaintextPlace({ ...SWAPPING, fileSystem: null, swapAreas: [] }, GIB, true)).toEqual({
      allowed: false,
      reason: 'expected a store on tmpfs against one that cannot be told',
    });
  });

  test('refuses a disk, whatever the operator says', () => {
    const facts = { ...SWAPPING, fileSystem: 'ext4', noswap: true, swapAreas: [], lockableBytes: Infinity };
    expect(judgePlaintextPlace(facts, GIB, true)).toEqual({
      allowed: false,
      reason: 'expected a store on tmpfs against ext4',
    });
  });

  test('allows no more when there is more swap, less to lock, or more to stage', () => {
    const bytes = fc.nat({ max: 1000 });
    const facts = fc.record({
      fileSystem: fc.constantFrom('tmpfs', 'ramfs', 'ext4', null),
      noswap: fc.boolean(),
      swapAreas: fc.constantFrom<string[][]>([], ['/swapfile']),
      lockableBytes: bytes,
    });
    fc.assert(
      fc.property(facts, bytes, bytes, (given, segment, more) => {
        if (judgePlaintextPlace(given, segment, false).allowed) return;
        const worse = { ...given, lockableBytes: given.lockableBytes - more };
        expect(judgePlaintextPlace(worse, segment + more, false).allowed).toBe(false);
        expect(judgePlaintextPlace({ ...worse, swapAreas: ['/dev/zram0'] }, segment, false).allowed).toBe(
          false,
        );
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

  test('takes from what may be locked what is locked', async () => {
    const limits = (soft: string) =>
      `Limit                     Soft Limit           Hard Limit           Units     \nMax locked memory         ${soft}              8388608              bytes     \n`;
    const status = (capabilities: string) => `VmLck:\t      16 kB\nCapEff:\t${capabilities}\n`;
    proc('self/limits', limits('8388608'));
    proc('self/status', status('00000000a80425fb'));
    expect((await read()).lockableBytes).toBe(8_388_608 - 16_384);
    proc('self/limits', limits('unlimited'));
    expect((await read()).lockableBytes).toBe(Number.POSITIVE_INFINITY);
    proc('self/limits', limits('1024'));
    expect((await read()).lockableBytes).toBe(0);
    // With CAP_IPC_LOCK no limit counts.
    proc('self/status', status('0000000000004000'));
    expect((await read()).lockableBytes).toBe(Number.POSITIVE_INFINITY);
  });

  test('takes for the worst what it cannot read', async () => {
    expect(await read()).toEqual({ fileSystem: null, noswap: false, swapAreas: null, lockableBytes: 0 });
  });

  test('reads this very machine', async () => {
    const facts = await readPlaintextFacts('/dev/shm/hearth-not-there');
    expect(facts.fileSystem).toBe('tmpfs');
    expect(Array.isArray(facts.swapAreas)).toBe(true);
  });
});
