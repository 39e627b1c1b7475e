/** Demand is counted and forecast in slots of a quarter of an hour, since the epoch (UTC). */
export const SLOT_MS = 900_000;

const SLOTS_PER_WEEK = 7 * 24 * 4;

/** What the same slot of a week before counts for, beside the one after it. */
const WEEKLY_DECAY = 0.7;

/** Requests for one combo in one slot. */
export interface DemandSlot {
  /** Canonical name: a forecast outlives a replaced file. */
  readonly combo: string;
  /** Slots since the epoch. */
  readonly slot: number;
  readonly requests: number;
}

/** What is to be expected of a combo within a time. */
export interface Expected {
  readonly combo: string;
  /** That it is asked for at all, 0 to 1. */
  readonly chance: number;
  /** How often, on average. */
  readonly requests: number;
}

interface SlotDemand {
  /** Part of the weeks, decayed, in which it was asked for in this slot. */
  chance: number;
  requests: number;
}

/** By slot of the week, then by combo. */
export type Forecast = ReadonlyMap<number, ReadonlyMap<string, Readonly<SlotDemand>>>;

/**
 * What is usual at each quarter of an hour of the week: the mean over the weeks past, each of which counts less than the
 * one after it. Weeks are those since the first row; in the first one nothing is known of the hours to come.
 */
export function learnDemand(rows: readonly DemandSlot[], nowEpochMs: number): Forecast {
  const nowSlot = Math.floor(nowEpochMs / SLOT_MS);
  const past = rows.filter(({ slot }) => slot < nowSlot);
  const firstSlot = past.reduce((first, { slot }) => Math.min(first, slot), nowSlot);
  const weeks = Math.ceil((nowSlot - firstSlot) / SLOTS_PER_WEEK);
  const allWeeks = (1 - WEEKLY_DECAY ** weeks) / (1 - WEEKLY_DECAY);
  const forecast = new Map<number, Map<string, SlotDemand>>();
  for (const { combo, slot, requests } of past) {
    const weight = WEEKLY_DECAY ** Math.floor((nowSlot - 1 - slot) / SLOTS_PER_WEEK) / allWeeks;
    const combos = forecast.get(slot % SLOTS_PER_WEEK) ?? new Map<string, SlotDemand>();
    forecast.set(slot % SLOTS_PER_WEEK, combos);
    const known = combos.get(combo) ?? { chance: 0, requests: 0 };
    combos.set(combo, { chance: known.chance + weight, requests: known.requests + weight * requests });
  }
  return forecast;
}

/**
 * Who is to be expected from now on within `horizonMs`, the likeliest first. Slots count as independent of each other,
 * one of which only a part lies ahead as that part of it.
 */
export function expectedWithin(forecast: Forecast, nowEpochMs: number, horizonMs: number): Expected[] {
  const endEpochMs = nowEpochMs + horizonMs;
  const found = new Map<string, { none: number; requests: number }>();
  for (let slot = Math.floor(nowEpochMs / SLOT_MS); slot * SLOT_MS < endEpochMs; slot += 1) {
    const fromMs = Math.max(nowEpochMs, slot * SLOT_MS);
    const part = (Math.min(endEpochMs, (slot + 1) * SLOT_MS) - fromMs) / SLOT_MS;
    for (const [combo, demand] of forecast.get(slot % SLOTS_PER_WEEK) ?? []) {
      const known = found.get(combo) ?? { none: 1, requests: 0 };
      found.set(combo, {
        none: known.none * (1 - Math.min(1, demand.chance)) ** part,
        requests: known.requests + demand.requests * part,
      });
    }
  }
  return [...found]
    .map(([combo, { none, requests }]) => ({ combo, chance: 1 - none, requests }))
    .sort((a, b) => b.chance - a.chance || b.requests - a.requests);
}
