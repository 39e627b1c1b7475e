import type { Cost, StartShare } from './cost.ts';
import type { ErrorCode } from './errors.ts';
import type { ComboName, RequestId, RunnerId } from './ids.ts';
import type { PhaseRecord, StartKind } from './phases.ts';
import type { StartDetail } from './startDetail.ts';
import type { RecordedTrace } from './trace.ts';

export type Endpoint = 'chat_completions' | 'completions' | 'embeddings';

/**
 * The one record of a request, from which headers, metrics, ledger and reports derive. Written once, at its end.
 * Durations are differences on the monotonic clock, in milliseconds; epoch times only say when.
 */
export interface RequestRecord {
  readonly requestId: RequestId;
  readonly endpoint: Endpoint;
  /** Id of the API key; null while none is required. */
  readonly keyId: string | null;
  /** null when the request was refused before its combo was known. */
  readonly combo: ComboName | null;
  readonly base: string | null;
  /** Revisions of base and adapters, as in the combo's key. */
  readonly comboRevision: string | null;
  readonly runnerId: RunnerId | null;
  readonly startKind: StartKind | null;
  readonly joined: boolean;
  /** Its place among those who waited for the start when it was ready; null: none, or gone before. */
  readonly startShare: StartShare | null;
  readonly stream: boolean;
  readonly arrivedAtEpochMs: number;
  /** Longest from arrival to its grant that was asked for or configured; null: none. */
  readonly deadlineMs: number | null;
  readonly phasesMs: PhaseRecord;
  /** What happened inside and beside the phases of the start that it waited for; null: nothing to tell. */
  readonly startDetail: StartDetail | null;
  /** Arrival to the first token; also measured without streaming. null when there was none. */
  readonly ttftMs: number | null;
  /** Per output token after the first. */
  readonly tpotMs: number | null;
  readonly totalMs: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly completionTokens: number;
  readonly responseBytes: number;
  /** Device memory that its runner's base and combo were booked with; 0 without a device. */
  readonly deviceBytes: number;
  /** Of the prices in force when it arrived; null: it costs nothing by any. */
  readonly priceVersion: number | null;
  readonly cost: Cost;
  /** What the client saw; after headers went it stays 200 and the error code tells. */
  readonly httpStatus: number;
  /** An engine's own code (from its error envelope) may stand here too. */
  readonly errorCode: ErrorCode | (string & {}) | null;
  readonly finishReason: string | null;
  /** Absent: it is part of no trace. No column of the ledger. */
  readonly trace?: RecordedTrace;
}
