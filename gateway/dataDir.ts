import { createHash, randomBytes } from 'node:crypto';
import { link, lstat, mkdir, open, readFile, realpath, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { networkFilesystemOf } from './networkFilesystem.ts';

/** Longest path of a Unix socket in bytes (sun_path holds 108 with its end, unix(7)). */
const MAX_SOCKET_PATH_BYTES = 107;
/** What the names of sockets in the runtime directory may take, the slash before them included. */
const SOCKET_NAME_BYTES = 40;

/** Makes the data directory (mode 0700) unless it is there. Throws one sentence with the path, also when it is on a network file system. */
export async function ensureDataDir(dataDir: string): Promise<void> {
  let filesystem: string | null;
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    filesystem = networkFilesystemOf(await realpath(dataDir));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`Cannot make data directory "${dataDir}": ${reason}`, { cause });
  }
  if (filesystem !== null) {
    throw new Error(
      `Cannot use data directory "${dataDir}": it is on ${filesystem}, expected a disk of this machine, since the database's locks and mappings do not hold over a network`,
    );
  }
}

/** The admin token that is kept in `<dataDir>/admin-token`. */
export function ensureAdminToken(dataDir: string): Promise<string> {
  return ensureSecret(dataDir, 'admin-token', 'admin token');
}

/** What this data directory's gateways and the runners that outlive one know each other by: `<dataDir>/runner-secret`. */
export function ensureRunnerSecret(dataDir: string): Promise<string> {
  return ensureSecret(dataDir, 'runner-secret', 'runner secret');
}

/** What the hashes of API keys are keyed by: `<dataDir>/key-secret`. Without it no key opens any more. */
export function ensureKeySecret(dataDir: string): Promise<string> {
  return ensureSecret(dataDir, 'key-secret', 'key secret');
}

/** What keys and bodies of idempotent requests are hashed with: `<dataDir>/idempotency-secret`. */
export function ensureIdempotencySecret(dataDir: string): Promise<string> {
  return ensureSecret(dataDir, 'idempotency-secret', 'idempotency secret');
}

/**
 * A secret in a file of its own (mode 0600), made of 32 random bytes on the first boot. It appears whole or not at all:
 * two gateways that start at once read the same one.
 */
async function ensureSecret(dataDir: string, name: string, what: string): Promise<string> {
  const path = join(dataDir, name);
  await ensureDataDir(dataDir);
  const kept = await readSecret(path, what);
  if (kept !== null) return kept;
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(`${randomBytes(32).toString('base64url')}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  } finally {
    await unlink(draft);
  }
  const made = await readSecret(path, what);
  if (made === null) throw new Error(`Cannot read ${what} "${path}": it has gone`);
  return made;
}

/**
 * The directory for sockets: `<dataDir>/run`, or one under the system's temporary directory, named by a hash of the
 * data directory, when socket paths would grow too long. Mode 0700 and this user's own; throws when it is not.
 */
export async function ensureRuntimeDir(dataDir: string): Promise<string> {
  await ensureDataDir(dataDir);
  const path = runtimeDir(dataDir);
  await mkdir(path, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  const stats = await lstat(path);
  const isOwn = stats.isDirectory() && stats.uid === process.getuid?.() && (stats.mode & 0o077) === 0;
  if (!isOwn) {
    throw new Error(
      `Cannot use runtime directory "${path}": expected a directory of this user with mode 0700`,
    );
  }
  return path;
}

/** Where `ensureRuntimeDir` puts it; the same for the same data directory and user. */
export function runtimeDir(dataDir: string): string {
  const beside = join(resolve(dataDir), 'run');
  if (Buffer.byteLength(beside) + SOCKET_NAME_BYTES <= MAX_SOCKET_PATH_BYTES) return beside;
  const hash = createHash('sha256').update(resolve(dataDir)).digest('hex').slice(0, 16);
  return join(tmpdir(), `hearth-${process.getuid?.() ?? 0}-${hash}`);
}

async function readSecret(path: string, what: string): Promise<string | null> {
  try {
    const secret = (await readFile(path, 'utf8')).trim();
    if (secret.length >= 8) return secret;
    throw new Error(`Cannot use ${what} "${path}": expected at least 8 characters, got ${secret.length}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
