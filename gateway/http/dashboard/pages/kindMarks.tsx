import type { StartKind } from '../../../domain/phases.ts';
import type { LatencyBucket } from '../data.ts';
import { milliseconds } from './format.ts';

const WIDTH = 1000;
/** Of one kind's line. */
const LINE = 10;
/** What is there is seen, however short. */
const LEAST = 12;

type Kinds = LatencyBucket['kinds'];

/** From the logarithm of the least to that of the greatest time. */
export interface Scale {
  readonly least: number;
  readonly greatest: number;
}

/** Whole decades around all that is shown. */
export function marksScale(all: readonly Kinds[]): Scale {
  const logs = all.flatMap((kinds) =>
    Object.values(kinds).flatMap(({ p50Ms, p95Ms }) => [logOf(p50Ms), logOf(p95Ms)]),
  );
  const least = Math.floor(Math.min(...logs));
  return { least, greatest: Math.max(least + 1, Math.ceil(Math.max(...logs))) };
}

function logOf(ms: number): number {
  return Math.log10(Math.max(ms, 0.1));
}

/** A line for each kind from its median to its 95th percentile, one below the other; in words for who does not see it. */
export function KindMarks({
  kinds,
  seen,
  scale,
}: {
  kinds: Kinds;
  seen: readonly StartKind[];
  scale: Scale;
}) {
  const words = (kind: StartKind): string[] => {
    const ttft = kinds[kind];
    return ttft ? [`${kind} ${milliseconds(ttft.p50Ms)} to ${milliseconds(ttft.p95Ms)}`] : [];
  };
  const at = (ms: number): number =>
    ((logOf(ms) - scale.least) / (scale.greatest - scale.least)) * (WIDTH - LEAST);
  const height = LINE * seen.length;
  return (
    <svg
      class="bar marks"
      viewBox={`0 0 ${WIDTH} ${height}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={seen.flatMap(words).join(', ')}
    >
      {seen.map((kind, index) => {
        const ttft = kinds[kind];
        if (!ttft) return null;
        const x = at(ttft.p50Ms);
        return (
          <rect
            class={`mark-${kind}`}
            x={x.toFixed(1)}
            y={index * LINE + 1}
            width={Math.max(LEAST, at(ttft.p95Ms) - x).toFixed(1)}
            height={LINE - 2}
          >
            <title>{words(kind).join()}</title>
          </rect>
        );
      })}
    </svg>
  );
}

export function KindLegend({ kinds }: { readonly kinds: readonly StartKind[] }) {
  return (
    <ul class="legend" aria-label="Start kinds">
      {kinds.map((kind) => (
        <li>
          <svg class="swatch" viewBox="0 0 10 10" aria-hidden="true">
            <rect class={`mark-${kind}`} width="10" height="10" />
          </svg>
          {kind}
        </li>
      ))}
    </ul>
  );
}
