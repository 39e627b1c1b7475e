import type { RunnerReport } from '../../runner/protocol/report.ts';
import {
  type MonoInterval,
  PHASES,
  type PhaseInterval,
  type PhaseRecord,
  type PhaseSpan,
  partitionWait,
  splitWait,
} from '../domain/phases.ts';
import type { StartDetail } from '../domain/startDetail.ts';
import type { Moments, RunnerTimes } from '../domain/trace.ts';

/**
 * One request's moments on the monotonic clock, and the partition of its wall time that follows from them. Everything
 * that is said of a request's time (headers, metrics, ledger) derives from here.
 */
export class RequestTimes {
  readonly arrivedMonoMs: number;
  #grantedMonoMs: number | null = null;
  #intervals: readonly PhaseInterval[] = [];
  #startDetail: StartDetail | null = null;
  #downloads: readonly MonoInterval[] = [];
  #firstTokenMonoMs: number | null = null;
  #report: RunnerReport | null = null;

  constructor(arrivedMonoMs: number) {
    this.arrivedMonoMs = arrivedMonoMs;
  }

  /** The start that is waited for, or was until now: its phases so far, and what happened inside and beside them. */
  waited(
    intervals: readonly PhaseInterval[],
    detail: StartDetail | null,
    downloads: readonly MonoInterval[] = [],
  ): void {
    this.#intervals = intervals;
    this.#startDetail = detail;
    this.#downloads = downloads;
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

  /** The pieces that `phases` adds up, in their order, in milliseconds from the arrival. */
  spans(nowMonoMs: number): PhaseSpan[] {
    const granted = this.#grantedMonoMs ?? nowMonoMs;
    const spans = splitWait(this.arrivedMonoMs, granted, this.#intervals);
    if (this.#grantedMonoMs === null) return spans;
    const firstToken = this.#firstTokenMonoMs ?? nowMonoMs;
    const queuedMs = Math.min(firstToken - granted, this.#report?.queueMs ?? 0);
    const startMs = granted - this.arrivedMonoMs;
    const prefillMs = startMs + queuedMs;
    const decodeMs = firstToken - this.arrivedMonoMs;
    const endMs = nowMonoMs - this.arrivedMonoMs;
    if (queuedMs > 0) spans.push({ phase: 'queue', startMs, endMs: prefillMs });
    spans.push({ phase: 'prefill', startMs: prefillMs, endMs: decodeMs });
    if (this.#firstTokenMonoMs !== null && endMs > decodeMs)
      spans.push({ phase: 'decode', startMs: decodeMs, endMs });
    return spans;
  }

  /** Of the start, in milliseconds from the arrival: before it, where it was under way already. */
  downloads(): Moments[] {
    return this.#downloads.map(({ startMonoMs, endMonoMs }) => ({
      startMs: startMonoMs - this.arrivedMonoMs,
      endMs: endMonoMs - this.arrivedMonoMs,
    }));
  }

  /** As the runner measured it; null: it has told nothing. */
  get runner(): RunnerTimes | null {
    if (this.#report === null) return null;
    const { queueMs, prefillMs, decodeMs } = this.#report;
    return { queueMs, prefillMs, decodeMs };
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
