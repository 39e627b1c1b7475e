import type { Catalogue } from '../domain/catalogue.ts';
import { parseCombo } from '../domain/combo.ts';
import type { PoolEvent } from '../pool/events.ts';
import { expectedWithin, type Forecast, learnDemand, SLOT_MS } from '../pool/forecast.ts';
import type { LikelyCombo } from '../pool/warmAhead.ts';
import type { Clock } from '../ports/clock.ts';
import type { DemandHistory } from '../ports/demandHistory.ts';
import type { Log } from '../ports/log.ts';

/** How often it looks ahead, and how often it reads the ledger for that. */
const LOOK_MS = 300_000;
const LEARN_MS = 6 * 3_600_000;

/** Older weeks than these count for next to nothing. */
const HISTORY_MS = 8 * 7 * 24 * 3_600_000;

/** What an operator sets. */
export interface ForecastSettings {
  readonly enabled: boolean;
  readonly horizonMs: number;
  /** 0 to 1: what is less likely is not warmed. */
  readonly minChance: number;
  readonly budgetBytes: number;
}

export interface ForecastParts {
  readonly settings: ForecastSettings;
  readonly history: DemandHistory;
  readonly catalogue: () => Catalogue;
  readonly dispatch: (event: PoolEvent) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** Tells the pool every five minutes who is likely to be asked for, by the ledger's time of the week. */
export class ForecastLoop {
  readonly #parts: ForecastParts;
  #forecast: Forecast = new Map();
  #learnedAtMonoMs = Number.NEGATIVE_INFINITY;
  #ticker: NodeJS.Timeout | null = null;
  #looking: Promise<void> | null = null;

  constructor(parts: ForecastParts) {
    this.#parts = parts;
  }

  /** Does nothing unless the operator turned it on. */
  run(): void {
    if (!this.#parts.settings.enabled) return;
    void this.look();
    this.#ticker = setInterval(() => void this.look(), LOOK_MS);
  }

  stop(): void {
    if (this.#ticker) clearInterval(this.#ticker);
  }

  /** Looks ahead once; a look that is under way is the same one. Never rejects: a ledger that cannot be read is logged. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    const { settings, clock, log, dispatch } = this.#parts;
    try {
      await this.#learn();
    } catch (error) {
      log.warn({ err: error }, 'demand cannot be forecast now: the ledger was not read');
      return;
    }
    const { horizonMs, minChance, budgetBytes } = settings;
    const expected = expectedWithin(this.#forecast, clock.epochMs(), horizonMs);
    const likely = this.#inCatalogue(expected.filter(({ chance }) => chance >= minChance));
    dispatch({ type: 'demandExpected', likely, budgetBytes, horizonMs });
  }

  async #learn(): Promise<void> {
    const { history, clock } = this.#parts;
    if (clock.monoMs() - this.#learnedAtMonoMs < LEARN_MS) return;
    const nowEpochMs = clock.epochMs();
    this.#forecast = learnDemand(await history.since(nowEpochMs - HISTORY_MS, SLOT_MS), nowEpochMs);
    this.#learnedAtMonoMs = clock.monoMs();
  }

  /** What was removed since is not started. */
  #inCatalogue(expected: readonly { readonly combo: string; readonly chance: number }[]): LikelyCombo[] {
    const catalogue = this.#parts.catalogue();
    return expected.flatMap(({ combo: name, chance }) => {
      const combo = parseCombo(name, [], catalogue);
      return combo.ok ? [{ combo: combo.value, chance }] : [];
    });
  }
}
