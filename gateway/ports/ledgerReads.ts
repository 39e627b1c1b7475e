import type { Admission } from '../domain/admission.ts';
import type { Correction } from '../domain/correction.ts';
import type { Result } from '../domain/errors.ts';
import type { RequestRecord } from '../domain/requestRecord.ts';

/** Which rows are wanted; what is absent does not matter. */
export interface RequestFilter {
  /** Of the arrival, inclusive. */
  readonly fromEpochMs?: number | undefined;
  /** Of the arrival, exclusive. */
  readonly toEpochMs?: number | undefined;
  readonly combo?: string | undefined;
  readonly keyId?: string | undefined;
  readonly httpStatus?: number | undefined;
  readonly errorCode?: string | undefined;
  readonly requestId?: string | undefined;
}

/** Where a page ends: the row after which the next one begins. */
export interface RequestPosition {
  readonly arrivedAtEpochMs: number;
  readonly requestId: string;
}

/** All that the ledger knows of one request. */
export interface RequestAccount {
  readonly record: RequestRecord;
  /** null: it was refused at the door. */
  readonly admission: Admission | null;
  /** The oldest first. */
  readonly corrections: readonly Correction[];
}

/** Reads of the ledger for people, and their corrections. */
export interface LedgerReads {
  /** The newest arrivals first, at most 1,000. */
  list(
    filter: RequestFilter,
    after: RequestPosition | null,
    limit: number,
  ): Promise<readonly RequestRecord[]>;
  account(requestId: string): Promise<RequestAccount | null>;
  /** Resolves when it is on disk. `conflict` when its request would come to have used less than nothing. */
  correct(correction: Correction): Promise<Result<Correction>>;
}
