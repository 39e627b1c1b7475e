import type { Duplex } from 'node:stream';
import {
  type FromRunner,
  fromRunnerSchema,
  type RunnerFailure,
  type ToRunner,
} from '../../../runner/protocol/control.ts';

const MAX_LINE_BYTES = 1024 * 1024;

type Order = Extract<ToRunner, { seq: number }>;
/** Distributes over the union, which Omit does not. */
type WithoutSeq<T> = T extends unknown ? Omit<T, 'seq'> : never;
export type OrderBody = WithoutSeq<Order>;
export type Answer = Exclude<Extract<FromRunner, { seq: number }>, { type: 'progress' }>;
/** A runner's first message: to the gateway that spawned it, or to the one that adopts it. */
export type Greeting = Extract<FromRunner, { type: 'ready' | 'adopted' }>;

/** The one kind of answer that each order has, beside a refusal. */
const ANSWERS = {
  load: 'loaded',
  sleep: 'slept',
  wake: 'loaded',
  attach: 'attached',
  detach: 'done',
  resize: 'resized',
  retire: 'done',
  threads: 'done',
  ping: 'pong',
} as const satisfies Record<Order['type'], Answer['type']>;

interface Pending {
  readonly expected: Answer['type'];
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
  readonly onProgress: ((fraction: number) => void) | undefined;
}

/** An order that the runner refused or could not carry out. */
export class OrderFailed extends Error {
  readonly failure: RunnerFailure;
  constructor(failure: RunnerFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** The runner said what the protocol does not have. It may live and be well otherwise, but cannot be trusted. */
export class ProtocolBroken extends Error {
  constructor(reason: string) {
    super(`Cannot read control pipe: ${reason}`);
  }
}

/**
 * The gateway's end of a runner's control pipe. Every line is validated; one that is not understood breaks the
 * channel, since what follows cannot be trusted. A broken channel rejects everything that is pending.
 */
export class ControlChannel {
  readonly #pipe: Duplex;
  readonly #pending = new Map<number, Pending>();
  /** Rejects when the channel breaks before. */
  readonly greeting: Promise<Greeting>;
  /** Resolves when the channel has broken. */
  readonly broken: Promise<Error>;
  #greeted: (greeting: Greeting) => void = () => {};
  #onBroken: (error: Error) => void = () => {};
  #nextSeq = 1;
  #rest = '';
  #broken: Error | null = null;

  constructor(pipe: Duplex) {
    this.#pipe = pipe;
    this.broken = new Promise((resolve) => {
      this.#onBroken = resolve;
    });
    this.greeting = new Promise((resolve, reject) => {
      this.#greeted = resolve;
      void this.broken.then(reject);
    });
    // Who does not wait for it hears of a broken channel otherwise.
    this.greeting.catch(() => {});
    pipe.setEncoding('utf8');
    pipe.on('data', (text: string) => this.#receive(text));
    pipe.on('error', (error) => this.#break(error));
    pipe.on('close', () => this.#break(new Error('Cannot reach runner: control pipe closed')));
  }

  /** Breaks it from this end. */
  close(): void {
    this.#break(new Error('Cannot reach runner: control pipe closed by the gateway'));
  }

  /** Sends a message that has no answer. A broken pipe is told by `broken`, not here. */
  tell(message: Exclude<ToRunner, { seq: number }>): void {
    if (!this.#broken) this.#pipe.write(`${JSON.stringify(message)}\n`);
  }

  /** Sends an order; rejects with OrderFailed when the runner says so, with another Error when the channel breaks. */
  order(body: OrderBody, onProgress?: (fraction: number) => void): Promise<Answer> {
    if (this.#broken) return Promise.reject(this.#broken);
    const seq = this.#nextSeq++;
    return new Promise((resolve, reject) => {
      this.#pending.set(seq, { expected: ANSWERS[body.type], resolve, reject, onProgress });
      this.#pipe.write(`${JSON.stringify({ ...body, seq })}\n`);
    });
  }

  #receive(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') this.#take(line);
    if (this.#rest.length > MAX_LINE_BYTES) this.#break(new ProtocolBroken('line over 1 MiB'));
  }

  #take(line: string): void {
    if (this.#broken) return;
    const message = parseLine(line);
    if (!message) {
      this.#break(new ProtocolBroken('line is no message of the protocol'));
      return;
    }
    if (message.type === 'ready' || message.type === 'adopted') {
      this.#greeted(message);
      return;
    }
    const pending = this.#pending.get(message.seq);
    if (!pending) {
      this.#break(new ProtocolBroken(`"${message.type}" answers no order`));
      return;
    }
    if (message.type === 'progress') {
      pending.onProgress?.(message.fraction);
      return;
    }
    this.#pending.delete(message.seq);
    if (message.type === 'failed') pending.reject(new OrderFailed(message.failure));
    else if (message.type === pending.expected) pending.resolve(message);
    else {
      const { expected } = pending;
      const error = new ProtocolBroken(`expected "${expected}", got "${message.type}"`);
      pending.reject(error);
      this.#break(error);
    }
  }

  #break(error: Error): void {
    if (this.#broken) return;
    this.#broken = error;
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
    this.#pipe.destroy();
    this.#onBroken(error);
  }
}

function parseLine(line: string): FromRunner | null {
  try {
    const parsed = fromRunnerSchema.safeParse(JSON.parse(line));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
