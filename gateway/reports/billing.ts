import type {
  CorrectionSum,
  Counter,
  Dimension,
  DimensionValue,
  ReportGroup,
} from '../domain/reportFigures.ts';
import { inOrder, labelsOf, type Row } from './figures.ts';
import type { Column } from './table.ts';

export const BILLING_DIMENSIONS = ['key', 'tag', 'model', 'combo', 'day'] as const;
export type BillingDimension = (typeof BILLING_DIMENSIONS)[number];
export type KeyTags = ReadonlyMap<string, Readonly<Record<string, string>>>;

/** Where each is found: a model is the base of a combo, a tag belongs to a key. */
const SOURCE = {
  key: 'key',
  tag: 'key',
  model: 'base',
  combo: 'combo',
  day: 'day',
} as const satisfies Record<BillingDimension, Dimension>;

/** What the reads have to tell apart. */
export function billingSource(groupBy: readonly BillingDimension[]): Dimension[] {
  return [...new Set(groupBy.map((dimension) => SOURCE[dimension]))];
}

interface Account {
  readonly labels: readonly DimensionValue[];
  readonly sums: Partial<Record<Counter, number>>;
}

/** What was used, and what it cost, with what was corrected; docs/reports.md, "Billing". */
export function billingRows(
  groups: readonly ReportGroup[],
  corrections: readonly CorrectionSum[],
  tags: KeyTags,
  groupBy: readonly BillingDimension[],
): Row[] {
  const accounts = new Map<string, Account>();
  const add = (by: ReportGroup['by'], sums: Account['sums']) => {
    for (const labels of labelSets(by, tags, groupBy)) {
      const key = JSON.stringify(labels);
      const account = accounts.get(key) ?? { labels, sums: {} };
      accounts.set(key, account);
      for (const [name, amount] of Object.entries(sums) as [Counter, number][])
        account.sums[name] = (account.sums[name] ?? 0) + amount;
    }
  };
  for (const { by, counters } of groups) add(by, counters);
  for (const { key, combo, base, dayEpochMs: day, ...sums } of corrections)
    add({ key, combo, base, day }, sums);
  return rowsOf([...accounts.values()], groupBy);
}

/** One for each tag of the key when tags are told apart; a key without any has null. */
function labelSets(
  by: ReportGroup['by'],
  tags: KeyTags,
  groupBy: readonly BillingDimension[],
): DimensionValue[][] {
  const own = Object.entries(tags.get(String(by.key ?? '')) ?? {}).map(([name, value]) => `${name}=${value}`);
  const ofKey = groupBy.includes('tag') && own.length > 0 ? own : [null];
  return ofKey.map((tag) =>
    groupBy.map((dimension) => (dimension === 'tag' ? tag : (by[SOURCE[dimension]] ?? null))),
  );
}

function rowsOf(accounts: readonly Account[], groupBy: readonly BillingDimension[]): Row[] {
  // Labels have no types of their own to be put in order by: all but the day are texts.
  const names = groupBy as readonly string[] as readonly Dimension[];
  const groups = accounts.map(({ labels, sums }) => ({
    by: Object.fromEntries(names.map((name, index) => [name, labels[index] ?? null])),
    counters: sums,
    measures: {},
  }));
  return inOrder(groups, names).map(({ by, counters }) => ({ ...labelsOf(by, names), ...usageOf(counters) }));
}

function usageOf(counters: ReportGroup['counters']): Row {
  const { promptTokens = 0, cachedTokens = 0, completionTokens = 0, costMicroUsd = 0 } = counters;
  const { answered = 0, failedByClient = 0, failedByGateway = 0, failedByRunner = 0, aborted = 0 } = counters;
  return {
    requests: answered,
    failed_requests: failedByClient + failedByGateway + failedByRunner + aborted,
    input_tokens: promptTokens,
    cached_tokens: cachedTokens,
    output_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    cost_micro_usd: costMicroUsd,
  };
}

export function billingColumns(groupBy: readonly BillingDimension[]): Column[] {
  return [...groupBy, ...Object.keys(usageOf({}))].map((name) => [name]);
}
