import type { Objective, Span } from '../data.ts';
import { percent, whole } from './format.ts';
import { Layout } from './layout.tsx';
import { State } from './pool.tsx';
import { Downloads, spanWords } from './ranges.tsx';
import { Empty, Table } from './table.tsx';
import { Words } from './words.tsx';

interface SlosProps {
  readonly objectives: readonly Objective[];
  /** Of the CSV; the page is about the objectives' own windows. */
  readonly span: Span;
  readonly csrf: string;
}

export function SlosPage({ objectives, span, csrf }: SlosProps) {
  return (
    <Layout title="SLOs" csrf={csrf}>
      <section class="card" aria-labelledby="objectives">
        <h2 id="objectives">Objectives and their error budgets</h2>
        {objectives.length === 0 ? <NoObjectives /> : <Objectives objectives={objectives} />}
      </section>
      {objectives.length === 0 ? null : (
        <>
          <Downloads span={span} reports={[{ label: `objectives ${spanWords(span)}`, report: 'slo' }]} />
          <p class="note">
            What counts for the objective is bold: with the requests that waited for a start, or without them.
            A burn rate of 1 spends the budget evenly over its window.
          </p>
        </>
      )}
    </Layout>
  );
}

function NoObjectives() {
  return (
    <Empty>
      <p>
        No objective is set. Promise something under <code>slos</code> in the configuration file, and send
        SIGHUP to the gateway:
      </p>
      <pre tabindex={0} aria-label="Example of objectives">
        <code>
          {`slos:
  - { id: chat-warm, objective: ttft_warm, threshold: 200ms, target: 0.95 }
  - { id: answers, objective: availability, target: 0.999 }`}
        </code>
      </pre>
    </Empty>
  );
}

function Objectives({ objectives }: { readonly objectives: readonly Objective[] }) {
  const rows = objectives.map((one) => [
    one.id,
    <span class="nowrap">{one.of ?? 'all'}</span>,
    <span class="sentence">{one.promise}</span>,
    percent(one.target),
    <State name={one.state} />,
    <BudgetLeft objective={one} />,
    <Kept share={one.keptWithStarts} counts={one.countsStarts} />,
    <Kept share={one.keptWithoutStarts} counts={!one.countsStarts} />,
    `${whole(one.good)} of ${whole(one.total)}${one.isComplete ? '' : ', still counting'}`,
    <Words parts={one.burnRates.map(({ window, rate }) => `${window} ${rate.toFixed(1)}×`)} />,
  ]);
  return (
    <Table
      caption="Objectives"
      head={[
        'Objective',
        'Of',
        'Promise',
        'Target',
        'State',
        'Budget left',
        'Kept with starts',
        'Kept without starts',
        'Good',
        'Burn rates',
      ]}
      figures={[3, 6, 7, 8]}
      rows={rows}
    />
  );
}

/** The share that counts stands out. */
function Kept({ share, counts }: { readonly share: number | null; readonly counts: boolean }) {
  const text = share === null ? '–' : percent(share);
  return counts ? <strong>{text}</strong> : <span>{text}</span>;
}

function BudgetLeft({ objective: { id, budgetLeft } }: { readonly objective: Objective }) {
  const shown = Math.min(1, Math.max(0, budgetLeft));
  return (
    <>
      <meter
        min={0}
        max={1}
        low={0.25}
        optimum={1}
        value={shown.toFixed(4)}
        aria-label={`Budget left of ${id}`}
      >
        {percent(budgetLeft)}
      </meter>{' '}
      {percent(budgetLeft)}
    </>
  );
}
