import uPlot from './uplot.js';

const HEIGHT = 320;
/** Room that a point takes, and a moment below the axis. */
const POINT = 12;
const MOMENT = 96;

const COLOURS = {
  warm: '--attach',
  attach: '--context',
  wake: '--spawn',
  staged: '--stage',
  cold: '--decode',
};

/**
 * Draws what `data-chart` holds: median and 95th percentile by start kind. The table below it has the same.
 * @param {HTMLElement} place
 */
export function drawLatency(place) {
  const { from, to, times, kinds } = JSON.parse(place.dataset.chart);
  const columns = [times, ...kinds.flatMap(({ p50, p95 }) => [p50, p95])];
  let plot = null;
  const draw = () => {
    plot?.destroy();
    plot = new uPlot(options(place, [from, to], kinds), columns, place);
  };
  draw();
  place.setAttribute('role', 'img');
  place.setAttribute('aria-label', 'Chart of the table below it');
  new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: HEIGHT })).observe(place);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
}

/**
 * @param {HTMLElement} place
 * @param {[number, number]} range of time, in seconds
 * @param {{ kind: string, p50: (number | null)[], p95: (number | null)[] }[]} kinds
 */
function options(place, range, kinds) {
  const style = getComputedStyle(place);
  const colour = (name) => style.getPropertyValue(name).trim();
  const axis = { stroke: colour('--text'), grid: { stroke: colour('--line'), width: 1 } };
  const isSparse = (values) => values.filter((ms) => ms !== null).length * POINT < place.clientWidth;
  const line = (label, kind, values, dash) => ({
    ...{ label, dash, stroke: colour(COLOURS[kind]), width: 2, spanGaps: true },
    points: {
      ...{ show: isSparse(values), size: 7, width: 2 },
      fill: dash ? colour('--card') : colour(COLOURS[kind]),
    },
    value: (_plot, ms) => (ms === null ? '–' : shown(ms)),
  });
  return {
    width: place.clientWidth,
    height: HEIGHT,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'UTC'),
    cursor: { drag: { x: false, y: false } },
    scales: { x: { range: () => range }, y: { distr: 3 } },
    axes: [
      { ...axis, space: MOMENT, values: (_plot, ticks) => ticks.map((seconds) => moment(seconds, range)) },
      { ...axis, size: 80, values: (_plot, ticks) => ticks.map((ms) => (ms === null ? '' : shown(ms))) },
    ],
    // Dashed and hollow is the 95th percentile, so that colour is not all that tells lines apart.
    series: [
      { label: 'from (UTC)', value: (_plot, seconds) => (seconds === null ? '–' : moment(seconds, range)) },
      ...kinds.flatMap(({ kind, p50, p95 }) => [
        line(`${kind} p50`, kind, p50),
        line(`${kind} p95`, kind, p95, [8, 5]),
      ]),
    ],
  };
}

/** UTC, as the table has it: the time of day, or the day where the range has many. */
function moment(seconds, [from, to]) {
  const text = new Date(seconds * 1000).toISOString();
  return to - from > 2 * 86_400 ? `${text.slice(5, 10)} ${text.slice(11, 16)}` : text.slice(11, 16);
}

/** @param {number} ms */
function shown(ms) {
  return ms >= 1000 ? `${+(ms / 1000).toFixed(2)} s` : `${+ms.toFixed(1)} ms`;
}
