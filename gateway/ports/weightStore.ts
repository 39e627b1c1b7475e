import type { DeviceName, SegmentKey } from '../domain/ids.ts';
import type { FileOrigin } from '../domain/startDetail.ts';
import type { SegmentBook } from '../pool/segments.ts';

/** Weight files that are to be in the store. */
export interface StageOrder {
  readonly key: SegmentKey;
  readonly book: SegmentBook;
  /** Absolute path, or the address, of the file or of the first of a split one. */
  readonly source: string;
  /** Of the file in its segment. */
  readonly fileName: string;
  /** Of an encrypted file its plaintext, as its digest is. */
  readonly bytes: number;
  /** It is a container of encrypted weights. */
  readonly isEncrypted: boolean;
  /** `sha256:…`, `blake3:…` or `tree:…` of the catalogue; null: what is read is believed. */
  readonly digest: string | null;
  /** `demand`: somebody waits for it. */
  readonly priority: 'demand' | 'prefetch';
  /** Whose memory is to be near to it; null: none, or it is not known yet. What is in the store already stays where it is. */
  readonly device: DeviceName | null;
}

/** How far bytes are on one way. */
export interface ByteProgress {
  readonly bytes: number;
  /** 0: not known yet. */
  readonly totalBytes: number;
}

/** How far a file is on its way into the store. */
export interface StageProgress extends ByteProgress {
  /** What the bytes are of: what lies behind a URI is downloaded first. */
  readonly step: 'download' | 'stage';
  /** 0 to 1 of all its steps. */
  readonly fraction: number;
}

/** A file in the store. Without `staged` it was there already. */
export interface StagedFile extends FileOrigin {
  /** What an engine opens. */
  readonly path: string;
  /** The file whose shared lock keeps it there. */
  readonly leasePath: string;
  /** Digest of what it holds, hex. */
  readonly contentId: string;
  readonly bytes: number;
}

/** One that is in the store. */
export interface SegmentRow {
  readonly contentId: string;
  readonly book: SegmentBook;
  readonly bytes: number;
  /** Some process of this host holds its lock. */
  readonly inUse: boolean;
  /** Its source was; what is in the store is plaintext. */
  readonly isEncrypted: boolean;
  readonly stagedAtEpochMs: number;
}

/** One that an entry of the catalogue has there already. */
export interface FoundSegment extends SegmentRow {
  readonly key: SegmentKey;
}

export type StageFailureCode =
  /** No room, or the store itself fails: the source may be used as it is. Never of one that is known to be encrypted. */
  | 'store_unavailable'
  | 'source_unreadable'
  | 'digest_mismatch'
  | 'damaged'
  | 'key_unavailable'
  | 'refused'
  | 'cancelled';

/** Staging failed; nothing was published. */
export class StageFailed extends Error {
  readonly code: StageFailureCode;
  /** The same order would fail again. */
  readonly isPermanent: boolean;

  constructor(code: StageFailureCode, message: string, isPermanent: boolean) {
    super(message);
    this.code = code;
    this.isPermanent = isPermanent;
  }
}

/** The host-wide store of weights in shared memory. Several gateways may share it. */
export interface WeightStore {
  /**
   * Puts the file into the store, once, however often and by whomever it is asked for; rejects with StageFailed. Until a
   * runner has locked it, it may go again, when another gateway of this host needs the room.
   */
  stage(order: StageOrder, onProgress: (progress: StageProgress) => void): Promise<StagedFile>;
  /** False when somebody on this host uses it. */
  drop(key: SegmentKey, book: SegmentBook): Promise<boolean>;
  /** Those of the sources that are there already. */
  find(sources: readonly { readonly key: SegmentKey; readonly book: SegmentBook }[]): Promise<FoundSegment[]>;
  list(): Promise<readonly SegmentRow[]>;
  close(): Promise<void>;
}
