import { performance } from 'node:perf_hooks';
import { localFailure, SourceError } from '../errors.ts';
import type { Origin, OriginFile } from '../origin.ts';
import { REAL_PACE } from '../pace.ts';
import { FrontierHash } from './frontierHash.ts';
import { journalHead } from './journal.ts';
import { PartFile, removeParts } from './partFile.ts';
import { fetchParts, type Part } from './parts.ts';
import { ProgressMeter } from './progressMeter.ts';
import type { Downloaded, DownloadOptions, DownloadResult } from './types.ts';

const PART_BYTES = 16 * 2 ** 20;
const PARALLEL = 6;
const ATTEMPTS = 6;
/** How often a source may change under a download. */
const ROUNDS = 3;

/**
 * Brings a file of an origin to `path` (absolute, its folder is there; what lies there is replaced when the new file is
 * whole). Half of it stays in `<path>.part`, and the next call for the same version goes on from there, whatever ended
 * this one. When the source changes meanwhile it starts over with the new version. The caller sees to it that nobody
 * else downloads to the same path.
 */
export async function download(
  origin: Origin,
  file: OriginFile,
  path: string,
  options: DownloadOptions = {},
): Promise<DownloadResult> {
  const startedMs = performance.now();
  let wanted = file;
  for (let round = 1; ; round += 1) {
    try {
      const made = await attempt(origin, wanted, path, options);
      return { ok: true, value: { ...made, wallMs: performance.now() - startedMs } };
    } catch (error) {
      const failure = localFailure(`download "${origin.uri}"`, error);
      const isLast = round === ROUNDS || options.startsOver === false;
      if (failure.code !== 'changed' || isLast) return { ok: false, error: failure };
      const next = await look(origin, wanted, path, options.signal);
      if (next instanceof SourceError) return { ok: false, error: next };
      wanted = next;
    }
  }
}

async function attempt(
  origin: Origin,
  file: OriginFile,
  path: string,
  options: DownloadOptions,
): Promise<Omit<Downloaded, 'wallMs'>> {
  const { maxBytes = Number.POSITIVE_INFINITY, pace = REAL_PACE } = options;
  if (file.bytes > maxBytes) {
    const why = `expected at most ${maxBytes} bytes, got ${file.bytes}`;
    throw new SourceError('too_large', `Cannot download "${origin.uri}": ${why}`);
  }
  const partBytes = file.ranges ? (options.partBytes ?? PART_BYTES) : Math.max(1, file.bytes);
  const target = await PartFile.open(path, journalHead(origin.uri, file, partBytes));
  try {
    const parts = partsOf(file.bytes, partBytes);
    const missing = parts.filter(({ index }) => !target.done.has(index));
    const resumedBytes = file.bytes - missing.reduce((sum, { from, to }) => sum + to - from, 0);
    const progress = new ProgressMeter(file.bytes, resumedBytes, options.onProgress, () => performance.now());
    const expected = expectedDigests(file, options);
    const hash = expected.length > 0 ? new FrontierHash(target, file.bytes, partBytes) : null;
    await fetchParts(
      { origin, file, target, progress, hash, pace, throttle: options.throttle },
      {
        parts: missing,
        parallel: options.parallel ?? PARALLEL,
        attempts: options.attempts ?? ATTEMPTS,
        signal: options.signal,
      },
    );
    if (hash) await verify(origin, expected, await hash.digest(), path);
    progress.report();
    await target.publish();
    return { file, resumedBytes, verified: hash !== null };
  } catch (error) {
    // Closing is best effort: the first failure is the one to tell.
    await target.close().catch(() => {});
    throw error;
  }
}

/** The version that is there now, after the half of the old one has gone. */
async function look(
  origin: Origin,
  old: OriginFile,
  path: string,
  signal: AbortSignal | undefined,
): Promise<OriginFile | SourceError> {
  try {
    await removeParts(path);
    const now = (await origin.files(signal)).find(({ name }) => name === old.name);
    return now ?? new SourceError('not_found', `Cannot download "${origin.uri}": "${old.name}" has gone`);
  } catch (error) {
    return localFailure(`download "${origin.uri}"`, error);
  }
}

function partsOf(bytes: number, partBytes: number): Part[] {
  return Array.from({ length: Math.ceil(bytes / partBytes) }, (_, index) => ({
    index,
    from: index * partBytes,
    to: Math.min(bytes, (index + 1) * partBytes),
  }));
}

function expectedDigests(file: OriginFile, { sha256 }: DownloadOptions): string[] {
  return [sha256, file.sha256].filter((digest) => digest != null).map((digest) => digest.toLowerCase());
}

async function verify(origin: Origin, expected: readonly string[], got: string, path: string): Promise<void> {
  const wrong = expected.find((digest) => digest !== got);
  if (wrong === undefined) return;
  await removeParts(path);
  throw new SourceError(
    'digest_mismatch',
    `Cannot use "${origin.uri}": expected sha256 ${wrong}, got ${got}`,
  );
}
