import type { KeyBudgetRow, Span, Spend, SpendRow } from '../data.ts';
import { type SpendDimension, type SpendGroup, spendGroups } from '../figures/spendGroups.ts';
import { percent, usd, whole } from './format.ts';
import { KeyBudgets } from './keyBudgets.tsx';
import { Layout } from './layout.tsx';
import { Covers, Downloads, More, Problem, Ranges, spanWords } from './ranges.tsx';
import { FirstChat } from './requests.tsx';
import { Empty, Table } from './table.tsx';

const MOST_ROWS = 50;

interface SpendProps {
  /** null: more keys and models than can be added up. */
  readonly spend: Spend | null;
  readonly keys: readonly KeyBudgetRow[];
  readonly span: Span;
  readonly csrf: string;
  readonly problem: string | null;
  /** Version 0 is the one under which everything is free. */
  readonly priceVersion: number;
}

export function SpendPage({ spend, keys, span, csrf, problem, priceVersion }: SpendProps) {
  const hasNone = spend?.rows.length === 0;
  return (
    <Layout title="Spend" csrf={csrf}>
      <Problem message={problem} />
      <Ranges path="/dashboard/spend" span={span} />
      {priceVersion === 0 ? <NoPrices /> : null}
      {keys.length === 0 ? null : <KeyBudgets keys={keys} />}
      {spend === null ? <TooMany /> : <Spent spend={spend} span={span} />}
      {hasNone ? null : (
        <Downloads
          span={span}
          reports={[
            { label: 'by key', report: 'billing', groupBy: 'key' },
            { label: 'by key and model', report: 'billing', groupBy: 'key,model' },
            { label: 'by day', report: 'billing', groupBy: 'day' },
            { label: 'by tag', report: 'billing', groupBy: 'tag' },
          ]}
        />
      )}
      {spend === null || hasNone ? null : <Covers coverage={spend.coverage} />}
      {keys.length === 0 ? <KeyBudgets keys={keys} /> : null}
    </Layout>
  );
}

function Spent({ spend: { rows }, span }: { readonly spend: Spend; readonly span: Span }) {
  if (rows.length === 0) {
    return (
      <section class="card">
        <FirstChat
          why={`Nothing was asked for ${spanWords(span)}. Choose a longer time, or ask for something:`}
        />
      </section>
    );
  }
  return (
    <>
      <Group id="by-key" title="By key" what="keys" by={['key']} rows={rows} />
      <Group id="by-model" title="By model" what="models" by={['model']} rows={rows} />
      <Group id="by-both" title="By key and model" what="keys and models" by={['key', 'model']} rows={rows} />
    </>
  );
}

function TooMany() {
  return (
    <section class="card" aria-labelledby="too-many">
      <h2 id="too-many">Too much for one page</h2>
      <Empty>
        <p>
          This time has more keys and models than can be added up here. Choose a shorter time, or ask for less
          at once: the CSV by day or by tag, or{' '}
          <code>GET /admin/v1/reports/billing?from=…&amp;group_by=model</code>.
        </p>
      </Empty>
    </section>
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
  /** Those that it is by. */
  readonly what: string;
  readonly by: readonly SpendDimension[];
  readonly rows: readonly SpendRow[];
}

function Group({ id, title, what, by, rows }: GroupProps) {
  const { top, count } = spendGroups(rows, by, MOST_ROWS);
  return (
    <section class="card" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      <Table
        caption={`Spend: ${title.toLowerCase()}`}
        head={['Of', 'Cost', 'Share', 'Requests', 'Tokens in', 'of that cached', 'Tokens out']}
        figures={[1, 3, 4, 5, 6]}
        rows={top.map(cellsOf)}
      />
      <More shown={top.length} all={count} what={what} />
    </section>
  );
}

function cellsOf({ name, share, ...sums }: SpendGroup) {
  return [
    name,
    usd(sums.costMicroUsd),
    <meter min={0} max={1} value={share.toFixed(4)} aria-label={`Share of ${name}`}>
      {percent(share)}
    </meter>,
    whole(sums.requests),
    whole(sums.inputTokens),
    whole(sums.cachedTokens),
    whole(sums.outputTokens),
  ];
}
