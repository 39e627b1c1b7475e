import { periodStart } from '../../access/budgets.ts';
import type { BudgetPeriod } from '../../domain/apiKey.ts';
import type { KeyId } from '../../domain/ids.ts';
import type { SpendBook } from '../../ports/spendBook.ts';

interface Account {
  reserved: number;
  readonly sums: Record<BudgetPeriod, { start: number; microUsd: number }>;
}

const PERIODS = ['day', 'month'] as const;

/** The spend book in memory: sums of what was settled since the gateway began, or of what `restore` was told. */
export class InProcessSpendBook implements SpendBook {
  readonly #accounts = new Map<KeyId, Account>();

  /**
   * What the ledger has of one request, or of several that came at about the same time, from an earlier life; or what a
   * correction has changed of one.
   */
  restore(key: KeyId, costMicroUsd: number, arrivedAtEpochMs: number): void {
    this.settle(key, 0, costMicroUsd, arrivedAtEpochMs);
  }

  spent(key: KeyId, period: BudgetPeriod, nowEpochMs: number): ReturnType<SpendBook['spent']> {
    const account = this.#accounts.get(key);
    const sum = account?.sums[period];
    const isCurrent = sum !== undefined && sum.start >= periodStart(period, nowEpochMs);
    return {
      settledMicroUsd: isCurrent ? sum.microUsd : 0,
      reservedMicroUsd: account?.reserved ?? 0,
    };
  }

  reserve(key: KeyId, microUsd: number): void {
    this.#account(key).reserved += microUsd;
  }

  settle(key: KeyId, reservedMicroUsd: number, costMicroUsd: number, arrivedAtEpochMs: number): void {
    const account = this.#account(key);
    account.reserved -= reservedMicroUsd;
    for (const period of PERIODS) {
      const sum = account.sums[period];
      const start = periodStart(period, arrivedAtEpochMs);
      if (start === sum.start) sum.microUsd += costMicroUsd;
      // What came in a period that is over counts there, and nobody asks for that one any more.
      else if (start > sum.start) account.sums[period] = { start, microUsd: costMicroUsd };
    }
  }

  #account(key: KeyId): Account {
    let account = this.#accounts.get(key);
    if (!account) {
      account = { reserved: 0, sums: { day: { start: 0, microUsd: 0 }, month: { start: 0, microUsd: 0 } } };
      this.#accounts.set(key, account);
    }
    return account;
  }
}
