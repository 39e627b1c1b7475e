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
    one.of ?? 'all',
    one.promise,
    percent(one.target),
    <State name={one.state} />,
    <BudgetLeft objective={one} />,
    <Kept share={one.keptWithStarts} counts={one.countsStarts} />,
    <Kept share={one.keptWithoutStarts} counts={!one.countsStarts} />,
    `${whole(one.good)} of ${whole(one.total)}`,
    one.burnRates.map(({ window, rate }) => `${window} ${rate.toFixed(1)}×`).join(', '),
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
