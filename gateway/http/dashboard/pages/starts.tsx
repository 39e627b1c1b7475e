import type { Start, Step } from '../figures/startBoard.ts';
import { milliseconds, percent, time } from './format.ts';
import { State } from './pool.tsx';
import { Empty, Table } from './table.tsx';
import { StartBar, startMs } from './waterfall.tsx';
import { Words } from './words.tsx';

export function Starts({
  starts,
  nowMonoMs,
}: {
  readonly starts: readonly Start[];
  readonly nowMonoMs: number;
}) {
  if (starts.length === 0) {
    return (
      <Empty>No start since this gateway runs. Ask for a model that is not loaded, and watch it here.</Empty>
    );
  }
  const scaleMs = Math.max(...starts.map((start) => startMs(start, nowMonoMs)));
  const rows = starts.map((start) => [
    start.combo,
    <State name={start.state === 'running' ? 'loading' : start.state} />,
    <StartBar start={start} nowMonoMs={nowMonoMs} scaleMs={scaleMs} />,
    <Words parts={start.steps.map((step) => stepWords(step, nowMonoMs))} />,
    milliseconds(startMs(start, nowMonoMs)),
    <code>{start.runnerId}</code>,
    <span class="nowrap">{time(start.beganAtEpochMs)}</span>,
  ]);
  return (
    <Table
      caption="Starts"
      head={['Combo', 'State', 'Waterfall', 'Steps', 'Took', 'Runner', 'Began (UTC)']}
      figures={[4]}
      rows={rows}
    />
  );
}

function stepWords({ name, fromMonoMs, toMonoMs, fraction }: Step, nowMonoMs: number): string {
  const far = toMonoMs === null && fraction !== null ? ` (${percent(fraction)})` : '';
  return `${name} ${milliseconds((toMonoMs ?? nowMonoMs) - fromMonoMs)}${far}`;
}
