import type { RunnerId } from '../domain/ids.ts';
import { takeOut } from './queues.ts';
import type { PoolState, Waiter, WaitQueue } from './state.ts';

/**
 * Takes those out of the queue who are granted next on that runner, at most `count`: in the order of arrival. One who was
 * promised another runner is passed over.
 */
export function takeNext(state: PoolState, queue: WaitQueue, id: RunnerId, count: number): Waiter[] {
  let left = count;
  return takeOut(state, queue, ({ promised }) => {
    if (left <= 0 || (promised !== null && promised !== id)) return false;
    left -= 1;
    return true;
  });
}
