import type { EvictionRow, Span } from '../data.ts';
import { bytes, milliseconds, percent, whole } from './format.ts';
import { Layout } from './layout.tsx';
import { Downloads, More, Problem, Ranges, spanWords } from './ranges.tsx';
import { Empty, Table } from './table.tsx';

const MOST_ROWS = 50;
/** As the report has it. */
const MOST_IN_CSV = 1000;

interface EvictionsProps {
  readonly evictions: readonly EvictionRow[];
  readonly span: Span;
  readonly csrf: string;
  readonly problem: string | null;
}

export function EvictionsPage({ evictions, span, csrf, problem }: EvictionsProps) {
  return (
    <Layout title="Evictions" csrf={csrf}>
      <Problem message={problem} />
      <Ranges path="/dashboard/evictions" span={span} />
      <section class="card" aria-labelledby="gave-way">
        <h2 id="gave-way">What gave way for want of room, and what it took to get it back</h2>
        {evictions.length === 0 ? <NoEvictions span={span} /> : <Rows evictions={evictions} />}
      </section>
      {evictions.length === 0 ? null : (
        <>
          <Downloads
            span={span}
            reports={[{ label: 'evictions', report: 'evictions', limit: MOST_IN_CSV }]}
          />
          <p class="note">
            A base that comes back often wants more memory, a pin, or fewer others beside it (
            <code>pool.memory</code>, <code>pool.max_runners</code>). What left because it was idle, or by
            order, is not among these.
          </p>
        </>
      )}
    </Layout>
  );
}

function NoEvictions({ span }: { readonly span: Span }) {
  return (
    <Empty>
      <p>{`Nothing gave way for want of room ${spanWords(span)}: there was enough of it.`}</p>
      <p>
        What leaves because it is idle is no eviction. How much room there is stands under Memory on the{' '}
        <a href="/dashboard">overview</a>.
      </p>
    </Empty>
  );
}

function Rows({ evictions }: { readonly evictions: readonly EvictionRow[] }) {
  const sum = (value: (row: EvictionRow) => number | null): number =>
    evictions.reduce((all, row) => all + (value(row) ?? 0), 0);
  const count = sum((row) => row.evictions);
  const reloadMs = sum((row) => row.reloadMs);
  const shown = evictions.slice(0, MOST_ROWS);
  const rows = shown.map((row) => [
    row.name,
    row.what,
    whole(row.evictions),
    bytes(row.evictedBytes),
    row.reloads === null ? 'not known' : whole(row.reloads),
    row.reloadMs === null ? '–' : milliseconds(row.reloadMs),
    <Share row={row} reloadMs={reloadMs} />,
    row.reloadBytes === null ? '–' : bytes(row.reloadBytes),
  ]);
  return (
    <>
      <p>
        {`${whole(count)} ${count === 1 ? 'eviction' : 'evictions'} gave back ${bytes(sum((row) => row.evictedBytes))}; ` +
          `requests brought back ${whole(sum((row) => row.reloads))}, by ${milliseconds(reloadMs)} of starts.`}
      </p>
      <Table
        caption="Evictions and reloads"
        head={[
          'Name',
          'What',
          'Evictions',
          'Gave back',
          'Reloads',
          'Reload time',
          'Share of it',
          'Reload bytes',
        ]}
        figures={[2, 3, 4, 5, 7]}
        rows={rows}
      />
      <More shown={shown.length} all={evictions.length} what="names" mostInCsv={MOST_IN_CSV} />
    </>
  );
}

function Share({ row, reloadMs }: { readonly row: EvictionRow; readonly reloadMs: number }) {
  if (row.reloadMs === null) return <span>–</span>;
  const share = reloadMs === 0 ? 0 : row.reloadMs / reloadMs;
  return (
    <meter min={0} max={1} value={share.toFixed(4)} aria-label={`Share of ${row.what} ${row.name}`}>
      {percent(share)}
    </meter>
  );
}
