import { fail, ok, type Result } from '../../domain/errors.ts';
import type { Report } from '../../reports/table.ts';
import { keepWarmReport } from '../admin/reports/keepWarm.ts';
import type { HttpDeps } from '../deps.ts';
import type { KeepWarmState, Span } from './data.ts';
import { keepWarmOf } from './reportData.ts';

/** Asked for and not looked at again are forgotten from here on. */
const MOST_KEPT = 16;

/** What a replay is of. */
export interface KeepWarmAsk {
  readonly span: Span;
  /** What a second that a client waits is worth, in USD. */
  readonly waitUsdPerSecond: number;
}

/** What it came to, as the admin API has it, and of which time. */
interface Made {
  readonly fromEpochMs: number;
  readonly toEpochMs: number;
  readonly report: Report;
}

interface Job {
  state: Exclude<KeepWarmState, { state: 'none' }>;
  made: Made | null;
}

/**
 * Replays that somebody asked for, which take seconds: they go on while nobody waits, and what they came to is kept for who
 * looks later. One at a time (compose/keepWarm.ts), in memory.
 */
export class KeepWarmDesk {
  readonly #deps: HttpDeps;
  readonly #jobs = new Map<string, Job>();

  constructor(deps: HttpDeps) {
    this.#deps = deps;
  }

  look(ask: KeepWarmAsk): KeepWarmState {
    return this.#jobs.get(nameOf(ask))?.state ?? { state: 'none' };
  }

  /** null: it is not worked out. */
  report(ask: KeepWarmAsk): Made | null {
    return this.#jobs.get(nameOf(ask))?.made ?? null;
  }

  /** Begins to work it out, anew where it is there already; nothing while it is on its way. `rate_limit_exceeded` */
  begin(ask: KeepWarmAsk): Result<unknown> {
    const name = nameOf(ask);
    if (this.#jobs.get(name)?.state.state === 'working') return ok(true);
    this.#jobs.delete(name);
    if (!this.#makeRoom())
      return fail(
        'rate_limit_exceeded',
        `Cannot begin a replay: ${MOST_KEPT} are on their way; look again later`,
      );
    const job: Job = { state: { state: 'working' }, made: null };
    this.#jobs.set(name, job);
    void this.#work(ask, job);
    return ok(true);
  }

  #makeRoom(): boolean {
    for (const [name, { state }] of this.#jobs) {
      if (this.#jobs.size < MOST_KEPT) break;
      if (state.state !== 'working') this.#jobs.delete(name);
    }
    return this.#jobs.size < MOST_KEPT;
  }

  async #work({ span, waitUsdPerSecond }: KeepWarmAsk, job: Job): Promise<void> {
    const { clock, catalogue, log } = this.#deps;
    const { fromEpochMs, toEpochMs } = span;
    const beganMonoMs = clock.monoMs();
    const query = { from: fromEpochMs, to: toEpochMs, wait_usd_per_second: waitUsdPerSecond };
    try {
      const report = await keepWarmReport(this.#deps, query);
      if (!report.ok) {
        job.state = { state: 'failed', message: report.error.message };
        return;
      }
      job.made = { fromEpochMs, toEpochMs, report: report.value };
      const times = { fromEpochMs, toEpochMs, doneAtEpochMs: clock.epochMs() };
      const tookMs = clock.monoMs() - beganMonoMs;
      const figures = keepWarmOf(report.value.rows, catalogue.current());
      job.state = { state: 'done', result: { ...times, tookMs, ...figures } };
    } catch (error) {
      log.error({ error: error instanceof Error ? error.message : String(error) }, 'a replay failed');
      job.state = { state: 'failed', message: 'Cannot replay: the gateway failed at it; its log says more' };
    }
  }
}

function nameOf({ span: { range, fromEpochMs, toEpochMs }, waitUsdPerSecond }: KeepWarmAsk): string {
  return JSON.stringify([range ?? [fromEpochMs, toEpochMs], waitUsdPerSecond]);
}
