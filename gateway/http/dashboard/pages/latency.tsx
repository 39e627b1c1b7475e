import { START_KINDS, type StartKind } from '../../../domain/phases.ts';
import type { KindLatency, Latency, LatencyBucket, Range } from '../data.ts';
import { milliseconds, time, whole } from './format.ts';
import { Layout } from './layout.tsx';
import { Covers, Ranges } from './ranges.tsx';
import { FirstChat } from './requests.tsx';
import { Table } from './table.tsx';
import { PhaseBar, PhaseLegend } from './waterfall.tsx';

export function LatencyPage({ latency, range, csrf }: { latency: Latency; range: Range; csrf: string }) {
  return (
    <Layout title="Latency" csrf={csrf}>
      <Ranges path="/dashboard/latency" range={range} />
      {latency.buckets.length === 0 ? (
        <section class="card">
          <p>{`No answered request in the last ${range}.`}</p>
          <FirstChat />
        </section>
      ) : (
        <Figures latency={latency} />
      )}
      <Covers coverage={latency.coverage} />
    </Layout>
  );
}

function Figures({ latency }: { readonly latency: Latency }) {
  const { buckets, kinds } = latency;
  const seen = START_KINDS.filter((kind) => buckets.some((bucket) => bucket.kinds[kind]));
  return (
    <>
      <section class="card" aria-labelledby="over-time">
        <h2 id="over-time">Time to first token, cold against warm</h2>
        <div id="chart" class="chart" data-chart={JSON.stringify(chartOf(latency, seen))}></div>
        <Table
          caption="Time to first token over time"
          head={['From (UTC)', ...seen.flatMap((kind) => [kind, `${kind} p50`, `${kind} p95`])]}
          figures={seen.flatMap((_, index) => [3 * index + 1, 3 * index + 2, 3 * index + 3])}
          rows={buckets.toReversed().map((bucket) => bucketRow(bucket, seen))}
        />
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
    </>
  );
}

/** What the chart draws: times in seconds, and two lines of milliseconds for each kind. */
function chartOf({ fromEpochMs, toEpochMs, buckets }: Latency, seen: readonly StartKind[]) {
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

function bucketRow({ fromEpochMs, kinds }: LatencyBucket, seen: readonly StartKind[]): string[] {
  const cells = seen.flatMap((kind) => {
    const ttft = kinds[kind];
    return [whole(ttft?.count ?? 0), milliseconds(ttft?.p50Ms), milliseconds(ttft?.p95Ms)];
  });
  return [time(fromEpochMs), ...cells];
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
