import { Gauge, Registry } from 'prom-client';

/** What a scrape tells of one objective. */
export interface SloFigures {
  readonly id: string;
  readonly target: number;
  readonly good: number;
  readonly bad: number;
  readonly budgetLeftShare: number;
  /** 0 ok, 1 warning, 2 page, 3 exhausted. */
  readonly state: number;
  /** By the names of windows, as `5m`. */
  readonly burnRates: Readonly<Record<string, number>>;
  /** By the names of pairs, as `1h_5m`. */
  readonly burnLimits: Readonly<Record<string, number>>;
}

/** Gauges of objectives, by their ids alone. They come from the books, so that they outlive a restart. */
export class SloMetrics {
  readonly #registry = new Registry();
  readonly #gauges = new Map<string, Gauge<'slo'>>();

  /** Prometheus' text exposition format; an objective that is gone is not in it. */
  text(slos: readonly SloFigures[]): Promise<string> {
    this.#registry.resetMetrics();
    for (const slo of slos) this.#tell(slo);
    return this.#registry.metrics();
  }

  #tell({ id, target, good, bad, budgetLeftShare, state, burnRates, burnLimits }: SloFigures): void {
    const set = (name: string, help: string, value: number) =>
      this.#gauge(name, help).set({ slo: id }, value);
    set('hearth_slo_target_ratio', 'Share of requests that the objective promises to be good.', target);
    set('hearth_slo_good_requests', 'Good requests over the window of the objective.', good);
    set('hearth_slo_bad_requests', 'Bad requests over the window of the objective.', bad);
    set('hearth_slo_error_budget_left_ratio', 'Share of the error budget that is left.', budgetLeftShare);
    set('hearth_slo_state', 'How it stands: 0 ok, 1 warning, 2 page, 3 exhausted.', state);
    for (const [window, rate] of Object.entries(burnRates)) {
      set(
        `hearth_slo_burn_rate_${window}`,
        `How many times as fast as evenly the budget went in ${window}.`,
        rate,
      );
    }
    for (const [pair, limit] of Object.entries(burnLimits)) {
      set(`hearth_slo_burn_limit_${pair}`, 'Burn rate past which both windows together tell.', limit);
    }
  }

  #gauge(name: string, help: string): Gauge<'slo'> {
    const known = this.#gauges.get(name);
    if (known) return known;
    const gauge = new Gauge({ name, help, labelNames: ['slo'], registers: [this.#registry] });
    this.#gauges.set(name, gauge);
    return gauge;
  }
}
