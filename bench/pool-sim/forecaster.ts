import type { Combo } from '../../gateway/domain/combo.ts';
import {
  type DemandSlot,
  expectedWithin,
  type Forecast,
  learnDemand,
  SLOT_MS,
} from '../../gateway/pool/forecast.ts';
import type { LikelyCombo } from '../../gateway/pool/warmAhead.ts';

import type { Outlook } from '../../gateway/reports/replay/simulation.ts';

/** As pool.forecast in the configuration. */
export interface ForecastSettings {
  readonly horizonMs: number;
  readonly minChance: number;
  readonly budgetBytes: number;
}

/** The gateway's own: how often it looks ahead, and how often it reads the ledger for that. */
const LOOK_MS = 300_000;
const LEARN_MS = 6 * 3_600_000;

/** Time 0 of a trace is a Monday's midnight, as that of 5 January 1970 was. */
const EPOCH_MS = 4 * 24 * 3_600_000;

/** The gateway's forecast loop over the requests of the simulation, as the ledger would have them. */
export class Forecaster implements Outlook {
  readonly terms: ForecastSettings;
  readonly #combos: readonly Combo[];
  readonly #indexOf: ReadonlyMap<string, number>;
  readonly #demand = new Map<string, Map<number, number>>();
  #forecast: Forecast = new Map();
  #learnMs = 0;
  #lookMs = 0;

  constructor(settings: ForecastSettings, combos: readonly Combo[]) {
    this.terms = settings;
    this.#combos = combos;
    this.#indexOf = new Map(combos.map(({ name }, index) => [name, index]));
  }

  /** When it looks ahead next. */
  get nextMs(): number {
    return this.#lookMs;
  }

  arrived({ name }: Combo, nowMs: number): void {
    const slots = this.#demand.get(name) ?? new Map<number, number>();
    this.#demand.set(name, slots);
    const slot = Math.floor((EPOCH_MS + nowMs) / SLOT_MS);
    slots.set(slot, (slots.get(slot) ?? 0) + 1);
  }

  look(nowMs: number): LikelyCombo[] {
    this.#lookMs = nowMs + LOOK_MS;
    if (nowMs >= this.#learnMs) {
      this.#learnMs = nowMs + LEARN_MS;
      this.#forecast = learnDemand(this.#rows(), EPOCH_MS + nowMs);
    }
    const { horizonMs, minChance } = this.terms;
    return expectedWithin(this.#forecast, EPOCH_MS + nowMs, horizonMs).flatMap(({ combo: name, chance }) => {
      const combo = this.#combos[this.#indexOf.get(name) ?? -1];
      return combo && chance >= minChance ? [{ combo, chance }] : [];
    });
  }

  #rows(): DemandSlot[] {
    return [...this.#demand].flatMap(([combo, slots]) =>
      [...slots].map(([slot, requests]) => ({ combo, slot, requests })),
    );
  }
}
