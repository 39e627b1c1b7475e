import type { Overview } from '../data.ts';
import { Layout } from './layout.tsx';
import { PinForm, type PinProblem, Pins } from './pins.tsx';
import { Budgets, Combos, Runners, Segments } from './pool.tsx';
import { Requests } from './requests.tsx';
import { Starts } from './starts.tsx';
import { PhaseLegend } from './waterfall.tsx';

export interface OverviewProps {
  readonly data: Overview;
  readonly csrf: string;
  readonly nowMonoMs: number;
}

export function OverviewPage({
  data,
  csrf,
  nowMonoMs,
  problem,
}: OverviewProps & { problem: PinProblem | null }) {
  return (
    <Layout title="Overview" csrf={csrf}>
      <div class="live-bar" id="live-bar" hidden>
        <span id="live-state">Connecting…</span>
        <button type="button" id="live-pause" aria-pressed="false">
          Pause updates
        </button>
      </div>
      <p id="announcer" class="hidden" role="status" aria-live="polite"></p>
      {problem === null ? null : (
        <p role="alert" class="problem">
          {problem.message}
        </p>
      )}
      <LiveParts data={data} csrf={csrf} nowMonoMs={nowMonoMs} />
      <PinForm csrf={csrf} combos={data.combos} problem={problem} />
    </Layout>
  );
}

/** What changes while somebody looks: `dashboard.js` asks for it again and puts in place what is new, part by part. */
export function LiveParts({ data, csrf, nowMonoMs }: OverviewProps) {
  return (
    <div id="live">
      <Part name="summary" title="At a glance">
        <Summary data={data} />
      </Part>
      <section class="card" aria-labelledby="starts-title">
        <h2 id="starts-title">Starts as they happen</h2>
        <PhaseLegend />
        <div data-part="starts">
          <Starts starts={data.starts} nowMonoMs={nowMonoMs} />
        </div>
      </section>
      <Part name="requests" title="Last requests">
        <Requests requests={data.requests} />
      </Part>
      <Part name="budgets" title="Memory">
        <Budgets budgets={data.budgets} />
      </Part>
      <Part name="combos" title="Combos and queue">
        <Combos combos={data.combos} />
      </Part>
      <Part name="runners" title="Runners">
        <Runners runners={data.runners} />
      </Part>
      <Part name="segments" title="Weight store">
        <Segments segments={data.segments} />
      </Part>
      <Part name="pins" title="Pins">
        <Pins pins={data.pins} csrf={csrf} />
      </Part>
    </div>
  );
}

function Part({ name, title, children }: { name: string; title: string; children?: unknown }) {
  return (
    <section class="card" aria-labelledby={`${name}-title`}>
      <h2 id={`${name}-title`}>{title}</h2>
      <div data-part={name}>{children}</div>
    </section>
  );
}

function Summary({ data }: { readonly data: Overview }) {
  const withBase = data.runners.filter(({ base }) => base !== null);
  const busy = withBase.filter(({ state }) => state === 'busy').length;
  const loaded = data.combos.filter(({ status }) => status === 'loaded').length;
  const barred = data.combos.filter(({ quarantine }) => quarantine !== null).length;
  const figures: readonly (readonly [string, string])[] = [
    ['Serves', data.notReadyReason === null ? 'yes' : `no: ${data.notReadyReason}`],
    ['Runners', `${withBase.length} (${busy} busy)`],
    ['Standbys', String(data.runners.length - withBase.length)],
    ['Combos ready', `${loaded} of ${data.combos.length}`],
    ['Waiting', String(data.waiting)],
    ['In quarantine', String(barred)],
  ];
  return (
    <dl class="figures">
      {figures.map(([name, value]) => (
        <div>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
