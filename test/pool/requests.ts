import type { Combo } from '../../gateway/domain/combo.ts';
import type { RequestId, RunnerId } from '../../gateway/domain/ids.ts';
import type { FixedStart } from '../../gateway/pool/effects.ts';
import type { WaitTerms } from '../../gateway/pool/terms.ts';

/** A client's request in the simulated world. */
export interface SimulatedRequest {
  readonly id: RequestId;
  readonly combo: Combo;
  readonly durationMs: number;
  readonly terms: WaitTerms;
  readonly arrivedAtEvent: number;
  state: 'waiting' | 'left' | 'rejected' | 'running' | 'ended';
  runnerId: RunnerId | null;
  promised: FixedStart | null;
}

/** Requests and orders that are not answered yet, or still run. */
export function openOf(
  requests: readonly SimulatedRequest[],
  orders: ReadonlyMap<string, { readonly answered: boolean }>,
): string[] {
  const open = requests.filter(({ state }) => state === 'waiting' || state === 'running');
  const unanswered = [...orders].filter(([, { answered }]) => !answered);
  return [...open.map(({ id }) => id), ...unanswered.map(([id]) => id)];
}

/** Those that run on the runner, for that combo alone when one is given. */
export function runsOn(
  requests: readonly SimulatedRequest[],
  id: RunnerId,
  key?: string,
): SimulatedRequest[] {
  const runs = ({ state, runnerId, combo }: SimulatedRequest): boolean =>
    state === 'running' && runnerId === id && (key === undefined || combo.key === key);
  return requests.filter(runs);
}

/** How many wait, orders that are not answered among them. */
export function waitingOf(
  requests: readonly SimulatedRequest[],
  orders: ReadonlyMap<string, { readonly answered: boolean }>,
): number {
  const waiting = requests.filter(({ state }) => state === 'waiting').length;
  return waiting + [...orders.values()].filter(({ answered }) => !answered).length;
}
