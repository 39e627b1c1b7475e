import type { Account } from './fairness.ts';
import { takeThese } from './queues.ts';
import type { PoolState, ReadyRunner, Waiter, WaitQueue } from './state.ts';
import type { Tier } from './terms.ts';
import { tierOf } from './tiers.ts';
import { longestWaitMs } from './wants.ts';

/** What waits of one tenant, in its order; as many as could be chosen. */
interface Lane {
  readonly account: Account | null;
  readonly waiters: Waiter[];
  /** How many there may be at most: as many as could be chosen, or all that it has. */
  readonly most: number;
  next: number;
  /** The account's, with the charge for what is chosen already. */
  counter: number;
}

/** Takes those out of the queue who are granted next on that runner, at most `count`, in the order of their grants. */
export function takeNext(
  state: PoolState,
  queue: WaitQueue,
  runner: ReadyRunner,
  count: number,
  nowMs: number,
): Waiter[] {
  const next = nextWaiters(state, queue, runner, count, nowMs);
  takeThese(state, queue, next);
  return next;
}

/**
 * Who is granted next on that runner, at most `count`: interactive requests before flex ones; among these the tenant that
 * has had the least, over its weight; of one tenant who came first. One who was promised another runner is passed over, and
 * so is flex work while it is held. Has no side effects.
 */
export function nextWaiters(
  state: PoolState,
  queue: WaitQueue,
  runner: ReadyRunner,
  count: number,
  nowMs: number,
): Waiter[] {
  const chosen: Waiter[] = [];
  if (count <= 0) return chosen;
  const mayRun = ({ promised }: Waiter): boolean => promised === null || promised === runner.id;
  choose(state, queue, 'interactive', mayRun, count, chosen);
  if (chosen.length === count || queue.tenants.flex.size === 0) return chosen;
  const isHeld = isFlexHeld(state, runner, nowMs);
  const mayRunFlex = (waiter: Waiter): boolean => mayRun(waiter) && (!isHeld || waiter.promised !== null);
  choose(state, queue, 'flex', mayRunFlex, count, chosen);
  return chosen;
}

/**
 * Interactive requests have waited past the watermark for a combo of the runner's base: flex work that was promised nothing
 * gets no sequence of it, so that what it holds comes free for them.
 */
export function isFlexHeld(state: PoolState, runner: ReadyRunner, nowMs: number): boolean {
  const lineMs = longestWaitMs(state, runner);
  return tierOf(lineMs) === 'interactive' && nowMs - lineMs > state.settings.flexWatermarkMs;
}

/** Adds to `chosen`, up to `count`, the next ones by fairness of those of the tier that may. */
function choose(
  state: PoolState,
  queue: WaitQueue,
  tier: Tier,
  may: (waiter: Waiter) => boolean,
  count: number,
  chosen: Waiter[],
): void {
  const lanes = lanesOf(queue, tier, may, count - chosen.length);
  while (chosen.length < count) {
    let least: Lane | undefined;
    for (const lane of lanes)
      if (lane.next < lane.waiters.length && (!least || lane.counter < least.counter)) least = lane;
    const waiter = least?.waiters[least.next];
    if (!least || !waiter) return;
    chosen.push(waiter);
    least.next += 1;
    least.counter += state.fairness.typicalCost / (least.account?.weight ?? 1);
  }
}

/**
 * In the order of each one's first waiter, so that of equal counters the one that came first goes first. A long queue is
 * walked over only until every tenant's lane is full.
 */
function lanesOf(
  { waiters, tenants }: WaitQueue,
  tier: Tier,
  may: (waiter: Waiter) => boolean,
  depth: number,
): Lane[] {
  const lanes = new Map<Account | null, Lane>();
  let filling = tenants[tier].size;
  let lane: Lane | undefined;
  for (const waiter of waiters) {
    if (filling === 0) break;
    if (waiter.tier !== tier || !may(waiter)) continue;
    const { account } = waiter;
    // Neighbours are often of one tenant: the lookup is what costs in a long queue.
    if (!lane || lane.account !== account) lane = lanes.get(account);
    if (!lane) {
      const most = Math.min(depth, tenants[tier].get(account) ?? 0);
      lane = { account, waiters: [], most, next: 0, counter: account?.counter ?? 0 };
      lanes.set(account, lane);
    }
    if (lane.waiters.length === lane.most) continue;
    lane.waiters.push(waiter);
    if (lane.waiters.length === lane.most) filling -= 1;
  }
  return [...lanes.values()];
}
