/** Interactive work goes first; flex work fills what it leaves idle (OpenAI's `service_tier`). */
export type Tier = 'interactive' | 'flex';

/** On what terms a request waits. */
export interface WaitTerms {
  /** Whose it is: what fairness is between. Opaque, and never in a note or a message. */
  readonly tenant: string;
  /** The tenant's share against others; above 0, 1 unless its key says otherwise. */
  readonly weight: number;
  readonly tier: Tier;
  /** When it must have been granted; Infinity: whenever. */
  readonly deadlineAtMs: number;
}

/** What a request brings that says nothing of its terms. */
export const PLAIN_TERMS: WaitTerms = {
  tenant: 'anonymous',
  weight: 1,
  tier: 'interactive',
  deadlineAtMs: Number.POSITIVE_INFINITY,
};

/** What a request took, as its runner counted it. */
export interface TokenUsage {
  readonly promptTokens: number;
  readonly completionTokens: number;
}
