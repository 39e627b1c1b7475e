import type { KeepWarmCombo, KeepWarmPoint } from '../data.ts';
import { CostBar } from './costBar.tsx';
import { bytes, duration, milliseconds, usd, whole } from './format.ts';
import { More } from './ranges.tsx';
import { Table } from './table.tsx';

const MOST_COMBOS = 50;

export function KeepWarmCombos({ combos }: { readonly combos: readonly KeepWarmCombo[] }) {
  const shown = combos.slice(0, MOST_COMBOS);
  const isWeighed = combos.some(({ points }) => points.some(({ isBest }) => isBest));
  return (
    <>
      {isWeighed ? null : <NothingToWeigh />}
      <section class="card" aria-labelledby="combos-title">
        <h2 id="combos-title">What it costs, and what is best</h2>
        <Table
          caption="Keeping warm against starting"
          head={[
            'Combo',
            'Best idle time',
            'Set now',
            'It would save',
            'Requests',
            'Starts',
            'Waited',
            'Starts cost',
            'Holds',
            'Keeping it, an hour',
            'Pays from',
          ]}
          figures={[3, 4, 5, 6, 7, 8, 9, 10]}
          rows={shown.map(rowOf)}
        />
        <More shown={shown.length} all={combos.length} what="combos" mostInCsv={Infinity} />
      </section>
      <section class="card" aria-labelledby="ttls-title">
        <h2 id="ttls-title">By time to live</h2>
        <ul class="legend" aria-label="Costs">
          {COSTS.map(({ name, css }) => (
            <li>
              <svg class="swatch" viewBox="0 0 10 10" aria-hidden="true">
                <rect class={css} width="10" height="10" />
              </svg>
              {name}
            </li>
          ))}
        </ul>
        {shown.map((combo, index) => (
          <details {...(index === 0 ? { open: true } : {})}>
            <summary>{`${combo.combo}: best ${bestWords(combo)}`}</summary>
            <Points combo={combo} />
          </details>
        ))}
      </section>
    </>
  );
}

export const COSTS = [
  { name: 'memory', css: 'cost-memory' },
  { name: 'starts', css: 'cost-starts' },
  { name: 'waiting', css: 'cost-waiting' },
] as const;

function NothingToWeigh() {
  return (
    <p class="card">
      Memory has no price, or neither starts nor waiting have one: then there is nothing to weigh, and no idle
      time is best. Set <code>device_gb_second</code> and <code>start</code> under <code>prices</code>, or say
      above what a second of waiting is worth.
    </p>
  );
}

function rowOf(combo: KeepWarmCombo) {
  const { requests, coldStarts, waitedMs, startMicroUsd, hourMicroUsd, breakEvenPerHour } = combo;
  return [
    combo.combo,
    <strong>{bestWords(combo)}</strong>,
    combo.setTtlMs === undefined ? 'not in the catalogue' : duration(combo.setTtlMs),
    savingWords(combo),
    whole(requests),
    whole(coldStarts),
    milliseconds(waitedMs),
    usd(startMicroUsd),
    bytes(combo.bytes),
    hourMicroUsd === null ? '–' : usd(hourMicroUsd),
    breakEvenPerHour === null ? '–' : `${Number(breakEvenPerHour.toPrecision(3))} starts/h`,
  ];
}

function bestWords({ points }: KeepWarmCombo): string {
  const best = points.find(({ isBest }) => isBest);
  return best ? duration(best.ttlMs) : '–';
}

/** What the best one would have cost less than the one that is set, where that was replayed too. */
function savingWords({ points, setTtlMs }: KeepWarmCombo): string {
  const best = points.find(({ isBest }) => isBest);
  const set = points.find(({ ttlMs }) => ttlMs === setTtlMs);
  if (!best || !set) return '–';
  const saved = set.costMicroUsd - best.costMicroUsd;
  return saved === 0 ? 'nothing' : usd(saved);
}

function Points({ combo: { combo, points } }: { readonly combo: KeepWarmCombo }) {
  const scale = Math.max(...points.map(({ costMicroUsd }) => costMicroUsd));
  return (
    <Table
      caption={`Times to live of ${combo}`}
      head={['Idle time', 'Cost', 'Memory, starts, waiting', 'Starts', 'Waited', 'Held', 'Refused']}
      figures={[1, 3, 4, 5, 6]}
      rows={points.map((point) => pointRow(point, scale))}
    />
  );
}

function pointRow(point: KeepWarmPoint, scale: number) {
  const { ttlMs, isBest, costMicroUsd, coldStarts, waitedMs, gbHours, refused } = point;
  const parts = [point.memoryMicroUsd, point.startMicroUsd, point.waitMicroUsd];
  return [
    isBest ? <span class="state-ok">{`${duration(ttlMs)} (best)`}</span> : duration(ttlMs),
    usd(costMicroUsd),
    <CostBar
      parts={COSTS.map(({ name, css }, index) => ({ name, css, microUsd: parts[index] ?? 0 }))}
      scale={scale}
    />,
    whole(coldStarts),
    milliseconds(waitedMs),
    `${Number(gbHours.toPrecision(3))} GB·h`,
    whole(refused),
  ];
}
