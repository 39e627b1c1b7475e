import type { RequestId } from './ids.ts';

/** What a correction adds to a request's row; a credit is negative. Whole numbers. */
export interface CorrectionDeltas {
  readonly promptTokens: number;
  /** Part of the prompt's. */
  readonly cachedTokens: number;
  readonly completionTokens: number;
  readonly costMicroUsd: number;
}

/** A later statement about a request's row, which itself is never changed. */
export interface Correction extends CorrectionDeltas {
  readonly id: string;
  readonly requestId: RequestId;
  readonly madeAtEpochMs: number;
  readonly reason: string;
  readonly author: 'system' | 'admin';
}
