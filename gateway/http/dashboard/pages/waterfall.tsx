import { PHASES, type Phase, type PhaseRecord } from '../../../domain/phases.ts';
import type { Start } from '../figures/startBoard.ts';
import { milliseconds } from './format.ts';

const WIDTH = 1000;
const HEIGHT = 16;
/** What is there is seen, however short. */
const LEAST = 3;

interface Part {
  readonly name: string;
  readonly fromMs: number;
  readonly ms: number;
}

/** Parts one after the other on a scale of `scaleMs`; in words for who does not see it. */
function Bar({ parts, scaleMs }: { readonly parts: readonly Part[]; readonly scaleMs: number }) {
  const words = parts.map(({ name, ms }) => `${name} ${milliseconds(ms)}`).join(', ');
  const at = (ms: number): number => (scaleMs === 0 ? 0 : (ms / scaleMs) * WIDTH);
  return (
    <svg
      class="bar"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={words === '' ? 'no phases' : words}
    >
      {parts.map(({ name, fromMs, ms }) => (
        <rect
          class={`phase-${name}`}
          x={Math.min(at(fromMs), WIDTH - LEAST).toFixed(1)}
          y="0"
          width={Math.max(at(ms), LEAST).toFixed(1)}
          height={HEIGHT}
        >
          <title>{`${name} ${milliseconds(ms)}`}</title>
        </rect>
      ))}
    </svg>
  );
}

/** A request's phases, which are a partition of its time. */
export function PhaseBar({ phases, scaleMs }: { readonly phases: PhaseRecord; readonly scaleMs: number }) {
  let fromMs = 0;
  const parts: Part[] = [];
  for (const name of PHASES) {
    const ms = phases[name];
    if (ms === undefined) continue;
    parts.push({ name, fromMs, ms });
    fromMs += ms;
  }
  return <Bar parts={parts} scaleMs={scaleMs} />;
}

/** From its beginning until it was over, or now. */
export function startMs({ steps }: Start, nowMonoMs: number): number {
  return (steps.at(-1)?.toMonoMs ?? nowMonoMs) - (steps[0]?.fromMonoMs ?? nowMonoMs);
}

export function StartBar({
  start,
  nowMonoMs,
  scaleMs,
}: {
  start: Start;
  nowMonoMs: number;
  scaleMs: number;
}) {
  const beganMonoMs = start.steps[0]?.fromMonoMs ?? nowMonoMs;
  const parts = start.steps.map(({ name, fromMonoMs, toMonoMs }) => {
    return { name, fromMs: fromMonoMs - beganMonoMs, ms: (toMonoMs ?? nowMonoMs) - fromMonoMs };
  });
  return <Bar parts={parts} scaleMs={scaleMs} />;
}

/** What the colours mean. */
export function PhaseLegend({ phases = PHASES }: { readonly phases?: readonly Phase[] }) {
  return (
    <ul class="legend" aria-label="Phases">
      {phases.map((name) => (
        <li>
          <svg class="swatch" viewBox="0 0 10 10" aria-hidden="true">
            <rect class={`phase-${name}`} width="10" height="10" />
          </svg>
          {name}
        </li>
      ))}
    </ul>
  );
}
