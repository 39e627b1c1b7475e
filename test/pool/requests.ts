import type { Combo } from '../../gateway/domain/combo.ts';
import type { RequestId, RunnerId } from '../../gateway/domain/ids.ts';
import type { FixedStart } from '../../gateway/pool/effects.ts';

/** A client's request in the simulated world. */
export interface SimulatedRequest {
  readonly id: RequestId;
  readonly combo: Combo;
  readonly durationMs: number;
  readonly arrivedAtEvent: number;
  state: 'waiting' | 'left' | 'rejected' | 'running' | 'ended';
  runnerId: RunnerId | null;
  promised: FixedStart | null;
}
