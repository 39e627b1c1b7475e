import uPlot from './uplot.js';

const HEIGHT = 320;

/** Warm and cold, median and 95th percentile; dashed is the latter, so that colour is not all there is. */
const LINES = [
  { label: 'warm p50', colour: '--attach' },
  { label: 'warm p95', colour: '--attach', dash: [8, 5] },
  { label: 'cold p50', colour: '--stage' },
  { label: 'cold p95', colour: '--stage', dash: [8, 5] },
];

/**
 * Draws what `data-buckets` holds: rows of seconds and the four lines' milliseconds. The table below it has the same.
 * @param {HTMLElement} place
 */
export function drawLatency(place) {
  const rows = JSON.parse(place.dataset.buckets);
  const columns = [0, 1, 2, 3, 4].map((index) => rows.map((row) => row[index]));
  let plot = null;
  const draw = () => {
    plot?.destroy();
    plot = new uPlot(options(place), columns, place);
  };
  draw();
  place.setAttribute('role', 'img');
  place.setAttribute('aria-label', 'Chart of the table below');
  new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: HEIGHT })).observe(place);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
}

/** @param {HTMLElement} place */
function options(place) {
  const style = getComputedStyle(place);
  const colour = (name) => style.getPropertyValue(name).trim();
  const axis = { stroke: colour('--text'), grid: { stroke: colour('--line'), width: 1 } };
  return {
    width: place.clientWidth,
    height: HEIGHT,
    cursor: { drag: { x: false, y: false } },
    scales: { y: { distr: 3 } },
    axes: [
      axis,
      { ...axis, size: 80, values: (_plot, ticks) => ticks.map((ms) => (ms === null ? '' : shown(ms))) },
    ],
    series: [
      { label: 'from' },
      ...LINES.map(({ label, colour: name, dash }) => ({
        label,
        dash,
        stroke: colour(name),
        width: 2,
        spanGaps: true,
        points: { show: true, size: 6 },
        value: (_plot, ms) => (ms === null ? '–' : shown(ms)),
      })),
    ],
  };
}

/** @param {number} ms */
function shown(ms) {
  return ms >= 1000 ? `${+(ms / 1000).toFixed(2)} s` : `${+ms.toFixed(1)} ms`;
}
