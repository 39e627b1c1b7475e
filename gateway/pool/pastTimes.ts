import type { Combo } from '../domain/combo.ts';
import type { StartKind } from '../domain/phases.ts';
import { noteDuration, SERVICE } from './durations.ts';
import { noteStart } from './startTimes.ts';
import type { PoolState } from './state.ts';

/** How long something took in an earlier life of the gateway. */
export interface PastTime {
  /** With its revisions as they are now. */
  readonly combo: Combo;
  /** Of a start; null: of a request, from its grant to its end. */
  readonly kind: StartKind | null;
  readonly tookMs: number;
}

/** Takes them into the books, the oldest first, as if they had been measured now. */
export function timesKnown(state: PoolState, times: readonly PastTime[]): void {
  for (const { combo, kind, tookMs } of times) {
    if (kind === null) noteDuration(state.serviceTimes, SERVICE, combo.key, tookMs);
    else noteStart(state, combo, kind, tookMs);
  }
}
