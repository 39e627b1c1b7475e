import type { RunnerReport } from '../../runner/protocol/report.ts';
import { PHASES, type PhaseInterval, type PhaseRecord, partitionWait } from '../domain/phases.ts';
import type { StartDetail } from '../domain/startDetail.ts';

/**
 * One request's moments on the monotonic clock, and the partition of its wall time that follows from them. Everything
 * that is said of a request's time (headers, metrics, ledger) derives from here.
 */
export class RequestTimes {
  readonly arrivedMonoMs: number;
  #grantedMonoMs: number | null = null;
  #intervals: readonly PhaseInterval[] = [];
  #startDetail: StartDetail | null = null;
  #firstTokenMonoMs: number | null = null;
  #report: RunnerReport | null = null;

  constructor(arrivedMonoMs: number) {
    this.arrivedMonoMs = arrivedMonoMs;
  }

  /** The start that is waited for, or was until now: its phases so far, and what happened inside and beside them. */
  waited(intervals: readonly PhaseInterval[], detail: StartDetail | null): void {
    this.#intervals = intervals;
    this.#startDetail = detail;
  }

  granted(grantedMonoMs: number): void {
    this.#grantedMonoMs = grantedMonoMs;
  }

  /** The first bytes of a stream's choices came. */
  firstToken(nowMonoMs: number): void {
    this.#firstTokenMonoMs ??= nowMonoMs;
  }

  /** What the runner says of a finished answer. Of one that was no stream it tells when the first token was. */
  reported(report: RunnerReport, nowMonoMs: number): void {
    this.#report = report;
    if (report.completionTokens === 0) return;
    this.#firstTokenMonoMs ??= Math.max(
      this.#grantedMonoMs ?? this.arrivedMonoMs,
      nowMonoMs - report.decodeMs,
    );
  }

  /** As `waited` said it last. */
  get startDetail(): StartDetail | null {
    return this.#startDetail;
  }

  /** Arrival to the first token; null when there was none. */
  ttftMs(): number | null {
    return this.#firstTokenMonoMs === null ? null : this.#firstTokenMonoMs - this.arrivedMonoMs;
  }

  /** Per output token after the first; null for fewer than two. */
  tpotMs(nowMonoMs: number): number | null {
    const tokens = this.#report?.completionTokens ?? 0;
    return this.#firstTokenMonoMs === null || tokens < 2
      ? null
      : (nowMonoMs - this.#firstTokenMonoMs) / (tokens - 1);
  }

  /** The phases up to now; their sum is now less the arrival. */
  phases(nowMonoMs: number): PhaseRecord {
    const granted = this.#grantedMonoMs ?? nowMonoMs;
    const record = partitionWait(this.arrivedMonoMs, granted, this.#intervals);
    if (this.#grantedMonoMs !== null) {
      const firstToken = this.#firstTokenMonoMs ?? nowMonoMs;
      const inRunner = firstToken - granted;
      // A sequence may be waited for inside the runner too.
      const queued = Math.min(inRunner, this.#report?.queueMs ?? 0);
      if (queued > 0) record.queue = (record.queue ?? 0) + queued;
      record.prefill = inRunner - queued;
      if (this.#firstTokenMonoMs !== null && nowMonoMs > firstToken) record.decode = nowMonoMs - firstToken;
    }
    return record;
  }
}

/** The `server-timing` header: phases in their order, milliseconds with microseconds. */
export function serverTiming(phases: PhaseRecord): string {
  const parts: string[] = [];
  for (const phase of PHASES) {
    const ms = phases[phase];
    if (ms !== undefined) parts.push(`${phase};dur=${ms.toFixed(3)}`);
  }
  return parts.join(', ');
}

/** Phases rounded to microseconds, for JSON that people read. */
export function roundPhases(phases: PhaseRecord): PhaseRecord {
  const record: PhaseRecord = {};
  for (const phase of PHASES) {
    const ms = phases[phase];
    if (ms !== undefined) record[phase] = roundMs(ms);
  }
  return record;
}

/** Milliseconds rounded to microseconds. */
export function roundMs(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
