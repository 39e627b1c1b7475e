import { ERROR_TABLE, type Failure } from '../domain/errors.ts';
import type { ComboStore } from '../ports/comboStore.ts';
import { Exchange, type ExchangeDeps } from './exchange.ts';
import { makeRefusedRecord } from './exchangeRecord.ts';
import type { IdempotentServing } from './idempotency/idempotentServing.ts';
import type { Inference, InferenceRequest, RefusedRequest, ResponseSink } from './inference.ts';

export interface ServeDeps extends ExchangeDeps {
  readonly combos: ComboStore;
  readonly idempotency: IdempotentServing;
}

/** Combos are client-made (any scale is another one): what is remembered of them is bounded. */
const MOST_SEEN = 10_000;

/** The use case of the inference endpoints over the pool, the runners and the ledger. */
export class ServeInference implements Inference {
  readonly #deps: ServeDeps;
  /** Combos that were told to the store, which keeps the first sight of each: forgetting one costs a write. */
  readonly #seen = new Set<string>();
  readonly #running = new Set<Promise<void>>();

  constructor(deps: ServeDeps) {
    this.#deps = deps;
  }

  async serve(request: InferenceRequest, sink: ResponseSink): Promise<void> {
    this.#remember(request);
    const running = this.#serve(request, sink);
    this.#running.add(running);
    try {
      await running;
    } finally {
      this.#running.delete(running);
    }
  }

  async #serve(request: InferenceRequest, sink: ResponseSink): Promise<void> {
    const run = (into: ResponseSink) => new Exchange(request, into, this.#deps).run();
    if (request.attempt === null) return void (await run(sink));
    const refusal = await this.#deps.idempotency.serve(request, request.attempt, sink, run);
    if (!refusal) return;
    await this.refused({ ...request, ...outcomeOf(refusal.failure) });
    sink.fail(refusal.failure, refusal.headers);
  }

  async refused(refusal: RefusedRequest): Promise<void> {
    const record = makeRefusedRecord(refusal, this.#deps.clock.monoMs());
    await this.#deps.ledger.append(record).catch(() => {
      // It is refused all the same; a disk that takes no rows shows on the requests that are served.
    });
    this.#deps.onEnded(record);
  }

  /** Resolves when every exchange that runs has ended. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }

  #remember({ combo, arrivedAtEpochMs }: InferenceRequest): void {
    if (this.#seen.has(combo.key)) return;
    if (this.#seen.size >= MOST_SEEN) this.#seen.clear();
    this.#seen.add(combo.key);
    this.#deps.combos.seen({
      comboKey: combo.key,
      comboName: combo.name,
      baseId: combo.model.id,
      baseDigest: combo.model.digest ?? null,
      adapters: combo.adapters.map(({ adapter, scale }) => ({
        id: adapter.id,
        scale,
        revision: adapter.revision,
        digest: adapter.digest ?? adapter.converted?.digest ?? null,
      })),
      firstSeenAtEpochMs: arrivedAtEpochMs,
    });
  }
}

function outcomeOf({ code }: Failure): Pick<RefusedRequest, 'httpStatus' | 'errorCode'> {
  return { httpStatus: ERROR_TABLE[code].status, errorCode: code };
}
