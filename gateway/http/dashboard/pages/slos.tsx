import type { Objective } from '../data.ts';
import { percent, whole } from './format.ts';
import { Layout } from './layout.tsx';
import { State } from './pool.tsx';
import { Empty, Table } from './table.tsx';

export function SlosPage({ objectives, csrf }: { objectives: readonly Objective[] | null; csrf: string }) {
  return (
    <Layout title="SLOs" csrf={csrf}>
      <section class="card" aria-labelledby="objectives">
        <h2 id="objectives">Objectives and their error budgets</h2>
        {objectives === null || objectives.length === 0 ? (
          <NoObjectives isKnown={objectives !== null} />
        ) : (
          <Objectives objectives={objectives} />
        )}
      </section>
    </Layout>
  );
}

function NoObjectives({ isKnown }: { readonly isKnown: boolean }) {
  return (
    <Empty>
      {isKnown
        ? 'No objective is set. Promise something under slos in the configuration file and send SIGHUP.'
        : 'This version of the gateway keeps no objectives. What they would be made of is on the page Latency.'}
    </Empty>
  );
}

function Objectives({ objectives }: { readonly objectives: readonly Objective[] }) {
  const rows = objectives.map((one) => [
    one.id,
    one.selector,
    one.promise,
    <State name={one.state} />,
    one.total === 0 ? '–' : percent(one.good / one.total),
    percent(one.target),
    <BudgetLeft objective={one} />,
    `${whole(one.good)} of ${whole(one.total)}`,
    one.burnRates
      .map(({ window, rate }) => `${window}: ${rate === null ? '–' : `${rate.toFixed(1)}×`}`)
      .join(', '),
  ]);
  return (
    <Table
      caption="Objectives"
      head={['Objective', 'Of', 'Promise', 'State', 'Kept', 'Target', 'Budget left', 'Good', 'Burn rates']}
      figures={[4, 5, 7]}
      rows={rows}
    />
  );
}

function BudgetLeft({ objective: { id, budgetLeft } }: { readonly objective: Objective }) {
  if (budgetLeft === null) return <span>–</span>;
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
