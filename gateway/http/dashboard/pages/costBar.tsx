import { usd } from './format.ts';

const WIDTH = 1000;
const HEIGHT = 16;

interface CostPart {
  readonly name: string;
  readonly css: string;
  readonly microUsd: number;
}

/** Amounts one after the other on a scale of `scale` micro-USD; in words for who does not see it. */
export function CostBar({ parts, scale }: { readonly parts: readonly CostPart[]; readonly scale: number }) {
  const there = parts.filter(({ microUsd }) => microUsd > 0);
  let before = 0;
  return (
    <svg
      class="bar"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={there.map(({ name, microUsd }) => `${name} ${usd(microUsd)}`).join(', ') || 'nothing'}
    >
      {there.map(({ name, css, microUsd }) => {
        const x = (before / scale) * WIDTH;
        before += microUsd;
        return (
          <rect
            class={css}
            x={x.toFixed(1)}
            y="0"
            width={((microUsd / scale) * WIDTH).toFixed(1)}
            height={HEIGHT}
          >
            <title>{`${name} ${usd(microUsd)}`}</title>
          </rect>
        );
      })}
    </svg>
  );
}
