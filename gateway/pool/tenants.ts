import type { Account } from './fairness.ts';
import type { Waiter } from './state.ts';
import type { Tier } from './terms.ts';

/** How many of a queue's waiters are each account's, by tier: what a long queue need not be walked over for. None is 0. */
export type Tenants = Readonly<Record<Tier, Map<Account | null, number>>>;

export function noTenants(): Tenants {
  return { interactive: new Map(), flex: new Map() };
}

/** One more waits, in whichever tier. */
export function countIn(tenants: Tenants, { tier, account }: Waiter): void {
  tenants[tier].set(account, (tenants[tier].get(account) ?? 0) + 1);
}

/** One less. */
export function countOut(tenants: Tenants, { tier, account }: Waiter): void {
  const left = (tenants[tier].get(account) ?? 0) - 1;
  if (left > 0) tenants[tier].set(account, left);
  else tenants[tier].delete(account);
}

/** How many of the account wait in either tier. */
export function countOf({ interactive, flex }: Tenants, account: Account | null): number {
  return (interactive.get(account) ?? 0) + (flex.get(account) ?? 0);
}
