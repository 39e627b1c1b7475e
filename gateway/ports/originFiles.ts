import type { SegmentKey } from '../domain/ids.ts';
import type { ByteProgress, StageOrder } from './weightStore.ts';

/** A file behind a URI, or all files of a split model by the first, that are to lie on this machine. */
export type OriginOrder = Pick<
  StageOrder,
  'key' | 'source' | 'bytes' | 'isEncrypted' | 'digest' | 'priority'
>;

/** One that does. */
export interface BroughtFile {
  /** Absolute. */
  readonly path: string;
  /** Its source was read for it; false: an earlier download was still there. */
  readonly isFromOrigin: boolean;
  readonly wallMs: number;
}

/** Weights behind URIs as files of this machine. What was brought stays for later starts, as long as there is room. */
export interface OriginFiles {
  /** False for a path of this machine. */
  isRemote(source: string): boolean;
  /** Where the source's file of that key, of a split model the first, lies once it is here; a path of this machine is its own place. */
  placeOf(key: SegmentKey, source: string): string;
  /**
   * Brings it here, once for all who ask at the same time, going on where an earlier attempt ended. Rejects with StageFailed.
   * When the source has another version than `key` says, the catalogue has looked at it again when this rejects.
   */
  bring(order: OriginOrder, onProgress: (progress: ByteProgress) => void): Promise<BroughtFile>;
  /** What lies here of that key is no good. */
  discard(key: SegmentKey): Promise<void>;
  /** Ends what is under way; it goes on when it is asked for again, also by a later gateway. */
  close(): Promise<void>;
}
