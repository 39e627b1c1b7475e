import type { Fleet } from '../../gateway/reports/replay/fleet.ts';
import { type Arrival, type Arrivals, toArrivals } from '../../gateway/reports/replay/trace.ts';
import { Chooser, type Random, zipfWeights } from './random.ts';

export interface Load {
  readonly requests: number;
  /** Mean over the whole trace. */
  readonly perSecond: number;
  /** Of Zipf's law, for bases and again for the combos of each base. */
  readonly exponent: number;
  readonly medianMs: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Spread of the logarithm of how long requests take. */
const DURATION_SIGMA = 0.8;

/** A steady stream: arrivals are independent of each other (Poisson). */
export function zipfArrivals(fleet: Fleet, load: Load, random: Random): Arrivals {
  const chooser = new Chooser(popularity(fleet, load.exponent, random));
  const rows: Arrival[] = [];
  let atMs = 0;
  while (rows.length < load.requests) {
    atMs += random.exponential(1000 / load.perSecond);
    rows.push({ atMs, combo: chooser.draw(random), durationMs: durationOf(load, random) });
  }
  return toArrivals(rows);
}

/**
 * Bursts: each base's users are at work for 10 minutes and away for 50, both of exponential length (a Markov-modulated
 * Poisson process for each base), and six times as busy while they are there.
 */
export function burstyArrivals(fleet: Fleet, load: Load, random: Random): Arrivals {
  const on = (atMs: number): number => atMs + random.exponential(HOUR_MS / 6);
  const off = (atMs: number): number => atMs + random.exponential((5 * HOUR_MS) / 6);
  return perBase(fleet, load, random, (untilMs) => {
    const spans: Span[] = [];
    for (let atMs = random.next() < 1 / 6 ? 0 : off(0); atMs < untilMs; ) {
      const endMs = on(atMs);
      spans.push({ fromMs: atMs, untilMs: endMs, factor: 6 });
      atMs = off(endMs);
    }
    return spans;
  });
}

/**
 * Days and weeks: half of the bases are used in office hours (9 to 17, from Monday to Friday), a quarter by a job that
 * runs for half an hour at an hour of its own each day, a quarter at all times. Time 0 is a Monday's midnight.
 */
export function diurnalArrivals(fleet: Fleet, load: Load, random: Random): Arrivals {
  return perBase(fleet, load, random, (untilMs) => {
    const kind = random.whole(4);
    if (kind === 0) return [{ fromMs: 0, untilMs, factor: 1 }];
    const hour = kind === 1 ? random.whole(24) + 0.5 : 9;
    const hours = kind === 1 ? 0.5 : 8;
    const spans: Span[] = [];
    for (let day = 0; day * DAY_MS < untilMs; day += 1) {
      if (kind > 1 && day % 7 > 4) continue;
      const fromMs = day * DAY_MS + hour * HOUR_MS;
      spans.push({ fromMs, untilMs: fromMs + hours * HOUR_MS, factor: kind > 1 ? 4.2 : 48 });
    }
    return spans;
  });
}

interface Span {
  readonly fromMs: number;
  readonly untilMs: number;
  /** Times the base's mean rate. */
  readonly factor: number;
}

function perBase(
  fleet: Fleet,
  load: Load,
  random: Random,
  spansOf: (untilMs: number) => readonly Span[],
): Arrivals {
  const weights = popularity(fleet, load.exponent, random);
  const combosOf = fleet.bases.map((): number[] => []);
  for (const [combo, { base }] of fleet.combos.entries()) combosOf[base]?.push(combo);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const untilMs = (load.requests / load.perSecond) * 1000;
  const rows: Arrival[] = [];
  for (const combos of combosOf) {
    const chooser = new Chooser(combos.map((combo) => weights[combo] ?? 0));
    const perMs = ((chooser.total / total) * load.perSecond) / 1000;
    for (const span of spansOf(untilMs)) {
      const everyMs = 1 / (perMs * span.factor);
      let atMs = span.fromMs + random.exponential(everyMs);
      for (; atMs < Math.min(span.untilMs, untilMs); atMs += random.exponential(everyMs))
        rows.push({ atMs, combo: combos[chooser.draw(random)] ?? 0, durationMs: durationOf(load, random) });
    }
  }
  return toArrivals(rows);
}

/** By combo. Which base and which of its combos are the popular ones has nothing to do with their sizes. */
function popularity(fleet: Fleet, exponent: number, random: Random): number[] {
  const ofBase = random.shuffle(zipfWeights(fleet.bases.length, exponent));
  const ranks = fleet.bases.map(() => 0);
  return fleet.combos.map(({ base }) => {
    const rank = (ranks[base] ?? 0) + 1;
    ranks[base] = rank;
    return (ofBase[base] ?? 0) * rank ** -exponent;
  });
}

function durationOf({ medianMs }: Load, random: Random): number {
  return Math.ceil(random.logNormal(medianMs, DURATION_SIGMA));
}
