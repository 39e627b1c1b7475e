/**
 * The whole contract between TypeScript and the weight store's addon (native/face/store_*, native/core/store).
 *
 * TypeScript validates first; C++ checks memory safety again and never lets an exception cross. Durations are in
 * milliseconds on the monotonic clock. A content id and a source key are 32 lower-case hexadecimal digits.
 */

/** Bumped on every change of this file that an older addon cannot serve. */
export const STORE_ADDON_VERSION = 3;

/** Bases and adapters have folders, books and budgets apart. */
export type Book = 'bases' | 'adapters';

/** `demand`: a request waits for it. `prefetch` yields to that, on the whole host, and keeps to the cap. */
export type Priority = 'demand' | 'prefetch';

export const STORE_ERROR_CODES = [
  /** No room, by the budget or by the file system; `neededBytes`, `freeBytes` and `budgetBytes` tell. */
  'store_full',
  /** The folder is not this user's alone. */
  'store_unsafe',
  'store_failed',
  'source_missing',
  'source_unreadable',
  /** It was changed between the look at it and the end of the reading. */
  'source_changed',
  /** A link that leads out, a name that cannot be, a special file, too much of everything. */
  'source_unsafe',
  'digest_mismatch',
  /** An encrypted source, and nothing to open it with. */
  'key_required',
  /** Plaintext of an encrypted source does not go to a disk. */
  'encrypted_stays',
  'not_a_container',
  'unsupported_version',
  'bad_header',
  'wrong_key',
  'chunk_damaged',
  'truncated',
  'trailing_bytes',
  'crypto_failed',
  'cancelled',
  'out_of_memory',
  'invalid_argument',
] as const;
export type StoreErrorCode = (typeof STORE_ERROR_CODES)[number];

/** What the promises below reject with, and the calls throw. */
export interface StoreError extends Error {
  code: StoreErrorCode;
  /** With `store_full`. */
  neededBytes?: number;
  freeBytes?: number;
  /** null: only the file system is a bound. */
  budgetBytes?: number | null;
  /** With `key_required`: which key, as the container says; empty when it says none. */
  keyName?: string;
}

/** A file or a model's folder as it was found; of each file no more than its first page is read. */
export interface SourceDescription {
  sourceKey: string;
  realPath: string;
  isFolder: boolean;
  fileSystem: 'nfs' | 'tmpfs' | 'fuse' | 'overlay' | 'local';
  bytes: number;
  /** Sorted by name. */
  files: { name: string; bytes: number }[];
  /** At least one file is a container. */
  encrypted: boolean;
  /** The key that the first container names, empty when it names none; null: there is none. */
  keyName: string | null;
}

/** A master key, by the name that containers give it; an empty name for containers that give none. */
export interface NamedKey {
  name: string;
  /** 32 bytes, copied before the call returns: fill it with zeros then. The copy is wiped when the staging has ended. */
  key: Uint8Array;
}

/**
 * A segment in use: a shared flock on its `.lease`, until release() or until every process that inherited `fd` has ended.
 * It is released when it is collected, too; keep it for as long as it is needed.
 */
export interface NativeLease {
  /** The segment's folder, with the files of the source by their relative names. */
  readonly path: string;
  /** For a child's `stdio`, so that it keeps the segment. -1 after release(). */
  readonly fd: number;
  /** Idempotent. */
  release(): void;
}

export interface StageOptions {
  /** A path, or a segment of another tier. */
  source: string | NativeLease;
  /**
   * What the source is found by, its digest included: what was staged under another digest or none has another key. A path has
   * one of its own, a segment needs the one of its origin.
   */
  sourceKey?: string;
  book: Book;
  priority: Priority;
  /** `sha256:<hex>` or `blake3:<hex>` of the one file, or `tree:<hex>`: the content id. */
  digest?: string;
  /** What the book may take; null: what the file system has. */
  budgetBytes: number | null;
  /** For what is encrypted; without the one that is needed it is `key_required`. */
  keys?: readonly NamedKey[];
  /** Threads that read at a time: 1 to 16, adapted within that; 16 unless said. */
  maxReaders?: number;
  /** Where the pages shall lie; anywhere unless said. */
  numaNode?: number;
}

export interface StageProgress {
  /** 0 while it is not known. */
  bytes: number;
  readyBytes: number;
  /** 0 while it is not known. */
  bytesPerSecond: number;
  /** Another one, perhaps of another process, stages it. */
  joined: boolean;
}

/** `present`: it was there. `joined`: another one staged it meanwhile. `duplicate`: an equal source had been staged. */
export type StageOutcome = 'staged' | 'joined' | 'present' | 'duplicate';

export interface StagedSegment {
  contentId: string;
  outcome: StageOutcome;
  /** Taken before anybody could evict it; the caller's. */
  lease: NativeLease;
  /** Of the content. 0 when nothing was read. */
  bytes: number;
  totalMs: number;
  /** Until another one's staging had ended. */
  waitMs: number;
  copyMs: number;
  /** Of all threads together. */
  readMs: number;
  decodeMs: number;
  verifyMs: number;
  /** At most at one time. */
  threads: number;
  /** All of it was read past the page cache. */
  direct: boolean;
  encrypted: boolean;
  fileSystem: SourceDescription['fileSystem'];
}

export interface StageJob {
  done: Promise<StagedSegment>;
  /** A request waits for it now: a prefetch goes on as a demand. Idempotent. */
  hurry(): void;
  /** Idempotent; `done` rejects with `cancelled` unless it is through. */
  cancel(): void;
}

export interface ListedSegment {
  book: Book;
  contentId: string;
  /** What it takes on the file system. */
  bytes: number;
  inUse: boolean;
}

export interface BookUsage {
  segmentBytes: number;
  /** Half-made ones, at the size reserved for them, and those being removed. */
  makingBytes: number;
}

export interface StoreUsage {
  bases: BookUsage;
  adapters: BookUsage;
  /** What the file system has left, without what is reserved and not written yet. */
  freeBytes: number;
}

export interface Eviction {
  outcome: 'evicted' | 'busy' | 'absent';
  bytes: number;
}

/** What was left by processes that have died. */
export interface SweepReport {
  segments: number;
  bytes: number;
  sources: number;
  locks: number;
}

export interface CollapseReport {
  /** Of the segment, in whole huge pages; 0: it has gone, or its mount has huge pages by itself. */
  bytes: number;
  /** In huge pages now. */
  hugeBytes: number;
  ms: number;
  wasHuge: boolean;
}

/** A store on disk. Other processes use it at the same time; nothing is remembered here. */
export interface NativeStore {
  /** What the source had when it was staged last, if that is there still. */
  lookup(book: Book, sourceKey: string): string | null;
  /** null: it is not there. */
  acquire(book: Book, contentId: string): NativeLease | null;
  stage(options: StageOptions, onProgress?: (progress: StageProgress) => void): StageJob;
  /** Of all prefetches of this store object together; null: no bound. */
  setPrefetchCap(bytesPerSecond: number | null): void;
  evict(book: Book, contentId: string): Promise<Eviction>;
  /**
   * Puts a segment of a tmpfs of 4 KiB pages into huge ones, in a thread that is nice to others and yields to what a request
   * waits for. Where the kernel cannot, pages stay as they are.
   */
  collapse(book: Book, contentId: string): Promise<CollapseReport>;
  list(): Promise<ListedSegment[]>;
  usage(): Promise<StoreUsage>;
  sweep(): Promise<SweepReport>;
}

export interface RawRead {
  bytes: number;
  ms: number;
  direct: boolean;
}

export interface StoreAddon {
  readonly addonVersion: number;
  /** Makes what is missing. `durable`: it survives a loss of power, and encrypted files stay so in it (the disk tier). */
  openStore(options: { root: string; durable: boolean }): NativeStore;
  /** `digest`: what the catalogue holds the source to; it is a part of the source's key. */
  describeSource(path: string, digest?: string): Promise<SourceDescription>;
  /**
   * For benchmarks: reads a file in chunks and does nothing with them, or reads them into the pages of a file on a
   * tmpfs.
   */
  rawRead(path: string, threads: number, into: string | null): Promise<RawRead>;
}
