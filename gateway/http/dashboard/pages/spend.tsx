import type { Range, Spend, SpendRow } from '../data.ts';
import { groupBy } from '../figures/groupBy.ts';
import { percent, usd, whole } from './format.ts';
import { Layout } from './layout.tsx';
import { Covers, Ranges } from './ranges.tsx';
import { FirstChat } from './requests.tsx';
import { Table } from './table.tsx';

interface SpendProps {
  readonly spend: Spend;
  readonly range: Range;
  readonly csrf: string;
  /** Version 0 is the one under which everything is free. */
  readonly priceVersion: number;
}

export function SpendPage({ spend, range, csrf, priceVersion }: SpendProps) {
  const total = sumOf(spend.rows).costMicroUsd;
  return (
    <Layout title="Spend" csrf={csrf}>
      <Ranges path="/dashboard/spend" range={range} />
      {priceVersion === 0 ? <NoPrices /> : null}
      {spend.rows.length === 0 ? (
        <section class="card">
          <p>{`Nothing was asked for in the last ${range}.`}</p>
          <FirstChat />
        </section>
      ) : (
        <>
          <Group id="by-key" title="By key" rows={spend.rows} nameOf={keyName} total={total} />
          <Group
            id="by-model"
            title="By model"
            rows={spend.rows}
            nameOf={({ model }) => model}
            total={total}
          />
          <Group
            id="by-both"
            title="By key and model"
            rows={spend.rows}
            nameOf={(row) => `${keyName(row)} · ${row.model}`}
            total={total}
          />
        </>
      )}
      <Covers coverage={spend.coverage} />
    </Layout>
  );
}

function NoPrices() {
  return (
    <p class="card">
      There is no price book, so nothing costs anything. Set <code>prices</code> in the configuration file, or{' '}
      <code>POST /admin/v1/prices</code>.
    </p>
  );
}

interface GroupProps {
  readonly id: string;
  readonly title: string;
  readonly rows: readonly SpendRow[];
  readonly nameOf: (row: SpendRow) => string;
  readonly total: number;
}

function Group({ id, title, rows, nameOf, total }: GroupProps) {
  const groups = [...groupBy(rows, nameOf)]
    .map(([name, all]) => ({ name, sum: sumOf(all) }))
    .toSorted((a, b) => b.sum.costMicroUsd - a.sum.costMicroUsd);
  const cells = groups.map(({ name, sum }) => {
    const share = total === 0 ? 0 : sum.costMicroUsd / total;
    return [
      name,
      usd(sum.costMicroUsd),
      <meter min={0} max={1} value={share.toFixed(4)} aria-label={`Share of ${name}`}>
        {percent(share)}
      </meter>,
      whole(sum.requests),
      whole(sum.inputTokens),
      whole(sum.cachedTokens),
      whole(sum.outputTokens),
    ];
  });
  return (
    <section class="card" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      <Table
        caption={`Spend: ${title.toLowerCase()}`}
        head={['Of', 'Cost', 'Share', 'Requests', 'Tokens in', 'of that cached', 'Tokens out']}
        figures={[1, 3, 4, 5, 6]}
        rows={cells}
      />
    </section>
  );
}

function keyName({ key }: SpendRow): string {
  return key === null ? 'without a key' : key.name;
}

function sumOf(rows: readonly SpendRow[]) {
  const sum = (value: (row: SpendRow) => number): number => rows.reduce((all, row) => all + value(row), 0);
  return {
    requests: sum(({ requests }) => requests),
    inputTokens: sum(({ inputTokens }) => inputTokens),
    cachedTokens: sum(({ cachedTokens }) => cachedTokens),
    outputTokens: sum(({ outputTokens }) => outputTokens),
    costMicroUsd: sum(({ costMicroUsd }) => costMicroUsd),
  };
}
