import type { KeyBudgetRow } from '../data.ts';
import { percent, time, usd, whole } from './format.ts';
import { State } from './pool.tsx';
import { Empty, Table } from './table.tsx';

const MOST_KEYS = 100;

/** What each key has left of its budget. */
export function KeyBudgets({ keys }: { readonly keys: readonly KeyBudgetRow[] }) {
  return (
    <section class="card" aria-labelledby="budgets">
      <h2 id="budgets">Budgets of API keys, in the period that runs</h2>
      {keys.length === 0 ? <NoKeys /> : <Keys keys={keys} />}
    </section>
  );
}

function NoKeys() {
  return (
    <Empty>
      <p>
        There is no API key, so whoever reaches this gateway is served. Make one with a budget; its secret is
        told once:
      </p>
      <pre tabindex={0} aria-label="Command for a key with a budget">
        <code>hearth keys create search --budget 50 --warn-at 40 --period month</code>
      </pre>
    </Empty>
  );
}

function Keys({ keys }: { readonly keys: readonly KeyBudgetRow[] }) {
  const shown = keys.slice(0, MOST_KEYS);
  const rows = shown.map((key) => [
    key.name,
    <Standing row={key} />,
    <span class="nowrap">{limitWords(key)}</span>,
    <Taken row={key} />,
    usd(key.usedMicroUsd),
    usd(key.reservedMicroUsd),
    key.leftMicroUsd === null ? '–' : usd(key.leftMicroUsd),
    key.softMicroUsd === null ? '–' : usd(key.softMicroUsd),
    <span class="nowrap">{time(key.resetsAtEpochMs).slice(0, 16)}</span>,
  ]);
  return (
    <>
      <Table
        caption="Budgets of API keys"
        head={[
          'Key',
          'State',
          'Budget',
          'Taken',
          'Used',
          'Reserved',
          'Left',
          'Soft limit',
          'Begins anew (UTC)',
        ]}
        figures={[4, 5, 6, 7]}
        rows={rows}
      />
      {keys.length > shown.length ? (
        <p class="note">
          {`These are the ${whole(shown.length)} of ${whole(keys.length)} keys that are nearest to their limits; `}
          all of them are in <code>GET /admin/v1/keys</code>.
        </p>
      ) : null}
      <p class="note">
        Reserved is what requests that still run can cost at most. Past the soft limit answers carry a
        warning; what would go beyond the budget is a 429 until it begins anew.
      </p>
    </>
  );
}

function limitWords({ hardMicroUsd, softMicroUsd, period }: KeyBudgetRow): string {
  if (hardMicroUsd !== null) return `${usd(hardMicroUsd)} a ${period}`;
  return softMicroUsd === null ? 'none' : `warning only, by the ${period}`;
}

function Standing({ row }: { readonly row: KeyBudgetRow }) {
  if (row.state !== 'active') return <State name={row.state} />;
  if (row.isUsedUp) return <span class="state state-used-up">used up</span>;
  if (row.isSoftPassed) return <span class="state state-soft-passed">past soft limit</span>;
  return <State name="ok" />;
}

function Taken({ row }: { readonly row: KeyBudgetRow }) {
  const limit = row.hardMicroUsd ?? row.softMicroUsd;
  if (limit === null) return <span>–</span>;
  const share = limit === 0 ? 1 : (row.usedMicroUsd + row.reservedMicroUsd) / limit;
  const soft = row.softMicroUsd === null || limit === 0 ? 0.8 : row.softMicroUsd / limit;
  return (
    <span class="metered">
      <meter
        min={0}
        max={1}
        low={Math.min(soft, 0.999)}
        high={0.9999}
        optimum={0}
        value={Math.min(1, share).toFixed(4)}
        aria-label={`Taken of the budget of ${row.name}`}
      >
        {percent(share)}
      </meter>{' '}
      {percent(share)}
    </span>
  );
}
