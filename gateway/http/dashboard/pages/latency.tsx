import { START_KINDS, type StartKind } from '../../../domain/phases.ts';
import type { KindLatency, Latency, LatencyBucket, Span } from '../data.ts';
import { ColdVsWarm } from './coldVsWarm.tsx';
import { milliseconds, whole } from './format.ts';
import { Layout } from './layout.tsx';
import { Covers, Downloads, Problem, Ranges, spanWords } from './ranges.tsx';
import { FirstChat } from './requests.tsx';
import { Table } from './table.tsx';
import { PhaseBar, PhaseLegend } from './waterfall.tsx';
import { Moment } from './words.tsx';

/** Rows of a table that does not hide what comes after it. */
const MOST_OPEN = 12;

/** Longest time whose hours, by kind, fit a report. */
const MOST_HOURLY_MS = 60 * 86_400_000;

interface LatencyProps {
  readonly latency: Latency;
  readonly span: Span;
  readonly csrf: string;
  readonly problem: string | null;
}

export function LatencyPage({ latency, span, csrf, problem }: LatencyProps) {
  const unit = span.toEpochMs - span.fromEpochMs > MOST_HOURLY_MS ? 'day' : 'hour';
  return (
    <Layout title="Latency" csrf={csrf}>
      <Problem message={problem} />
      <Ranges path="/dashboard/latency" span={span} />
      {latency.buckets.length === 0 ? (
        <section class="card">
          <FirstChat
            why={`No answered request ${spanWords(span)}. Choose a longer time, or ask for something:`}
          />
        </section>
      ) : (
        <>
          <Figures latency={latency} span={span} />
          <Downloads
            span={span}
            reports={[
              { label: 'by combo and kind', report: 'latency', groupBy: 'combo,start_kind' },
              { label: `by ${unit} and kind`, report: 'latency', groupBy: `${unit},start_kind` },
              { label: 'cold against warm', report: 'cold_vs_warm' },
            ]}
          />
        </>
      )}
      {latency.buckets.length === 0 ? null : <Covers coverage={latency.coverage} />}
    </Layout>
  );
}

function Figures({ latency, span }: { readonly latency: Latency; readonly span: Span }) {
  const { buckets, kinds, sides } = latency;
  const seen = START_KINDS.filter((kind) => buckets.some((bucket) => bucket.kinds[kind]));
  return (
    <>
      <section class="card" aria-labelledby="over-time">
        <h2 id="over-time">Time to first token, cold against warm</h2>
        <div id="chart" class="chart" data-chart={JSON.stringify(chartOf(span, latency, seen))}></div>
        <details {...(buckets.length <= MOST_OPEN ? { open: true } : {})}>
          <summary>{`As a table of ${whole(buckets.length)} ${buckets.length === 1 ? 'row' : 'rows'}`}</summary>
          <Table
            caption="Time to first token over time"
            head={['From (UTC)', ...seen.flatMap((kind) => [kind, `${kind} p50`, `${kind} p95`])]}
            figures={seen.flatMap((_, index) => [3 * index + 1, 3 * index + 2, 3 * index + 3])}
            rows={buckets.toReversed().map((bucket) => bucketRow(bucket, seen))}
          />
        </details>
      </section>
      <section class="card" aria-labelledby="by-kind">
        <h2 id="by-kind">By start kind</h2>
        <PhaseLegend />
        <Table
          caption="Time to first token and mean phases by start kind"
          head={['Start', 'Requests', 'p50', 'p95', 'Mean phases']}
          figures={[1, 2, 3]}
          rows={kinds.map((one) => kindRow(one, Math.max(...kinds.map(meanMs))))}
        />
      </section>
      <ColdVsWarm sides={sides} />
    </>
  );
}

/** What the chart draws: times in seconds, and two lines of milliseconds for each kind. */
function chartOf({ fromEpochMs, toEpochMs }: Span, { buckets }: Latency, seen: readonly StartKind[]) {
  return {
    from: fromEpochMs / 1000,
    to: toEpochMs / 1000,
    times: buckets.map((bucket) => bucket.fromEpochMs / 1000),
    kinds: seen.map((kind) => ({
      kind,
      p50: buckets.map((bucket) => bucket.kinds[kind]?.p50Ms ?? null),
      p95: buckets.map((bucket) => bucket.kinds[kind]?.p95Ms ?? null),
    })),
  };
}

function bucketRow({ fromEpochMs, kinds }: LatencyBucket, seen: readonly StartKind[]) {
  const cells = seen.flatMap((kind) => {
    const ttft = kinds[kind];
    return [whole(ttft?.count ?? 0), milliseconds(ttft?.p50Ms), milliseconds(ttft?.p95Ms)];
  });
  return [<Moment epochMs={fromEpochMs} />, ...cells];
}

function kindRow({ kind, joined, ttft, phasesMs }: KindLatency, scaleMs: number) {
  return [
    joined ? `${kind}, joined` : kind,
    whole(ttft.count),
    milliseconds(ttft.p50Ms),
    milliseconds(ttft.p95Ms),
    <PhaseBar phases={phasesMs} scaleMs={scaleMs} />,
  ];
}

function meanMs({ phasesMs }: KindLatency): number {
  return Object.values(phasesMs).reduce((total, ms) => total + ms, 0);
}
