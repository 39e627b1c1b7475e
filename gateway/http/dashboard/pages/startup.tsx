import { PHASES, type PhaseRecord } from '../../../domain/phases.ts';
import type { Span, StartGroup, Startup } from '../data.ts';
import { allPhasesOf } from '../figures/startFigures.ts';
import { bytes, milliseconds, percent, whole } from './format.ts';
import { Layout } from './layout.tsx';
import { Downloads, More, Problem, Ranges, spanWords } from './ranges.tsx';
import { Empty, Table } from './table.tsx';
import { PhaseBar, PhaseLegend } from './waterfall.tsx';
import { Words } from './words.tsx';

const MOST_BASES = 50;
const START_PHASES = ['spawn', 'stage', 'load', 'attach', 'context'] as const;
const TIERS: Readonly<Record<string, string>> = {
  memory: 'memory (weight store)',
  disk: 'local disk',
  origin: 'their source',
};

interface StartupProps {
  readonly startup: Startup;
  readonly span: Span;
  readonly csrf: string;
  readonly problem: string | null;
}

export function StartupPage({ startup, span, csrf, problem }: StartupProps) {
  return (
    <Layout title="Starts" csrf={csrf}>
      <Problem message={problem} />
      <Ranges path="/dashboard/startup" span={span} />
      {startup.byKind.length === 0 ? <NoStarts span={span} /> : <Figures startup={startup} span={span} />}
    </Layout>
  );
}

function NoStarts({ span }: { readonly span: Span }) {
  return (
    <section class="card">
      <Empty>
        <p>{`No request had to wait for a start ${spanWords(span)}.`}</p>
        <p>
          Ask for a model that is not loaded, or look at a longer time. Starts that go on now are on the{' '}
          <a href="/dashboard">overview</a>.
        </p>
      </Empty>
    </section>
  );
}

function Figures({ startup: { byKind, byBase }, span }: { readonly startup: Startup; readonly span: Span }) {
  return (
    <>
      <section class="card" aria-labelledby="seconds">
        <h2 id="seconds">Where the seconds went</h2>
        <Together groups={byKind} />
        <PhaseLegend phases={START_PHASES} />
      </section>
      <section class="card" aria-labelledby="by-kind">
        <h2 id="by-kind">By kind, and where weights came from</h2>
        <Kinds groups={byKind} />
      </section>
      <section class="card" aria-labelledby="by-base">
        <h2 id="by-base">By base</h2>
        {byBase === null ? (
          <Empty>
            There are more bases than can be shown at once. Choose a shorter time, or take the CSV of one day.
          </Empty>
        ) : (
          <Bases groups={byBase} />
        )}
      </section>
      <Downloads
        span={span}
        reports={[
          { label: 'by kind and tier', report: 'startup', groupBy: 'start_kind,tier' },
          { label: 'by base', report: 'startup', groupBy: 'base,start_kind' },
          { label: 'by combo', report: 'startup', groupBy: 'combo,start_kind' },
        ]}
      />
      <p class="note">
        Each start counts once, by the request that began it and was answered; who joined it is not in these
        sums. Bars are on one scale in each table.
      </p>
    </>
  );
}

/** One bar for all of them, and the same in words. */
function Together({ groups }: { readonly groups: readonly StartGroup[] }) {
  const phases = allPhasesOf(groups);
  const sumMs = groups.reduce((sum, group) => sum + group.sumMs, 0);
  const count = groups.reduce((sum, group) => sum + group.count, 0);
  return (
    <>
      <p>
        {`${whole(count)} ${count === 1 ? 'start' : 'starts'} took ${milliseconds(sumMs)} in all: `}
        <Words parts={sharesOf(phases, sumMs)} />
      </p>
      <div class="tall">
        <PhaseBar phases={phases} scaleMs={sumMs} />
      </div>
    </>
  );
}

function Kinds({ groups }: { readonly groups: readonly StartGroup[] }) {
  const scaleMs = Math.max(...groups.map(({ sumMs, count }) => sumMs / count));
  const rows = groups.map((group) => {
    const { kind, tier, count, sumMs, p50Ms, p95Ms, phasesMs } = group;
    return [
      <span class={`kind kind-${kind}`}>{kind}</span>,
      tier === null ? '–' : (TIERS[tier] ?? tier),
      whole(count),
      milliseconds(p50Ms),
      milliseconds(p95Ms),
      <PhaseBar phases={meanOf(phasesMs, count)} scaleMs={scaleMs} />,
      <Words parts={sharesOf(phasesMs, sumMs)} />,
      <Words parts={insideOf(group)} />,
    ];
  });
  return (
    <Table
      caption="Starts by kind and tier"
      head={[
        'Start',
        'Weights from',
        'Starts',
        'p50',
        'p95',
        'Mean start',
        'Shares of the time',
        'Inside, for one start',
      ]}
      figures={[2, 3, 4]}
      rows={rows}
    />
  );
}

function Bases({ groups }: { readonly groups: readonly StartGroup[] }) {
  const shown = groups.slice(0, MOST_BASES);
  const scaleMs = Math.max(...shown.map(({ sumMs }) => sumMs));
  const rows = shown.map(({ base, kind, count, sumMs, p50Ms, p95Ms, phasesMs }) => [
    base ?? '–',
    <span class={`kind kind-${kind}`}>{kind}</span>,
    whole(count),
    milliseconds(sumMs),
    <PhaseBar phases={phasesMs} scaleMs={scaleMs} />,
    milliseconds(p50Ms),
    milliseconds(p95Ms),
  ]);
  return (
    <>
      <Table
        caption="Starts by base"
        head={['Base', 'Start', 'Starts', 'Time in all', 'Phases', 'p50', 'p95']}
        figures={[2, 3, 5, 6]}
        rows={rows}
      />
      <More shown={shown.length} all={groups.length} what="bases and kinds" />
    </>
  );
}

/** Without those that round to nothing. */
function sharesOf(phases: PhaseRecord, sumMs: number): string[] {
  return PHASES.flatMap((name) => {
    const share = (phases[name] ?? 0) / sumMs;
    return share >= 0.0005 ? [`${name} ${percent(share)}`] : [];
  });
}

function meanOf(phases: PhaseRecord, count: number): PhaseRecord {
  return Object.fromEntries(Object.entries(phases).map(([name, ms]) => [name, ms / count]));
}

/** What happened inside the phases, of a mean start. */
function insideOf({ details, count, stagedBytes, uploadBytes }: StartGroup): string[] {
  const times = details.map(({ name, sumMs }) => `${name} ${milliseconds(sumMs / count)}`);
  const sizes = [
    ...(stagedBytes > 0 ? [`${bytes(stagedBytes / count)} staged`] : []),
    ...(uploadBytes > 0 ? [`${bytes(uploadBytes / count)} uploaded`] : []),
  ];
  return [...times, ...sizes];
}
