import type { SpendRow } from '../data.ts';

export type SpendDimension = 'key' | 'model';

type Sums = {
  -readonly [Name in Exclude<keyof SpendRow, 'key' | 'model'>]: number;
};

export interface SpendGroup extends Readonly<Sums> {
  readonly name: string;
  /** Of all cost, 0 to 1. */
  readonly share: number;
}

interface SpendGroups {
  /** The dearest first. */
  readonly top: readonly SpendGroup[];
  /** How many there are. */
  readonly count: number;
}

/** Rows by what is told apart: of the dearest `most` their sums. There may be tens of thousands of rows. */
export function spendGroups(
  rows: readonly SpendRow[],
  by: readonly SpendDimension[],
  most: number,
): SpendGroups {
  const groups = new Map<string, { readonly first: SpendRow; readonly sums: Sums }>();
  let totalMicroUsd = 0;
  for (const row of rows) {
    totalMicroUsd += row.costMicroUsd;
    // Two keys may have the same name.
    const id = by.map((dimension) => (dimension === 'key' ? (row.key?.id ?? '') : row.model)).join(' ');
    const group = groups.get(id);
    if (group) add(group.sums, row);
    else groups.set(id, { first: row, sums: { ...row } });
  }
  const top = [...groups.values()]
    .toSorted((a, b) => b.sums.costMicroUsd - a.sums.costMicroUsd || b.sums.requests - a.sums.requests)
    .slice(0, most);
  return {
    count: groups.size,
    top: top.map(({ first, sums }) => ({
      ...sums,
      name: by.map((dimension) => (dimension === 'key' ? keyName(first) : first.model)).join(' · '),
      share: totalMicroUsd === 0 ? 0 : sums.costMicroUsd / totalMicroUsd,
    })),
  };
}

function add(sums: Sums, row: SpendRow): void {
  sums.requests += row.requests;
  sums.inputTokens += row.inputTokens;
  sums.cachedTokens += row.cachedTokens;
  sums.outputTokens += row.outputTokens;
  sums.costMicroUsd += row.costMicroUsd;
}

function keyName({ key }: SpendRow): string {
  return key === null ? 'without a key' : key.name;
}
