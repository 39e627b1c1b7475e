import { type Failure, fail } from '../../domain/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { KeyedAttempt, Ledger, PastAttempt } from '../../ports/ledger.ts';
import type { UnrecordedEnding } from '../../ports/tracing.ts';
import type { InferenceRequest, ResponseSink } from '../inference.ts';
import { serverTiming } from '../requestTimes.ts';
import { type AnswerBounds, type KeptAnswer, KeptAnswers } from './keptAnswers.ts';
import { RecordingSink } from './recordingSink.ts';

export interface IdempotencyDeps {
  readonly ledger: Pick<Ledger, 'lastAttempt'>;
  readonly clock: Clock;
  readonly bounds: AnswerBounds;
  /** A request got an earlier answer again. It has no record: nothing was done for it. */
  readonly onReplayed: (request: InferenceRequest, ending: UnrecordedEnding) => void;
}

/** Serves a request into a sink. Resolves with whether its answer was given in full. */
export type Run = (sink: ResponseSink) => Promise<boolean>;

/** Who asks again while the first still runs. */
const ASK_AGAIN_MS = 1_000;

/** What a client gets in place of an answer. */
export interface IdempotencyRefusal {
  readonly failure: Failure;
  readonly headers: Readonly<Record<string, string>>;
}

type Finding =
  | { readonly type: 'new' }
  | { readonly type: 'replay'; readonly answer: KeptAnswer }
  | { readonly type: 'refused'; readonly failure: Failure; readonly originalId: string | null };

interface Running {
  readonly requestId: string;
  readonly bodyFingerprint: string;
}

/**
 * `Idempotency-Key`, as draft-ietf-httpapi-idempotency-key-header has it: a request is run once for a key. What was
 * answered in full binds the key; what was refused, failed or cut off does not.
 */
export class IdempotentServing {
  readonly #deps: IdempotencyDeps;
  readonly #running = new Map<string, Running>();
  readonly #kept: KeptAnswers;

  constructor(deps: IdempotencyDeps) {
    this.#deps = deps;
    this.#kept = new KeptAnswers(deps.bounds);
  }

  /**
   * Runs the request, or gives it the answer that there is. Resolves with the refusal that stands in place of either,
   * which nobody has recorded or told the client of yet; else with null.
   */
  async serve(
    request: InferenceRequest,
    attempt: KeyedAttempt,
    sink: ResponseSink,
    run: Run,
  ): Promise<IdempotencyRefusal | null> {
    const { keyHash, bodyFingerprint } = attempt;
    const { requestId } = request;
    const running = this.#running.get(keyHash);
    if (running) return this.#refuse(request, conflictWith(running, attempt));
    // From here on it is this one that others run into.
    this.#running.set(keyHash, { requestId, bodyFingerprint });
    try {
      const finding = await this.#find(attempt);
      if (finding.type === 'refused') return this.#refuse(request, finding);
      if (finding.type === 'replay') this.#replay(request, finding.answer, sink);
      else await this.#run(request, attempt, sink, run);
      return null;
    } finally {
      this.#running.delete(keyHash);
    }
  }

  async #find(attempt: KeyedAttempt): Promise<Finding> {
    const answer = this.#kept.get(attempt);
    if (answer) return isSameBody(answer, attempt) ? { type: 'replay', answer } : reused(answer.requestId);
    const { ledger, clock, bounds } = this.#deps;
    let past: PastAttempt | null;
    try {
      past = await ledger.lastAttempt(attempt.keyHash, clock.epochMs() - bounds.ttlMs);
    } catch {
      const message =
        'Cannot look for an earlier answer under this idempotency key: the ledger cannot be read';
      return refusal(fail('ledger_failed', message).error, null);
    }
    if (!past?.isAnswered) return { type: 'new' };
    return isSameBody(past, attempt) ? gone(past.requestId) : reused(past.requestId);
  }

  async #run(
    { requestId }: InferenceRequest,
    attempt: KeyedAttempt,
    sink: ResponseSink,
    run: Run,
  ): Promise<void> {
    const recording = new RecordingSink(sink, this.#deps.bounds.bytes);
    const isAnswered = await run(recording);
    const recorded = isAnswered ? recording.recorded() : null;
    if (recorded) {
      this.#kept.keep(attempt, { ...recorded, requestId, bodyFingerprint: attempt.bodyFingerprint });
    }
  }

  #replay(request: InferenceRequest, answer: KeptAnswer, sink: ResponseSink): void {
    sink.head(answer.status, {
      ...answer.headers,
      ...this.#timing(request),
      'x-hearth-idempotent-replay': 'true',
      'x-hearth-original-request-id': answer.requestId,
    });
    sink.end(answer.bytes);
    const { requestId, endpoint, combo, arrivedAtEpochMs } = request;
    this.#deps.onReplayed(request, {
      requestId,
      endpoint,
      combo: combo.name,
      replayOf: answer.requestId,
      httpStatus: answer.status,
      errorCode: null,
      arrivedAtEpochMs,
      totalMs: this.#deps.clock.monoMs() - request.arrivedMonoMs,
    });
  }

  #refuse(
    request: InferenceRequest,
    { failure, originalId }: Extract<Finding, { type: 'refused' }>,
  ): IdempotencyRefusal {
    const headers = {
      'x-hearth-combo': request.combo.name,
      ...(originalId === null ? {} : { 'x-hearth-original-request-id': originalId }),
      ...this.#timing(request),
    };
    return { failure, headers };
  }

  #timing({ arrivedMonoMs }: InferenceRequest): Record<string, string> {
    const tookMs = this.#deps.clock.monoMs() - arrivedMonoMs;
    return {
      'server-timing': serverTiming({ queue: tookMs }),
      'openai-processing-ms': String(Math.round(tookMs)),
    };
  }
}

function isSameBody(one: { readonly bodyFingerprint: string }, other: KeyedAttempt): boolean {
  return one.bodyFingerprint === other.bodyFingerprint;
}

const refusal = (failure: Failure, originalId: string | null) =>
  ({ type: 'refused', failure, originalId }) as const;

function conflictWith(running: Running, attempt: KeyedAttempt): Extract<Finding, { type: 'refused' }> {
  const { requestId } = running;
  if (!isSameBody(running, attempt)) return reused(requestId);
  const message = `Cannot run request again: "${requestId}" with this idempotency key is still running`;
  const { error } = fail('idempotency_conflict', message, 'Idempotency-Key');
  return refusal({ ...error, retryAfterMs: ASK_AGAIN_MS }, requestId);
}

function reused(requestId: string): Extract<Finding, { type: 'refused' }> {
  const message = `Cannot use this idempotency key: request "${requestId}" has used it with another body`;
  return refusal(fail('idempotency_key_reused', message, 'Idempotency-Key').error, requestId);
}

function gone(requestId: string): Extract<Finding, { type: 'refused' }> {
  const message = `Cannot give the answer again: request "${requestId}" with this idempotency key was answered, and its answer is no longer kept`;
  return refusal(fail('idempotency_answer_gone', message, 'Idempotency-Key').error, requestId);
}
