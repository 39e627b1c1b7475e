import type { Admission } from '../domain/admission.ts';
import type { RequestRecord } from '../domain/requestRecord.ts';

/** A try under an idempotency key. Both texts are keyed hashes: neither key nor body can be had back from them. */
export interface KeyedAttempt {
  readonly keyHash: string;
  readonly bodyFingerprint: string;
}

/** An attempt that is over, as the next one under its key finds it. */
export interface PastAttempt extends KeyedAttempt {
  readonly requestId: string;
  /** Its answer was given in full: its row has no error. */
  readonly isAnswered: boolean;
}

/** The attempts of a key and a body since a time, whose tokens the full answer of this one pays for. */
export interface CreditOrder extends KeyedAttempt {
  readonly requestId: string;
  readonly sinceEpochMs: number;
  readonly madeAtEpochMs: number;
}

/**
 * The durable, append-only record: an admission when a request has passed the door, one row at its end.
 */
export interface Ledger {
  /**
   * When it returns, the admission and the attempt under a key outlive this process; the machine, a quarter of a second
   * later, and never later than the row of their request. Throws when the disk refuses.
   */
  open(admission: Admission, attempt: KeyedAttempt | null): void;
  /**
   * Resolves when the row is on disk (group commit, fsync). Appending the same request id again changes nothing.
   * Rejects when the disk refuses; the caller then must not say that the request ended well.
   */
  append(record: RequestRecord): Promise<void>;
  /**
   * Corrects what earlier attempts have used down to nothing, each once. Resolves when that is on disk.
   */
  creditAttempts(order: CreditOrder): Promise<void>;
  /** The newest attempt under a key since a time that is settled; null: none. */
  lastAttempt(keyHash: string, sinceEpochMs: number): Promise<PastAttempt | null>;
}
