import type { BudgetView } from '../../../shell/budgetViews.ts';
import type { ComboView, RunnerView } from '../../../shell/poolControl.ts';
import type { SegmentView } from '../../../shell/weights/segmentViews.ts';
import { bytes, percent } from './format.ts';
import { Empty, Table } from './table.tsx';

const BUDGET_NAMES = { host: 'Host', device: 'Device', store: 'Weight store' } as const;

export function Budgets({ budgets }: { readonly budgets: readonly BudgetView[] }) {
  const rows = budgets.map(({ kind, name, usedBytes, limitBytes }) => {
    const share = limitBytes === 0 ? 0 : usedBytes / limitBytes;
    const title = `${BUDGET_NAMES[kind]}: ${name}`;
    return [
      title,
      <meter min={0} max={1} high={0.9} value={share.toFixed(4)} aria-label={`${title}, used share`}>
        {percent(share)}
      </meter>,
      bytes(usedBytes),
      bytes(limitBytes),
      percent(share),
    ];
  });
  return (
    <Table
      caption="Memory budgets"
      head={['Budget', 'Used share', 'Used', 'Limit', 'Share']}
      figures={[2, 3, 4]}
      rows={rows}
    />
  );
}

const RUNNER = ['Runner', 'State', 'Base', 'Combos', 'Device', 'Holds'];

export function Runners({ runners }: { readonly runners: readonly RunnerView[] }) {
  if (runners.length === 0) {
    return <Empty>No process runs. A first request starts one; pool.standbys keeps some ready.</Empty>;
  }
  const rows = runners.map((runner) => [
    <code>{runner.id}</code>,
    <State name={runner.state} />,
    runner.base ?? 'standby',
    runner.combos.join(', ') || '–',
    runner.device,
    bytes(runner.memory.weight_bytes + runner.memory.kv_bytes + runner.memory.compute_bytes),
    String(runner.active_requests),
    sequencesOf(runner),
    cellsOf(runner),
    String(runner.pid ?? '–'),
  ]);
  return (
    <Table
      caption="Runners"
      head={[...RUNNER, 'Requests', 'Sequences', 'KV cells', 'Process']}
      figures={[5, 6, 7, 8, 9]}
      rows={rows}
    />
  );
}

function sequencesOf({ occupancy }: RunnerView): string {
  return occupancy === null ? '–' : `${occupancy.sequences.used} of ${occupancy.sequences.possible}`;
}

function cellsOf({ occupancy }: RunnerView): string {
  if (occupancy === null || occupancy.kv_cells.possible === 0) return '–';
  const { used, possible } = occupancy.kv_cells;
  return `${percent(used / possible)} of ${possible}`;
}

export function Combos({ combos }: { readonly combos: readonly ComboView[] }) {
  if (combos.length === 0) {
    return <Empty>The catalogue is empty. Add a model to the configuration file and send SIGHUP.</Empty>;
  }
  const rows = combos.map(({ combo, status, waiting, runners, quarantine }) => [
    combo,
    <State name={quarantine === null ? status : 'quarantined'} />,
    String(waiting),
    runners.join(', ') || '–',
    quarantine === null ? '' : `${quarantine.last_error.message} (until ${quarantine.until})`,
  ]);
  return (
    <Table
      caption="Combos and who waits for them"
      head={['Combo', 'State', 'Waiting', 'Runners', 'Why not']}
      figures={[2]}
      rows={rows}
    />
  );
}

export function Segments({ segments }: { readonly segments: readonly SegmentView[] }) {
  if (segments.length === 0) {
    return (
      <Empty>Nothing is staged. Weights come here with the first start of their model, or by a pin.</Empty>
    );
  }
  const rows = segments.map((segment) => [
    segment.entries.join(', ') || segment.id,
    <State name={segment.state} />,
    bytes(segment.bytes),
    segment.progress === null ? '' : progressOf(segment.progress),
    segment.runners.join(', ') || '–',
  ]);
  return (
    <Table
      caption="Segments of the weight store"
      head={['Weights of', 'State', 'Size', 'Progress', 'Mapped by']}
      figures={[2]}
      rows={rows}
    />
  );
}

function progressOf(progress: NonNullable<SegmentView['progress']>): string {
  const { step, bytes: done, total_bytes: total, bytes_per_second: rate, seconds_left: left } = progress;
  const far = total === 0 ? bytes(done) : percent(done / total);
  const speed = rate === null ? '' : `, ${bytes(rate)}/s`;
  return `${step} ${far}${speed}${left === null ? '' : `, ${left.toFixed(0)} s left`}`;
}

export function State({ name }: { readonly name: string }) {
  return <span class={`state state-${name}`}>{name}</span>;
}
