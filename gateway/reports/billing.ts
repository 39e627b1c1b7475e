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
/** As in docs/prices.md; `unsplit` is of requests that were rolled up before their parts were. */
const COST_PARTS = [
  'input',
  'cached',
  'output',
  'runner',
  'device',
  'start',
  'corrections',
  'unsplit',
] as const;
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

/** Sums of requests, and what corrections add to their amounts; micro-USD. */
type Sums = Partial<Record<Counter | 'correctionsMicroUsd', number>>;

interface Account {
  readonly labels: readonly DimensionValue[];
  readonly sums: Sums;
}

/** What was used, and what it cost, with what was corrected; docs/reports.md, "Billing". */
export function billingRows(
  groups: readonly ReportGroup[],
  corrections: readonly CorrectionSum[],
  tags: KeyTags,
  groupBy: readonly BillingDimension[],
): Row[] {
  const accounts = new Map<string, Account>();
  const add = (by: ReportGroup['by'], sums: Sums) => {
    for (const labels of labelSets(by, tags, groupBy)) {
      const key = JSON.stringify(labels);
      const account = accounts.get(key) ?? { labels, sums: {} };
      accounts.set(key, account);
      for (const [name, amount] of Object.entries(sums) as [keyof Sums, number][])
        account.sums[name] = (account.sums[name] ?? 0) + amount;
    }
  };
  for (const { by, counters } of groups) add(by, counters);
  for (const { key, combo, base, dayEpochMs: day, costMicroUsd, ...tokens } of corrections)
    add({ key, combo, base, day }, { ...tokens, costMicroUsd, correctionsMicroUsd: costMicroUsd });
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
    sums,
  }));
  return inOrder(groups, names).map(({ by, sums }) => ({ ...labelsOf(by, names), ...usageOf(sums) }));
}

function usageOf(counters: Sums): Row {
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
    cost_parts_micro_usd: costPartsOf(counters),
  };
}

/** They add up to the cost. */
function costPartsOf(sums: Sums): Record<(typeof COST_PARTS)[number], number> {
  const parts = {
    input: sums.inputMicroUsd ?? 0,
    cached: sums.cachedMicroUsd ?? 0,
    output: sums.outputMicroUsd ?? 0,
    runner: sums.runnerMicroUsd ?? 0,
    device: sums.deviceMicroUsd ?? 0,
    start: sums.startMicroUsd ?? 0,
    corrections: sums.correctionsMicroUsd ?? 0,
  };
  const known = Object.values(parts).reduce((sum, part) => sum + part, 0);
  return { ...parts, unsplit: (sums.costMicroUsd ?? 0) - known };
}

export function billingColumns(groupBy: readonly BillingDimension[]): Column[] {
  const { cost_parts_micro_usd: _parts, ...figures } = usageOf({});
  return [
    ...[...groupBy, ...Object.keys(figures)].map((name) => [name]),
    ...COST_PARTS.map((part) => ['cost_parts_micro_usd', part]),
  ];
}
