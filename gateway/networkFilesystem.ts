import { readFileSync, statfsSync } from 'node:fs';

/** Magic numbers of file systems on other machines (man 2 statfs, linux/magic.h and the projects' own sources). */
const NETWORK_MAGICS: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB'],
  [0x517b, 'SMB'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x47504653, 'GPFS'],
  [0x19830326, 'BeeGFS'],
  [0x01161970, 'GFS2'],
  [0x7461636f, 'OCFS2'],
  [0x5346414f, 'AFS'],
  [0x6b414653, 'AFS'],
  [0x73757245, 'Coda'],
  [0x564c, 'NCP'],
]);
const FUSE_MAGIC = 0x65735546;
/** FUSE file systems whose files are on this machine, as the kernel calls them. */
const LOCAL_FUSE =
  /^(?:fuseblk|fuse\.(?:fuse-overlayfs|bindfs|mergerfs|gocryptfs|encfs|cryfs|ntfs-3g|lxcfs|portal))$/;

/**
 * What network file system a folder that exists is on, by the kernel's word; null: on none. Locks and mappings, which
 * a database in WAL mode lives by, do not hold there.
 */
export function networkFilesystemOf(
  folder: string,
  type: number = statfsSync(folder).type,
  mounts: () => string = () => readFileSync('/proc/self/mountinfo', 'utf8'),
): string | null {
  const magic = type >>> 0;
  if (magic !== FUSE_MAGIC) return NETWORK_MAGICS.get(magic) ?? null;
  const name = mountedType(folder, mounts());
  return LOCAL_FUSE.test(name) ? null : `FUSE (${name})`;
}

/** The type of the mount that holds the path: the longest mount point above it, of several there the last (proc(5)). */
function mountedType(path: string, mountinfo: string): string {
  let found = { point: '', type: 'unknown' };
  for (const line of mountinfo.split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const point = unescaped(before.split(' ')[4] ?? '');
    const type = after.split(' ')[0] ?? '';
    const holds = point !== '' && (path === point || path.startsWith(point === '/' ? '/' : `${point}/`));
    if (holds && point.length >= found.point.length) found = { point, type };
  }
  return found.type;
}

/** Spaces and the like are octal in mountinfo. */
function unescaped(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
