import type { Result } from '../domain/errors.ts';

/** What encrypted weights need to be staged. */
export interface SealedWeights {
  /** The 32 bytes of a master key, read from its source each time. Whoever gets them wipes them. */
  keyOf(name: string): Promise<Result<Buffer, { readonly message: string }>>;
  /** May plaintext lie in the store? The reason is the last part of a sentence. */
  judgePlace(): Promise<{ readonly allowed: true } | { readonly allowed: false; readonly reason: string }>;
}
