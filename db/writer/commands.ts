import type { Admission } from '../../gateway/domain/admission.ts';
import type { ApiKey } from '../../gateway/domain/apiKey.ts';
import type { CatalogueAlias } from '../../gateway/domain/catalogue.ts';
import type { Correction } from '../../gateway/domain/correction.ts';
import type { PriceVersion } from '../../gateway/domain/prices.ts';
import type { RequestRecord } from '../../gateway/domain/requestRecord.ts';
import type { StoredAdapter, StoredModel } from '../../gateway/ports/catalogueStore.ts';
import type { ComboRow } from '../../gateway/ports/comboStore.ts';
import type { CreditOrder, KeyedAttempt } from '../../gateway/ports/ledger.ts';
import type { ModelFileFacts } from '../../gateway/ports/modelFile.ts';
import type { PinRow } from '../../gateway/ports/pinStore.ts';
import type { RunnerRow } from '../../gateway/ports/runnerStore.ts';
import type { SloStep } from '../slo/step.ts';

/** An event with its detail already JSON, so that no value in it can break the passage between threads. */
export interface EventRow {
  readonly atEpochMs: number;
  readonly type: string;
  readonly runnerId: string | null;
  readonly combo: string | null;
  readonly detailJson: string | null;
}

/** Everything that can be written; one statement each, so that SQLite itself undoes the one that fails. */
export type WriteCommand =
  | { readonly kind: 'appendRequest'; readonly record: RequestRecord }
  | { readonly kind: 'openRequest'; readonly admission: Admission }
  | {
      readonly kind: 'openAttempt';
      readonly requestId: string;
      readonly attempt: KeyedAttempt;
      readonly atEpochMs: number;
    }
  | { readonly kind: 'creditAttempts'; readonly order: CreditOrder }
  | { readonly kind: 'correct'; readonly correction: Correction }
  | { readonly kind: 'gatewayBegan'; readonly gatewayRun: string; readonly atEpochMs: number }
  | { readonly kind: 'countSlos'; readonly step: SloStep }
  /** With all that goes by their ids; of requests that are rolled up. */
  | { readonly kind: 'removeRequests'; readonly requestIds: readonly string[] }
  /** A packed RollUpStep. */
  | { readonly kind: 'rollUp'; readonly packed: Uint8Array }
  /** A packed PackStep. */
  | { readonly kind: 'packRollUps'; readonly packed: Uint8Array }
  | { readonly kind: 'appendEvent'; readonly event: EventRow }
  | { readonly kind: 'seeCombo'; readonly row: ComboRow }
  | { readonly kind: 'runnerSpawned'; readonly row: RunnerRow }
  | {
      readonly kind: 'runnerExited';
      readonly runnerId: string;
      readonly atEpochMs: number;
      readonly reason: string;
    }
  | { readonly kind: 'putModel'; readonly model: StoredModel }
  | { readonly kind: 'putAdapter'; readonly adapter: StoredAdapter }
  | { readonly kind: 'putAlias'; readonly alias: CatalogueAlias }
  | { readonly kind: 'deleteModel'; readonly id: string }
  | { readonly kind: 'deleteAdapter'; readonly id: string }
  | { readonly kind: 'deleteAlias'; readonly name: string }
  | { readonly kind: 'putSourceFacts'; readonly facts: ModelFileFacts }
  | { readonly kind: 'deleteSourceFacts'; readonly path: string }
  | { readonly kind: 'putKey'; readonly key: ApiKey }
  | { readonly kind: 'addPrices'; readonly version: PriceVersion }
  | { readonly kind: 'putPin'; readonly row: PinRow }
  | { readonly kind: 'deletePin'; readonly combo: string };

/** Why one command is not on disk. `code` is SQLite's, as `SQLITE_CONSTRAINT_NOTNULL`. */
export interface WriteFailure {
  readonly index: number;
  readonly code: string;
  readonly message: string;
}

/** Main thread to writer thread. */
export type WriterRequest =
  | { readonly kind: 'write'; readonly batch: number; readonly commands: readonly WriteCommand[] }
  | { readonly kind: 'close' };

/** What the writer has done since it started. */
export interface WriterStats {
  /** Transactions, each with one fsync of the log. */
  readonly commits: number;
  readonly commands: number;
}

/** Writer thread to main thread. */
export type WriterReply =
  | { readonly kind: 'opened' }
  | { readonly kind: 'openFailed'; readonly message: string }
  | {
      readonly kind: 'written';
      readonly batches: readonly { readonly batch: number; readonly failures: readonly WriteFailure[] }[];
      readonly stats: WriterStats;
    };

/** What the writer thread is started with. Absolute paths. */
export interface WriterOptions {
  readonly path: string;
  readonly migrationsDir: string;
}
