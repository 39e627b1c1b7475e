import type {
  DeltaEvent,
  DoneEvent,
  FinishReason,
  GenerateRequest,
  RejectedEvent,
} from '../../native/addonTypes.ts';
import type { Engine, GenerationSink } from '../engine/engine.ts';
import { type Failure, failureOfRejection } from './failure.ts';
import { Tally } from './usage.ts';

/** Where the choices of a request go: into a stream or into one whole answer. One of `completed` and `failed` ends it. */
export interface Outlet {
  delta(choice: number, delta: DeltaEvent): void;
  finished(choice: number, reason: FinishReason): void;
  /** Everything that came together was given, and no choice can be rejected any more. */
  flush(): void;
  completed(tally: Tally): void;
  failed(failure: Failure, tally: Tally): void;
}

export interface ChoicePlan {
  /** One engine request per choice, by index. */
  requests: GenerateRequest[];
  /** Choices of one prompt stand together; prompts are counted once. */
  choicesPerPrompt: number;
  /** The body's field that holds the prompt, for errors. */
  promptParam: string;
}

/** Runs the choices of one request: all succeed, or the first failure cancels the others and is told once. */
export class Choices {
  readonly #engine: Engine;
  readonly #plan: ChoicePlan;
  readonly #outlet: Outlet;
  readonly #tally = new Tally();
  readonly #ids: number[] = [];
  #unaccepted: number;
  #unfinished: number;
  /** Those that the engine has not let go of. */
  #running: number;
  readonly #onEnded: (tally: Tally) => void;
  #settled = false;

  /** `onEnded` is told once what all of them used, also of those that were cancelled: no more will come of any. */
  constructor(engine: Engine, plan: ChoicePlan, outlet: Outlet, onEnded: (tally: Tally) => void) {
    this.#engine = engine;
    this.#plan = plan;
    this.#outlet = outlet;
    this.#onEnded = onEnded;
    this.#unaccepted = plan.requests.length;
    this.#unfinished = plan.requests.length;
    this.#running = plan.requests.length;
  }

  start(): void {
    this.#plan.requests.forEach((request, choice) => {
      this.#ids.push(this.#engine.generate(request, this.#sinkOf(choice)));
    });
  }

  /** Nobody waits for the answer any more: frees the sequences and stays silent. Idempotent. */
  abandon(): void {
    if (this.#settled) return;
    this.#settled = true;
    for (const id of this.#ids) this.#engine.cancel(id);
  }

  #sinkOf(choice: number): GenerationSink {
    return {
      accepted: () => {
        this.#unaccepted -= 1;
      },
      rejected: (event) => this.#rejected(event),
      delta: (event) => {
        if (!this.#settled) this.#outlet.delta(choice, event);
      },
      done: (event) => this.#done(choice, event),
      batchEnd: () => {
        if (!this.#settled && this.#unaccepted === 0) this.#outlet.flush();
      },
    };
  }

  #rejected(event: RejectedEvent): void {
    this.#fail(failureOfRejection(event.code, event.message, this.#plan.promptParam));
    this.#endOne();
  }

  #done(choice: number, event: DoneEvent): void {
    this.#tally.add(choice, choice % this.#plan.choicesPerPrompt === 0, event);
    if (!this.#settled) this.#finished(choice, event);
    this.#endOne();
  }

  #endOne(): void {
    this.#running -= 1;
    if (this.#running === 0) this.#onEnded(this.#tally);
  }

  #finished(choice: number, event: DoneEvent): void {
    if (event.finishReason === 'error') {
      return this.#fail({ code: 'engine_failed', message: event.message ?? 'Engine failed', param: null });
    }
    if (event.finishReason === 'cancelled') {
      const message = 'Cannot finish the completion: the runner is shutting down';
      return this.#fail({ code: 'runner_draining', message, param: null });
    }
    this.#outlet.finished(choice, event.finishReason);
    this.#unfinished -= 1;
    if (this.#unfinished > 0) return;
    this.#settled = true;
    this.#outlet.completed(this.#tally);
  }

  #fail(failure: Failure): void {
    if (this.#settled) return;
    this.abandon();
    this.#outlet.failed(failure, this.#tally);
  }
}
