import type { StartKind } from '../../gateway/domain/phases.ts';
import type { JudgedRequest } from '../../gateway/domain/slo.ts';

/** What objectives look at of a row of `requests`. */
export interface JudgedRow extends JudgedRequest {
  readonly requestId: string;
  readonly arrivedAtEpochMs: number;
  readonly startKind: StartKind | null;
}

export const JUDGED_COLUMNS = `request_id as requestId, arrived_at_epoch_ms as arrivedAtEpochMs, combo, base_id as base,
  start_kind as startKind, ttft_ms as ttftMs, tpot_ms as tpotMs, total_ms as totalMs,
  http_status as httpStatus, error_code as errorCode`;
