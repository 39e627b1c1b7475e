import type { KindLatency, Latency, LatencyBucket, Percentiles, Range } from '../data.ts';
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
  return (
    <>
      <section class="card" aria-labelledby="over-time">
        <h2 id="over-time">Time to first token, cold against warm</h2>
        <p class="note">Cold is every start that is not warm: attach, wake, staged and cold.</p>
        <div id="chart" class="chart" data-buckets={JSON.stringify(buckets.map(pointOf))}></div>
        <Table
          caption="Time to first token over time"
          head={['From (UTC)', 'Warm', 'Warm p50', 'Warm p95', 'Cold', 'Cold p50', 'Cold p95']}
          figures={[1, 2, 3, 4, 5, 6]}
          rows={buckets.toReversed().map(bucketRow)}
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

/** Seconds, then warm p50 and p95, cold p50 and p95 in milliseconds: what the chart draws. */
function pointOf({ fromEpochMs, warm, started }: LatencyBucket): (number | null)[] {
  const pair = (one: Percentiles | null) => [one?.p50Ms ?? null, one?.p95Ms ?? null];
  return [fromEpochMs / 1000, ...pair(warm), ...pair(started)];
}

function bucketRow({ fromEpochMs, warm, started }: LatencyBucket): string[] {
  const cells = (one: Percentiles | null) => [
    whole(one?.count ?? 0),
    milliseconds(one?.p50Ms),
    milliseconds(one?.p95Ms),
  ];
  return [time(fromEpochMs), ...cells(warm), ...cells(started)];
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
