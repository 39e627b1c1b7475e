/**
 * The protocol between the gateway and its stager: one JSON object per line over a duplex pipe (file descriptor 3 of the
 * child). Both ends validate. The gateway says `hello` first, the stager answers `ready`. Orders carry `seq`; exactly one
 * answer with the same `seq` follows, and before it `progress` of a staging.
 */
import * as z from 'zod';

export const STAGER_PROTOCOL_VERSION = 3;

const seq = z.int().nonnegative();
const bytes = z.int().nonnegative();
const durationMs = z.number().nonnegative();
const id = z.string().regex(/^[0-9a-f]{32}$/);
const book = z.enum(['bases', 'adapters']);

export const tierNameSchema = z.enum(['memory', 'disk']);
export type TierName = z.infer<typeof tierNameSchema>;

/** A store's folder, and what each of its books may take; null: what the file system has. */
export const tierSchema = z.object({
  root: z.string().min(1),
  budgets: z.object({ bases: bytes.nullable(), adapters: bytes.nullable() }),
});
export type TierSettings = z.infer<typeof tierSchema>;

/** Where a source's bytes may be read. */
export const sourceSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('path'), path: z.string().min(1) }),
  z.object({ kind: z.literal('segment'), tier: tierNameSchema, contentId: id }),
]);
export type StageSource = z.infer<typeof sourceSchema>;

/** As much as an order may bring: a folder's files may be under several keys. */
export const MAX_KEYS = 16;

/** A master key, by the name that containers give it; an empty name for containers that give none. */
const namedKey = z.object({
  name: z.string().max(128),
  /** 32 bytes as base64. It is in no message, log or answer. */
  key: z.string().regex(/^[A-Za-z0-9+/]{43}=$/),
});
export type EncodedKey = z.infer<typeof namedKey>;

/** Gateway to stager. */
export const toStagerSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('hello'),
    version: z.int(),
    memory: tierSchema,
    /** null: this box has no fast disk. */
    disk: tierSchema.nullable(),
    prefetchBytesPerSecond: z.number().min(1).nullable(),
    /** Put what was staged in memory into huge pages, where its file system has none. */
    collapses: z.boolean().default(false),
  }),
  /** A source's key, size and files; of each file no more than its first page is read. */
  z.object({
    type: z.literal('describe'),
    seq,
    path: z.string().min(1),
    /** What the catalogue holds it to; a part of the key. */
    digest: z.string().optional(),
  }),
  /** Where a source is already. */
  z.object({ type: z.literal('lookup'), seq, book, sourceKey: id }),
  z.object({
    type: z.literal('stage'),
    seq,
    tier: tierNameSchema,
    book,
    /** In the order in which they are tried: the nearest first. */
    sources: z.array(sourceSchema).min(1).max(8),
    /** By which it is found again; the key of the first path unless said. */
    sourceKey: id.optional(),
    priority: z.enum(['demand', 'prefetch']),
    /** `sha256:<hex>`, `blake3:<hex>` or `tree:<hex>`, from the catalogue. */
    digest: z.string().optional(),
    numaNode: z.int().min(0).max(63).optional(),
    /** For what is encrypted; without the one that is needed the answer is `key_required`, with its name. */
    keys: z.array(namedKey).max(MAX_KEYS).optional(),
  }),
  /** A request waits for what was ordered as a prefetch. */
  z.object({ type: z.literal('hurry'), seq, stageSeq: seq }),
  /** Nobody waits for it any more. The `stage` is answered with `cancelled`, unless it is through. */
  z.object({ type: z.literal('cancel'), seq, stageSeq: seq }),
  z.object({ type: z.literal('acquire'), seq, tier: tierNameSchema, book, contentId: id }),
  z.object({ type: z.literal('release'), seq, leaseId: z.int() }),
  z.object({ type: z.literal('evict'), seq, tier: tierNameSchema, book, contentId: id }),
  z.object({ type: z.literal('list'), seq, tier: tierNameSchema }),
  z.object({ type: z.literal('usage'), seq, tier: tierNameSchema }),
  z.object({ type: z.literal('sweep'), seq, tier: tierNameSchema }),
  z.object({ type: z.literal('cap'), seq, prefetchBytesPerSecond: z.number().min(1).nullable() }),
  z.object({ type: z.literal('ping'), seq }),
]);
export type ToStager = z.infer<typeof toStagerSchema>;
export type StagerOrder = Extract<ToStager, { seq: number }>;

/** Why an order failed. `permanent`: the same order would fail again until somebody changes a file. */
export const stagerFailureSchema = z.object({
  code: z.string(),
  message: z.string(),
  permanent: z.boolean(),
  /** With `store_full`. */
  shortage: z.object({ neededBytes: bytes, freeBytes: bytes, budgetBytes: bytes.nullable() }).optional(),
  /** With `key_required`: which key; empty when the container names none. */
  keyName: z.string().optional(),
});
export type StagerFailure = z.infer<typeof stagerFailureSchema>;

const bookUsage = z.object({ segmentBytes: bytes, makingBytes: bytes });

export const listedSegmentSchema = z.object({
  book,
  contentId: id,
  bytes,
  inUse: z.boolean(),
  /** Of the content; of a container its plaintext. */
  contentBytes: bytes,
  encrypted: z.boolean(),
  stagedAtEpochMs: z.int(),
});
export type SegmentRow = z.infer<typeof listedSegmentSchema>;

/** Stager to gateway. */
export const fromStagerSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready'), version: z.int(), pid: z.int() }),
  z.object({
    type: z.literal('progress'),
    seq,
    /** 0 while it is not known. */
    bytes,
    readyBytes: bytes,
    bytesPerSecond: z.number().nonnegative(),
    secondsLeft: z.number().nonnegative().nullable(),
    /** Another one, perhaps of another gateway, stages it. */
    joined: z.boolean(),
  }),
  z.object({
    type: z.literal('described'),
    seq,
    sourceKey: id,
    isFolder: z.boolean(),
    fileSystem: z.string(),
    bytes,
    files: z.array(z.object({ name: z.string(), bytes })),
    encrypted: z.boolean(),
    /** The key that the first container names, empty when it names none; null: there is none. */
    keyName: z.string().nullable(),
  }),
  z.object({ type: z.literal('found'), seq, memory: id.nullable(), disk: id.nullable() }),
  z.object({
    type: z.literal('staged'),
    seq,
    contentId: id,
    sourceKey: id,
    outcome: z.enum(['staged', 'joined', 'present', 'duplicate']),
    /** The segment's folder; it stays while the lease is held. */
    path: z.string(),
    /** Of its one file; null: it has several. An equal file of another name may have been staged first. */
    fileName: z.string().nullable(),
    leaseId: z.int(),
    /** Which of the sources it came from, of those of the order that began the staging. */
    sourceIndex: z.int().nonnegative(),
    /** What that was: the tier of a segment, or a path; null: another process read it, or nobody. */
    from: z.enum(['memory', 'disk', 'path']).nullable(),
    bytes,
    totalMs: durationMs,
    waitMs: durationMs,
    copyMs: durationMs,
    /** Elapsed times of the threads, added up over all of them. */
    readMs: durationMs,
    decodeMs: durationMs,
    verifyMs: durationMs,
    threads: z.int().nonnegative(),
    direct: z.boolean(),
    encrypted: z.boolean(),
    fileSystem: z.string(),
  }),
  z.object({ type: z.literal('acquired'), seq, path: z.string(), leaseId: z.int() }),
  z.object({ type: z.literal('evicted'), seq, outcome: z.enum(['evicted', 'busy', 'absent']), bytes }),
  z.object({ type: z.literal('listed'), seq, segments: z.array(listedSegmentSchema) }),
  z.object({ type: z.literal('usage'), seq, bases: bookUsage, adapters: bookUsage, freeBytes: bytes }),
  z.object({ type: z.literal('swept'), seq, segments: z.int(), bytes, sources: z.int(), locks: z.int() }),
  z.object({ type: z.literal('done'), seq }),
  z.object({ type: z.literal('pong'), seq, stagings: z.int().nonnegative(), leases: z.int().nonnegative() }),
  z.object({ type: z.literal('failed'), seq, failure: stagerFailureSchema }),
]);
export type FromStager = z.infer<typeof fromStagerSchema>;
