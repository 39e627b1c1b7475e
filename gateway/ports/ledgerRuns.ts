import type { Admission } from '../domain/admission.ts';

/** What a gateway that starts finds and leaves in the ledger. */
export interface LedgerRuns {
  /** Admissions of earlier gateways that have no row, the oldest first. None may be served by this gateway yet. */
  unsettled(): Promise<readonly Admission[]>;
  /** All admissions up to now are settled: the next gateway looks at later ones only. Resolves when that is on disk. */
  began(gatewayRun: string, atEpochMs: number): Promise<void>;
}
