import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { networkFilesystemOf } from '../../gateway/networkFilesystem.ts';

const MOUNTS = `
22 1 8:1 / / rw - ext4 /dev/sda1 rw
30 22 0:41 / /mnt/remote\\040box rw,nosuid shared:5 - fuse.sshfs box:/data rw
31 30 0:42 / /mnt/remote\\040box/inner rw - fuse.fuse-overlayfs fuse-overlayfs rw
32 22 0:43 / /mnt/usb rw - fuseblk /dev/sdb1 rw
`;
const FUSE = 0x65735546;
const on = (path: string, type: number) => networkFilesystemOf(path, type, () => MOUNTS);

test.each([
  ['/data', 0x6969, 'NFS'],
  ['/data', 0xff534d42, 'CIFS'],
  ['/data', 0xff534d42 - 2 ** 32, 'CIFS'],
  ['/data', 0xfe534d42, 'SMB'],
  ['/mnt/remote box/data', FUSE, 'FUSE (fuse.sshfs)'],
  ['/mnt/remote box/inner/data', FUSE, null],
  ['/mnt/usb', FUSE, null],
  ['/mnt/usb-other', FUSE, 'FUSE (ext4)'],
  ['/data', 0xef53, null],
  ['/data', 0x01021994, null],
  ['/data', 0x794c7630, null],
])('networkFilesystemOf() %s with magic 0x%x is %s', (path, type, expected) => {
  expect(on(path, type)).toBe(expected);
});

test('networkFilesystemOf() asks the kernel about a folder of this machine', () => {
  expect(networkFilesystemOf(tmpdir())).toBeNull();
});
