import { Bins } from './bins.ts';
import type { Gaps } from './gaps.ts';

const BINS = 2000;
const STEPS = 80;

/**
 * A lower bound on the reload time of every plan, also of one that knows the future, that serves these requests at these
 * times out of `memoryBytes`: the linear relaxation of interval caching (Berger, Beckmann and Harchol-Balter, "Practical
 * Bounds on Optimal Caching with Variable Object Sizes", SIGMETRICS 2018) through its Lagrangian dual.
 *
 * Each gap k of an item is kept (x = 1), which takes its bytes throughout, or not (x = 0), which costs getting it again.
 * With any price y(t) >= 0 on a byte for a millisecond, no plan costs less than
 * sum over k of min(cost k, bytes k x integral of y over k) - integral of y(t) x (memory - bytes that serve at t),
 * since a plan keeps at each t no more than that memory. So the bound holds whatever the prices are: the search (steps
 * along the subgradient, by Polyak's rule) only makes it better. Prices are constant within each of 2,000 equal spans.
 *
 * It lets parts of an item be kept, loads take neither time nor memory, and a combo outlive its base: true optima cost
 * more. `knownMs`: what some plan costs, which sets the length of the steps.
 */
export function lowerBoundMs(gaps: Gaps, memoryBytes: number, knownMs: number): number {
  const bins = new Bins(gaps.endMs, BINS);
  const freeByteMs = freeOf(gaps, memoryBytes, bins);
  const price = new Float64Array(BINS);
  const slope = new Float64Array(BINS);
  let best = gaps.firstCostMs;
  let pace = 1;
  let sinceBetter = 0;
  for (let step = 0; step < STEPS; step += 1) {
    const value = gaps.firstCostMs + dual(gaps, bins, price, freeByteMs, slope);
    sinceBetter = value > best ? 0 : sinceBetter + 1;
    best = Math.max(best, value);
    if (sinceBetter >= 5) {
      pace /= 2;
      sinceBetter = 0;
    }
    const norm = slope.reduce((sum, one) => sum + one * one, 0);
    if (norm === 0) break;
    const length = (pace * (knownMs - value)) / norm;
    for (const [bin, one] of slope.entries()) price[bin] = Math.max(0, (price[bin] ?? 0) + length * one);
  }
  return best;
}

/** The dual's value at these prices; `slope` becomes its subgradient. */
function dual(
  { fromMs, untilMs, bytes, costMs }: Gaps,
  bins: Bins,
  price: Float64Array,
  freeByteMs: Float64Array,
  slope: Float64Array,
): number {
  let value = 0;
  for (const [bin, free] of freeByteMs.entries()) value -= (price[bin] ?? 0) * free;
  const upTo = bins.integral(price);
  bins.clear();
  for (let gap = 0; gap < bytes.length; gap += 1) {
    const from = fromMs[gap] ?? 0;
    const until = untilMs[gap] ?? 0;
    const size = bytes[gap] ?? 0;
    const cost = costMs[gap] ?? 0;
    const rent = size * (bins.at(upTo, price, until) - bins.at(upTo, price, from));
    value += Math.min(cost, rent);
    if (rent < cost) bins.add(from, until, size);
  }
  const kept = bins.sums();
  for (const [bin, free] of freeByteMs.entries()) slope[bin] = (kept[bin] ?? 0) - free;
  return value;
}

/** Memory times length of each bin, less what serves then. */
function freeOf({ inUse }: Gaps, memoryBytes: number, bins: Bins): Float64Array {
  bins.clear();
  for (const { fromMs, untilMs, bytes } of inUse) bins.add(fromMs, untilMs, bytes);
  return bins.sums().map((used) => memoryBytes * bins.widthMs - used);
}
