import type { Database } from '../../db/openDatabase.ts';
import type { CatalogueService } from '../catalogue/catalogueService.ts';
import type { Settings } from '../config.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import { BURN_PAIRS, BURN_WINDOWS, BURN_WINDOWS_MS, burnLimitOf, SLO_STATES } from '../reports/slo.ts';
import { stateOf } from '../reports/sloRows.ts';
import { SloBook, type SloStanding } from '../shell/sloBook.ts';
import { type SloFigures, SloMetrics } from '../telemetry/sloMetrics.ts';

interface Objectives {
  readonly slos: SloBook;
  /** Puts the gauges of objectives at the end of what a scrape is told; none when the books cannot be read now. */
  addTo(metrics: string): Promise<string>;
}

/** The objectives of the configuration file, counted until the database is closed; and the ledger's retention. */
export function openSlos(
  { ledger: { retentionMs } }: Pick<Settings, 'ledger'>,
  database: Database,
  catalogue: CatalogueService,
  clock: Clock,
  log: Log,
): Objectives {
  const slos = new SloBook(database.slos, () => catalogue.slos(), clock);
  const metrics = new SloMetrics();
  const burnMs = BURN_WINDOWS.map((window) => BURN_WINDOWS_MS[window]);
  const epochMs = () => clock.epochMs();
  database.slos.run(
    () => catalogue.slos(),
    epochMs,
    (error) => log.warn({ error: error.message }, 'objectives were not counted'),
  );
  if (retentionMs !== null) {
    database.retention.run(retentionMs, epochMs, (error) =>
      log.warn({ error: error.message }, 'old requests were not removed'),
    );
  }
  return {
    slos,
    async addTo(text) {
      const standings = await slos.recentStates(burnMs).catch((error: Error) => {
        log.warn({ error: error.message }, 'objectives could not be read');
        return [];
      });
      if (standings.length === 0) return text;
      return withGauges(text, await metrics.text(standings.map(figuresOf)));
    },
  };
}

/** OpenMetrics ends with a mark, and has no empty lines; gauges are written alike in both formats. */
function withGauges(text: string, gauges: string): string {
  const lines = gauges.replaceAll(/\n{2,}/g, '\n').trimEnd();
  const end = /# EOF\n?$/.exec(text);
  if (!end) return `${text.trimEnd()}\n${lines}\n`;
  return `${text.slice(0, end.index).trimEnd()}\n${lines}\n# EOF\n`;
}

function figuresOf({ slo, overall, recent }: SloStanding): SloFigures {
  const { status, counted, budget, burnRates } = stateOf(slo, overall, recent);
  return {
    id: slo.id,
    target: slo.target,
    good: counted.good,
    bad: counted.bad,
    budgetLeftShare: budget.leftShare,
    state: SLO_STATES.indexOf(status),
    burnRates,
    burnLimits: Object.fromEntries(
      BURN_PAIRS.map((pair) => [`${pair.long}_${pair.short}`, burnLimitOf(pair, slo.windowMs)]),
    ),
  };
}
