/** Where weights lie, from the fastest to the slowest: the weight store, its tier on a local disk, the place that the catalogue names. */
export const STORAGE_TIERS = ['memory', 'disk', 'origin'] as const;
export type StorageTier = (typeof STORAGE_TIERS)[number];

/**
 * What the threads of a staging did. Each time is the elapsed time of every thread at that work, added up over all of them
 * in milliseconds, waiting for the device included: they run side by side, so that the sum may be up to `threads` times the
 * wall time, and is no part of it.
 */
export interface StageWork {
  /** Most that ran at one time. */
  readonly threads: number;
  readonly readMs: number;
  /** null: it was not encrypted. */
  readonly decryptMs: number | null;
  readonly verifyMs: number;
}

/** What it took to bring weights into the store, whoever waited for how much of it. */
export interface StageDetail {
  readonly bytes: number;
  /** Wall time from its order to its end, a download before it included. */
  readonly wallMs: number;
  /** Wall time of the download to this machine; null: there was none. */
  readonly downloadMs: number | null;
  /** null: no staging threads of this gateway read it. */
  readonly work: StageWork | null;
}

/** Where one file came from. */
export interface FileOrigin {
  /** null: another gateway of this host staged it, and does not tell. */
  readonly tier: StorageTier | null;
  /** null: nothing had to be staged. */
  readonly staged: StageDetail | null;
}

/** What reached a device by the threaded upload, and the time of the loading thread for it. */
export interface UploadDetail {
  readonly bytes: number;
  readonly tookMs: number;
}

/**
 * What happened inside and beside the phases of a start. It tells of the start, not of the request's own time: who joined has
 * the same as who began it.
 */
export interface StartDetail {
  /** Where the base came from; of an `attach` the slowest tier of its adapters. null: not known, or nothing was read. */
  readonly tier: StorageTier | null;
  /** Of all files that were staged for it. */
  readonly staged: StageDetail | null;
  /** null: nothing was uploaded by threads. */
  readonly upload: UploadDetail | null;
}

/** `base`: null when the start had not to load it. null when there is nothing to tell. */
export function startDetail(
  base: FileOrigin | null,
  adapters: readonly FileOrigin[],
  upload: UploadDetail | null,
): StartDetail | null {
  const files = base ? [base, ...adapters] : adapters;
  const tier = base ? base.tier : slowest(adapters);
  const staged = together(files.flatMap((file) => file.staged ?? []));
  return tier === null && staged === null && upload === null ? null : { tier, staged, upload };
}

/** null: of one it is not known, or there is none. */
function slowest(files: readonly FileOrigin[]): StorageTier | null {
  const ranks = files.map(({ tier }) => (tier === null ? Number.NaN : STORAGE_TIERS.indexOf(tier)));
  return STORAGE_TIERS[Math.max(-1, ...ranks)] ?? null;
}

/** Files are staged side by side: bytes and the threads' times add up, of wall times the longest counts. */
function together(stagings: readonly StageDetail[]): StageDetail | null {
  const [first, ...others] = stagings;
  if (!first) return null;
  return others.reduce(
    (all, one) => ({
      bytes: all.bytes + one.bytes,
      wallMs: Math.max(all.wallMs, one.wallMs),
      downloadMs: both(all.downloadMs, one.downloadMs, Math.max),
      work: both(all.work, one.work, plus),
    }),
    first,
  );
}

function plus(a: StageWork, b: StageWork): StageWork {
  return {
    threads: Math.max(a.threads, b.threads),
    readMs: a.readMs + b.readMs,
    decryptMs: both(a.decryptMs, b.decryptMs, (x, y) => x + y),
    verifyMs: a.verifyMs + b.verifyMs,
  };
}

/** What is there of two. */
function both<T>(a: T | null, b: T | null, join: (a: T, b: T) => T): T | null {
  if (a === null || b === null) return a ?? b;
  return join(a, b);
}

/** Bytes a second; null: it took no time that could be measured. */
export function rateOf(bytes: number, tookMs: number): number | null {
  return tookMs > 0 ? Math.round((bytes / tookMs) * 1000) : null;
}
