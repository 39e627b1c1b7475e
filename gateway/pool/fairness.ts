import type { PoolState } from './state.ts';
import type { TokenUsage } from './terms.ts';

/**
 * Who has had how much: Virtual Token Counters (Sheng et al., "Fairness in Serving Large Language Models", OSDI 2024,
 * algorithms 2 and 4). A tenant's counter grows by what it is served, over its weight; of those who wait the one with the
 * least goes next. What a request will take is not known when it is granted: it is charged what the last ones took, and
 * that is put right when it ends.
 */
export interface Fairness {
  /** By tenant; the longest unused first. */
  readonly accounts: Map<string, Account>;
  /** Those with requests that wait. */
  readonly waiting: Set<Account>;
  /** Whose last waiting request was the last to leave. */
  lastToLeave: Account | null;
  /** What a request costs by the last ones. */
  typicalCost: number;
  /** The tenant that came last, and when another one did before it. */
  lastTenant: string | null;
  lastSeenMs: number;
  otherSeenMs: number;
}

/** One tenant's. Dropped when it is idle and others need its place. */
export interface Account {
  readonly tenant: string;
  /** Above 0. */
  weight: number;
  /** Weighted tokens over the weight; never negative. */
  counter: number;
  waiting: number;
  running: number;
}

/** Tenants are made by clients while no API keys are required: what is remembered of them is bounded. */
const MOST_ACCOUNTS = 10_000;
/** How fast the cost that is charged follows what requests take. */
const FOLLOW = 0.1;
/** Whoever asked within this time competes for the queue. */
const COMPETES_MS = 60_000;

export function noFairness(): Fairness {
  return {
    accounts: new Map(),
    waiting: new Set(),
    lastToLeave: null,
    typicalCost: 1,
    lastTenant: null,
    lastSeenMs: Number.NEGATIVE_INFINITY,
    otherSeenMs: Number.NEGATIVE_INFINITY,
  };
}

/** The tenant asks for something. */
export function accountOf({ fairness }: PoolState, tenant: string, weight: number, nowMs: number): Account {
  const { accounts } = fairness;
  if (fairness.lastTenant !== tenant) {
    fairness.otherSeenMs = fairness.lastSeenMs;
    fairness.lastTenant = tenant;
  }
  fairness.lastSeenMs = nowMs;
  const account = accounts.get(tenant) ?? { tenant, weight, counter: 0, waiting: 0, running: 0 };
  account.weight = weight;
  accounts.delete(tenant);
  accounts.set(tenant, account);
  if (accounts.size > MOST_ACCOUNTS) dropIdle(fairness);
  return account;
}

function dropIdle({ accounts }: Fairness): void {
  for (const account of accounts.values()) {
    if (account.waiting > 0 || account.running > 0) continue;
    accounts.delete(account.tenant);
    return;
  }
}

/** Another tenant than the one that asks now has asked lately. */
export function isContended({ fairness }: PoolState, nowMs: number): boolean {
  return nowMs - fairness.otherSeenMs < COMPETES_MS;
}

/**
 * One of its requests begins to wait. A tenant that comes back is lifted to the least of those who wait, else to the one
 * that left last: nobody saves up for later by asking for nothing (algorithm 2, lines 6 to 13).
 */
export function beginWaiting({ fairness }: PoolState, account: Account): void {
  if (account.waiting === 0) {
    let floor = Number.POSITIVE_INFINITY;
    for (const { counter } of fairness.waiting) floor = Math.min(floor, counter);
    if (fairness.waiting.size === 0) floor = fairness.lastToLeave?.counter ?? 0;
    account.counter = Math.max(account.counter, floor);
    fairness.waiting.add(account);
  }
  account.waiting += 1;
}

export function endWaiting({ fairness }: PoolState, account: Account): void {
  account.waiting -= 1;
  if (account.waiting > 0) return;
  fairness.waiting.delete(account);
  fairness.lastToLeave = account;
}

/** A request of it is granted. What it is charged for that, over its weight. */
export function chargeGrant({ fairness }: PoolState, account: Account): number {
  const charged = fairness.typicalCost / account.weight;
  account.running += 1;
  account.counter += charged;
  return charged;
}

/** It has ended: what it took replaces what it was charged. undefined: nobody knows, so the charge stays. */
export function settleCharge(
  { fairness, settings }: PoolState,
  account: Account,
  charged: number,
  usage: TokenUsage | undefined,
): void {
  account.running -= 1;
  if (!usage) return;
  const { inputToken, outputToken } = settings.fairWeights;
  const cost = inputToken * usage.promptTokens + outputToken * usage.completionTokens;
  account.counter = Math.max(0, account.counter - charged + cost / account.weight);
  fairness.typicalCost += FOLLOW * (cost - fairness.typicalCost);
}

/** The start that it began has kept the machine busy for so long. */
export function chargeStart({ settings }: PoolState, account: Account, tookMs: number): void {
  account.counter += (settings.fairWeights.startSecond * (tookMs / 1000)) / account.weight;
}
