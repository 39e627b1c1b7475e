import type { Slo, SloCounts } from '../domain/slo.ts';
import { NO_COUNTS } from '../domain/slo.ts';
import type { Clock } from '../ports/clock.ts';
import type { SloCountsReads, SloSpan } from '../ports/sloCounts.ts';

/** An objective with what it has counted over its own window and over shorter ones. */
export interface SloStanding {
  readonly slo: Slo;
  readonly overall: SloCounts;
  /** In the order of the windows that were asked for. */
  readonly recent: readonly SloCounts[];
  readonly isComplete: boolean;
}

export interface SloSpanCounts {
  readonly slo: Slo;
  readonly counts: SloCounts;
  readonly isComplete: boolean;
}

/** How old the answer may be that metrics get: a scrape must not make the reader thread add up anew each time. */
const CACHED_MS = 5000;

/** The objectives in force, and how they stand. */
export class SloBook {
  readonly #counts: SloCountsReads;
  readonly #slos: () => readonly Slo[];
  readonly #clock: Clock;
  #cached: { readonly atMonoMs: number; readonly standings: Promise<readonly SloStanding[]> } | null = null;

  constructor(counts: SloCountsReads, slos: () => readonly Slo[], clock: Clock) {
    this.#counts = counts;
    this.#slos = slos;
    this.#clock = clock;
  }

  /** Of this moment. `windowsMs` are those of the burn rates. */
  async states(windowsMs: readonly number[]): Promise<readonly SloStanding[]> {
    const slos = this.#slos();
    if (slos.length === 0) return [];
    const toEpochMs = this.#clock.epochMs() + 1;
    // Objectives of one window are read together, of one moment.
    const own = [...new Set(slos.map(({ windowMs }) => windowMs))];
    const spans: SloSpan[] = [...own, ...windowsMs].map((ms) => ({ fromEpochMs: toEpochMs - ms, toEpochMs }));
    const counted = await this.#counts.counts(slos, spans);
    return slos.map((slo, index) => {
      const { spans: counts = [], isComplete = true } = counted[index] ?? {};
      return {
        slo,
        overall: counts[own.indexOf(slo.windowMs)] ?? NO_COUNTS,
        recent: counts.slice(own.length),
        isComplete,
      };
    });
  }

  /** The same, not older than some seconds. */
  recentStates(windowsMs: readonly number[]): Promise<readonly SloStanding[]> {
    const now = this.#clock.monoMs();
    if (this.#cached && now - this.#cached.atMonoMs < CACHED_MS) return this.#cached.standings;
    const standings = this.states(windowsMs);
    this.#cached = { atMonoMs: now, standings };
    standings.catch(() => {
      this.#cached = null;
    });
    return standings;
  }

  /** Over one span of arrivals; `toEpochMs` null: until now. */
  async report(fromEpochMs: number, toEpochMs: number | null): Promise<readonly SloSpanCounts[]> {
    const slos = this.#slos();
    if (slos.length === 0) return [];
    const span = { fromEpochMs, toEpochMs: toEpochMs ?? this.#clock.epochMs() + 1 };
    const counted = await this.#counts.counts(slos, [span]);
    return slos.map((slo, index) => ({
      slo,
      counts: counted[index]?.spans[0] ?? NO_COUNTS,
      isComplete: counted[index]?.isComplete ?? true,
    }));
  }
}
