import { START_KINDS, type StartKind } from '../../../domain/phases.ts';
import type { Percentiles, SideBySide, SideRow } from '../data.ts';
import { milliseconds, whole } from './format.ts';
import { KindLegend, KindMarks, marksScale } from './kindMarks.tsx';
import { More } from './ranges.tsx';
import { Empty, Table } from './table.tsx';

const MOST_ROWS = 50;

/** Each combo's times to the first token by start kind, beside each other. */
export function ColdVsWarm({ sides: { of, rows } }: { readonly sides: SideBySide }) {
  const shown = rows.slice(0, MOST_ROWS);
  const seen = START_KINDS.filter((kind) => rows.some(({ kinds }) => kinds[kind]));
  return (
    <section class="card" aria-labelledby="sides">
      <h2 id="sides">{`Cold against warm, by ${of}`}</h2>
      {of === 'base' ? (
        <p class="note">There are more combos than a report may have, so these are their bases.</p>
      ) : null}
      {shown.length === 0 ? (
        <Empty>No answer in this time had a first token.</Empty>
      ) : (
        <Sides of={of} rows={shown} seen={seen} />
      )}
      <More shown={shown.length} all={rows.length} what={of === 'combo' ? 'combos' : 'bases'} />
    </section>
  );
}

function Sides({ of, rows, seen }: { of: string; rows: readonly SideRow[]; seen: readonly StartKind[] }) {
  const scale = marksScale(rows.map(({ kinds }) => kinds));
  const cells = rows.map(({ name, kinds, coldToWarm }) => [
    name,
    <KindMarks kinds={kinds} seen={seen} scale={scale} />,
    coldToWarm === null
      ? '–'
      : `${coldToWarm >= 10 ? whole(Math.round(coldToWarm)) : coldToWarm.toFixed(1)}×`,
    ...seen.map((kind) => <Side ttft={kinds[kind]} />),
  ]);
  return (
    <>
      <p class="note">
        Time to the first token: p50 / p95, and of how many requests. A bar goes from p50 to p95.
      </p>
      <KindLegend kinds={seen} />
      <Table
        caption="Cold against warm"
        head={[
          of === 'combo' ? 'Combo' : 'Base',
          `${milliseconds(10 ** scale.least)} to ${milliseconds(10 ** scale.greatest)}, logarithmic`,
          'Cold to warm',
          ...seen,
        ]}
        figures={[2, ...seen.map((_, index) => 3 + index)]}
        rows={cells}
      />
    </>
  );
}

function Side({ ttft }: { readonly ttft: Percentiles | undefined }) {
  if (!ttft) return <span>–</span>;
  const { count, p50Ms, p95Ms } = ttft;
  return (
    <>
      {`${milliseconds(p50Ms)} / ${milliseconds(p95Ms)}`}
      <span class="below">{`${whole(count)} ${count === 1 ? 'request' : 'requests'}`}</span>
    </>
  );
}
