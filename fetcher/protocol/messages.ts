/**
 * The protocol between the gateway and its fetcher: one JSON object per line over a duplex pipe (file descriptor 3 of the
 * child). Both ends validate. The gateway says `hello` first, the fetcher answers `ready`. Each `fetch` gets exactly one
 * answer with the same `seq`, and before it `progress`. While there is one under way `alive` comes again and again.
 */
import * as z from 'zod';
import { SOURCE_FAILURES, type SourceFailureCode } from '../../sources/errors.ts';

export const FETCHER_PROTOCOL_VERSION = 1;

const seq = z.int().nonnegative();
const bytes = z.int().nonnegative();

/** Shape of SourceCredentials: secrets, in no message back, log or command line. */
const credentialsSchema = z.object({
  hf: z.object({ endpoint: z.string(), token: z.string().optional() }),
  s3: z.record(
    z.string(),
    z.object({
      endpoint: z.string().nullable(),
      region: z.string(),
      pathStyle: z.boolean(),
      keys: z
        .object({ accessKey: z.string(), secretKey: z.string(), sessionToken: z.string().optional() })
        .nullable(),
    }),
  ),
  http: z.record(z.string(), z.object({ headers: z.record(z.string(), z.string()) })),
});

/** Gateway to fetcher. */
export const toFetcherSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('hello'),
    version: z.int(),
    /** For all prefetches together; null: no limit. */
    prefetchBytesPerSecond: z.number().positive().nullable(),
  }),
  z.object({
    type: z.literal('fetch'),
    seq,
    /** A URI of a file, or of the first of a split model. */
    source: z.string().min(1),
    /** What the source's identity begins with: another version is `changed`. */
    version: z.string().regex(/^[0-9a-f]{16,32}$/),
    /** Absolute; its folder is there. What an earlier attempt left beside it is gone on with. */
    path: z.string().startsWith('/'),
    /** Of all files, as they are called beside `path`, which is the first. */
    names: z.array(z.string().min(1)).min(1),
    maxBytes: bytes,
    /** Of the whole file as it lies at its source. */
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .nullable(),
    priority: z.enum(['demand', 'prefetch']),
    credentials: credentialsSchema,
  }),
  /** A request waits for what was ordered as a prefetch. */
  z.object({ type: z.literal('hurry'), fetchSeq: seq }),
  /** Nobody waits for it any more. The `fetch` is answered with `cancelled`, unless it is through; what came stays. */
  z.object({ type: z.literal('cancel'), fetchSeq: seq }),
]);
export type ToFetcher = z.infer<typeof toFetcherSchema>;
export type FetchMessage = Extract<ToFetcher, { type: 'fetch' }>;
export type FetchCredentials = FetchMessage['credentials'];

const failureCodeSchema = z.enum(Object.keys(SOURCE_FAILURES) as [SourceFailureCode, ...SourceFailureCode[]]);

/** Fetcher to gateway. */
export const fromFetcherSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready'), version: z.int(), pid: z.int() }),
  z.object({ type: z.literal('alive') }),
  z.object({ type: z.literal('progress'), seq, bytes, totalBytes: bytes }),
  z.object({
    type: z.literal('fetched'),
    seq,
    /** Of these an earlier attempt had brought. */
    resumedBytes: bytes,
  }),
  z.object({
    type: z.literal('failed'),
    seq,
    code: failureCodeSchema,
    /** Names the source without query, user or password. */
    message: z.string(),
  }),
]);
export type FromFetcher = z.infer<typeof fromFetcherSchema>;
