import type { Pool } from 'undici';
import type { RunnerReport } from '../../runner/protocol/report.ts';
import { weightFileOf } from '../domain/catalogue.ts';
import { errorEnvelope, retryAfterHeaders } from '../domain/envelope.ts';
import { ERROR_TABLE, type Failure } from '../domain/errors.ts';
import { withoutPaths } from '../domain/filePaths.ts';
import type { RunnerId } from '../domain/ids.ts';
import type { PriceVersion } from '../domain/prices.ts';
import type { RequestRecord } from '../domain/requestRecord.ts';
import type { FixedStart } from '../pool/effects.ts';
import type { TokenUsage, WaitTerms } from '../pool/terms.ts';
import type { Clock } from '../ports/clock.ts';
import type { Ledger } from '../ports/ledger.ts';
import { type BadAnswer, badAnswerFailure, isBad, showsBadRunner } from './badAnswer.ts';
import { type DeadlineDefaults, deadlineOf } from './deadlines.ts';
import { admissionOf, makeRecord } from './exchangeRecord.ts';
import type { InferenceRequest, ResponseSink } from './inference.ts';
import { lateReport } from './lateReport.ts';
import type { Grant, GrantOutcome, PoolLoop } from './poolLoop.ts';
import { RequestTimes, serverTiming } from './requestTimes.ts';
import { type RunnerAnswer, RunnerExchange } from './runnerAnswer.ts';
import type { RunnerFleet } from './runnerFleet.ts';
import { SseForwarder } from './sseForwarder.ts';
import type { StartTimeline } from './startTimeline.ts';
import { usageChunk } from './usageChunk.ts';
import { WaitingStream, waitingText } from './waitingStream.ts';

export interface ExchangeDeps {
  readonly pool: PoolLoop;
  readonly fleet: RunnerFleet;
  readonly timeline: StartTimeline;
  readonly ledger: Ledger;
  /** Those in force. */
  readonly prices: () => PriceVersion;
  readonly clock: Clock;
  readonly deadlines: DeadlineDefaults;
  /** Names this gateway process in admissions. */
  readonly gatewayRun: string;
  /** How long an idempotency key is bound. */
  readonly keyTtlMs: number;
  /** Gets the record of every exchange that has ended, when its row is on disk or has been refused by the disk. */
  readonly onEnded: (record: RequestRecord) => void;
}

const ROW_FAILED: Failure = {
  code: 'ledger_failed',
  message: 'Cannot end request: its ledger row could not be written',
};

const GONE_CODES = { closed: 'client_closed', slow: 'slow_reader' } as const;

/** Headers of a stream; proxies must not buffer it. */
const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  'x-accel-buffering': 'no',
};

/**
 * One request from its arrival to its last byte: it has its admission written, waits for a runner, passes the runner's
 * bytes on, has its row written, and only then says that it is done. Whatever happens, its client is answered once and
 * its row is written.
 */
export class Exchange {
  readonly #request: InferenceRequest;
  readonly #sink: ResponseSink;
  readonly #deps: ExchangeDeps;
  readonly #times: RequestTimes;
  readonly #forwarder: SseForwarder;
  readonly #deadlineMs: number | null;
  /** In force when it came. */
  readonly #prices: PriceVersion;
  readonly #gone: Promise<'gone'>;
  /** Why nobody waits for the answer any more. */
  #goneReason: 'closed' | 'slow' | null = null;
  /** What serves the request, or what it waits for once that is fixed. */
  #start: FixedStart | null = null;
  #running: RunnerExchange | null = null;
  #lastCalled: Pool | null = null;

  constructor(request: InferenceRequest, sink: ResponseSink, deps: ExchangeDeps) {
    this.#request = request;
    this.#sink = sink;
    this.#deps = deps;
    this.#prices = deps.prices();
    this.#times = new RequestTimes(request.arrivedMonoMs);
    this.#deadlineMs = deadlineOf(request, deps.deadlines);
    this.#forwarder = new SseForwarder((bytes) => this.#sink.write(bytes));
    this.#gone = new Promise((resolve) => {
      sink.onGone((reason) => {
        this.#goneReason ??= reason;
        this.#running?.abort();
        resolve('gone');
      });
    });
  }

  /** Resolves with whether the answer was given in full. */
  async run(): Promise<boolean> {
    if (!this.#open()) return this.#endFailed(ROW_FAILED);
    // A runner that was lost before its first byte is replaced once; the client does not notice.
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await this.#wait();
      if (outcome === 'gone' || this.#goneReason) return this.#endGone();
      if (!outcome.ok) return this.#endFailed(outcome.failure);
      const answer = await this.#call(outcome.grant);
      if (this.#goneReason) return this.#endGone();
      if (!isBad(answer)) return this.#endAnswered(answer);
      if (answer.begun || attempt > 1 || this.#sink.headSent)
        return this.#endFailed(this.#bad(outcome.grant.runnerId, answer));
    }
  }

  /** A request whose admission the disk refuses is not begun. */
  #open(): boolean {
    const { ledger, gatewayRun } = this.#deps;
    const admission = admissionOf(this.#request, gatewayRun);
    try {
      ledger.open(admission, this.#request.attempt);
      return true;
    } catch {
      return false;
    }
  }

  /** Waits for a grant; a stream's client is kept informed meanwhile. */
  async #wait(): Promise<GrantOutcome | 'gone'> {
    const { pool } = this.#deps;
    const { requestId, combo, keepAliveMs, stream } = this.#request;
    const terms = this.#terms();
    const waiting = stream ? new WaitingStream(() => this.#announce()) : null;
    const outcome = await Promise.race([pool.acquire(requestId, combo, keepAliveMs, terms), this.#gone]);
    waiting?.stop();
    // Also when the grant came in the same moment: nobody would stop what is begun for it.
    if (outcome === 'gone' || this.#goneReason) {
      this.#waitsFor(pool.fixedStart(requestId));
      pool.leave(requestId);
      return 'gone';
    }
    if (!outcome.ok) {
      this.#waitsFor(outcome.start);
      return outcome;
    }
    this.#granted(outcome.grant);
    return outcome;
  }

  #terms(): WaitTerms {
    const { tenant, weight, serviceTier, arrivedMonoMs } = this.#request;
    const tier = serviceTier === 'flex' ? 'flex' : 'interactive';
    const deadlineAtMs = arrivedMonoMs + (this.#deadlineMs ?? Number.POSITIVE_INFINITY);
    return { tenant, weight, tier, deadlineAtMs };
  }

  /** Sends a stream's headers once it is fixed who will serve it, then what the start is doing. */
  #announce(): void {
    const { pool, timeline, clock } = this.#deps;
    const start = pool.promisedStart(this.#request.requestId);
    if (!start) return;
    if (!this.#sink.headSent) {
      this.#waitsFor(start);
      this.#sendStreamHead(clock.monoMs());
    }
    const { key } = this.#request.combo;
    const isWarm = start.kind === 'warm';
    const progress = isWarm ? null : timeline.startProgress(start.runnerId, key, clock.monoMs());
    this.#sink.write(`: ${waitingText(start.kind, progress)}\n\n`);
  }

  /** The request waits for that start, or has done so until now. */
  #waitsFor(start: FixedStart | null): void {
    if (!start) return;
    const { timeline, clock } = this.#deps;
    const { runnerId, kind } = start;
    const { key } = this.#request.combo;
    this.#start = start;
    const intervals = kind === 'warm' ? [] : timeline.intervals(runnerId, key, clock.monoMs());
    const downloads = timeline.downloads(runnerId, key, kind);
    this.#times.waited(intervals, timeline.startDetail(runnerId, key, kind), downloads);
  }

  #granted(grant: Grant): void {
    this.#waitsFor(grant);
    this.#times.granted(grant.grantedMonoMs);
  }

  async #call(grant: Grant): Promise<RunnerAnswer> {
    const { fleet, pool, clock } = this.#deps;
    const client = fleet.client(grant.runnerId);
    let answer: RunnerAnswer = { type: 'lost', begun: false, error: new Error('its process has gone') };
    if (client) {
      this.#running = new RunnerExchange(client, this.#request, (chunk) => {
        const nowMonoMs = clock.monoMs();
        this.#times.firstToken(nowMonoMs);
        if (!this.#sink.headSent) this.#sendStreamHead(nowMonoMs);
        return this.#forwarder.push(chunk);
      });
      answer = await this.#running.answer;
      this.#running = null;
      this.#lastCalled = client;
      if (!this.#goneReason && isBad(answer) && showsBadRunner(answer))
        this.#reportBad(grant.runnerId, answer.error);
    }
    pool.release(this.#request.requestId, usageOf(answer));
    return answer;
  }

  /** Who comes next must not be sent to it. */
  #reportBad(runnerId: RunnerId, error: Error): void {
    const failure: Failure = {
      code: 'runner_died',
      message: `Cannot use runner "${runnerId}": ${error.message}`,
    };
    this.#deps.pool.dispatch({ type: 'runnerFailed', runnerId, failure });
  }

  #bad(runnerId: RunnerId, answer: BadAnswer): Failure {
    const failure = badAnswerFailure(runnerId, answer);
    if (failure.code !== 'no_capacity') return failure;
    return { ...failure, retryAfterMs: this.#deps.pool.retryAfterMs(this.#request.combo) };
  }

  #sendStreamHead(nowMonoMs: number): void {
    this.#sink.head(200, { ...STREAM_HEADERS, ...this.#headers(nowMonoMs) });
  }

  async #endAnswered(answer: Exclude<RunnerAnswer, BadAnswer>): Promise<boolean> {
    const endedMonoMs = this.#deps.clock.monoMs();
    if (answer.type === 'refused') return this.#endRefused(answer.status, answer.body, endedMonoMs);
    const { report } = answer;
    this.#times.reported(report, endedMonoMs);
    const bytes = answer.type === 'whole' ? answer.body.length : this.#sink.bytesWritten;
    const record = this.#record(200, report.error?.code ?? null, report, bytes, endedMonoMs);
    if (!(await this.#write(record))) {
      this.#say(ROW_FAILED);
      return false;
    }
    if (answer.type === 'whole') {
      this.#sink.head(200, { 'content-type': 'application/json', ...this.#headers(endedMonoMs) });
      this.#sink.end(answer.body);
      return true;
    }
    if (!this.#sink.headSent) this.#sendStreamHead(endedMonoMs);
    // The runner's error frame has passed already: an error ends a stream without [DONE].
    this.#sink.end(report.error ? undefined : this.#streamTail(record));
    return !report.error;
  }

  #streamTail(record: RequestRecord): string {
    const usage = this.#request.includeUsage ? usageChunk(record, this.#forwarder.first) : '';
    return `${usage}data: [DONE]\n\n`;
  }

  /** The runner's own envelope goes to the client as it is. */
  async #endRefused(status: number, body: Buffer, endedMonoMs: number): Promise<false> {
    await this.#write(this.#record(status, errorCodeOf(body), null, body.length, endedMonoMs));
    // A refusal of the request itself may quote it.
    const text = status < 500 ? body.toString('utf8') : this.#forClient(body.toString('utf8'));
    if (this.#sink.headSent) {
      this.#sink.end(`data: ${text.replaceAll('\n', ' ')}\n\n`);
      return false;
    }
    const retry = this.#retryOf(status);
    this.#sink.head(status, { 'content-type': 'application/json', ...retry, ...this.#headers() });
    this.#sink.end(text);
    return false;
  }

  /** A runner's own refusal passes with time, or never. */
  #retryOf(status: number): Record<string, string> {
    if (status === 429 || status === 503)
      return retryAfterHeaders(this.#deps.pool.retryAfterMs(this.#request.combo));
    return status >= 500 ? {} : { 'x-should-retry': 'false' };
  }

  async #endFailed(failure: Failure): Promise<false> {
    const { status } = errorEnvelope(failure);
    const httpStatus = this.#sink.headSent ? 200 : status;
    await this.#write(
      this.#record(httpStatus, failure.code, null, this.#sink.bytesWritten, this.#deps.clock.monoMs()),
    );
    this.#say(failure);
    return false;
  }

  async #endGone(): Promise<false> {
    const endedMonoMs = this.#deps.clock.monoMs();
    const code = GONE_CODES[this.#goneReason ?? 'closed'];
    const used = this.#lastCalled && (await lateReport(this.#lastCalled, this.#request.requestId));
    // It did not finish, whatever the runner calls that.
    const report = used && { ...used, finishReason: null };
    if (report) this.#times.reported(report, endedMonoMs);
    const { status } = ERROR_TABLE[code];
    await this.#write(this.#record(status, code, report, this.#sink.bytesWritten, endedMonoMs));
    return false;
  }

  /** Tells the client of a failure: by status before headers went, by an error frame after. */
  #say(told: Failure): void {
    const failure = { ...told, message: this.#forClient(told.message) };
    if (this.#sink.headSent) this.#sink.end(`data: ${JSON.stringify(errorEnvelope(failure).body)}\n\n`);
    else this.#sink.fail(failure, this.#headers());
  }

  /** What engines and runners say of files is for operators: the event log and the admin API have all of it. */
  #forClient(text: string): string {
    const { model, adapters } = this.#request.combo;
    return withoutPaths(text, [
      weightFileOf(model),
      model.path,
      ...adapters.map(({ adapter }) => adapter.path),
    ]);
  }

  #record(
    status: number,
    errorCode: string | null,
    report: RunnerReport | null,
    responseBytes: number,
    endedMonoMs: number,
  ): RequestRecord {
    const ending = { httpStatus: status, errorCode, report, responseBytes };
    return makeRecord(
      this.#request,
      this.#start,
      this.#times,
      ending,
      this.#deadlineMs,
      endedMonoMs,
      this.#prices,
    );
  }

  async #write(record: RequestRecord): Promise<boolean> {
    const appended = this.#deps.ledger.append(record);
    const credited = this.#creditAttempts(record);
    const written = await appended.then(
      () => true,
      () => false,
    );
    await credited;
    // An answer that was good but has no row ends as a failure: that is what its client sees.
    const failed = { httpStatus: this.#sink.headSent ? 200 : 500, errorCode: 'ledger_failed' };
    this.#deps.onEnded(written || record.errorCode !== null ? record : { ...record, ...failed });
    return written;
  }

  /** A full answer pays for earlier attempts under its key. One that the disk refuses is left to a correction by hand. */
  #creditAttempts({ requestId, errorCode, arrivedAtEpochMs }: RequestRecord): Promise<void> {
    const { attempt } = this.#request;
    if (attempt === null || errorCode !== null) return Promise.resolve();
    const { ledger, clock, keyTtlMs } = this.#deps;
    const sinceEpochMs = arrivedAtEpochMs - keyTtlMs;
    const order = { ...attempt, requestId, sinceEpochMs, madeAtEpochMs: clock.epochMs() };
    return ledger.creditAttempts(order).catch(() => {});
  }

  /** `nowMonoMs`: the moment that the headers tell of. */
  #headers(nowMonoMs = this.#deps.clock.monoMs()): Record<string, string> {
    const { combo, ignored, arrivedMonoMs } = this.#request;
    const start = this.#start;
    return {
      'x-hearth-combo': combo.name,
      ...(start ? { 'x-hearth-start': start.kind, 'x-hearth-runner': start.runnerId } : {}),
      ...(start?.joined ? { 'x-hearth-joined': 'true' } : {}),
      ...(ignored.length === 0 ? {} : { 'x-hearth-ignored': ignored.join(', ') }),
      'server-timing': serverTiming(this.#times.phases(nowMonoMs)),
      'openai-processing-ms': String(Math.round(nowMonoMs - arrivedMonoMs)),
    };
  }
}

/** undefined: the runner did some of it, and nobody knows how much. */
function usageOf(answer: RunnerAnswer): TokenUsage | undefined {
  if (isBad(answer)) return answer.begun ? undefined : { promptTokens: 0, completionTokens: 0 };
  return answer.type === 'refused' ? { promptTokens: 0, completionTokens: 0 } : answer.report;
}

function errorCodeOf(body: Buffer): string {
  try {
    const { error } = JSON.parse(body.toString('utf8')) as { error?: { code?: unknown } };
    return typeof error?.code === 'string' ? error.code.slice(0, 64) : 'runner_failed';
  } catch {
    return 'runner_failed';
  }
}
