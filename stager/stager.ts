import type { Duplex } from 'node:stream';
import type { StoreAddon } from '../native/storeTypes.ts';
import { EXIT_PROTOCOL, EXIT_SOFTWARE, sayLine } from '../runner/process/lastWords.ts';
import { JsonPipe } from '../runner/protocol/jsonPipe.ts';
import { isStoreError } from './failure.ts';
import { Orders } from './orders.ts';
import {
  type FromStager,
  STAGER_PROTOCOL_VERSION,
  type ToStager,
  toStagerSchema,
} from './protocol/messages.ts';
import { Tiers } from './tiers.ts';

type Hello = Extract<ToStager, { type: 'hello' }>;
type Pipe = JsonPipe<ToStager, FromStager>;

/** What a stager does to its process. Injected, so that tests see it instead of ending. */
export interface StagerHost {
  /** The addon ends what is under way at the `exit` event, and nothing half-made is left. */
  exit(code: number): void;
}

/** A stager without the process: the control pipe and what it orders. It ends with its gateway. */
export class Stager {
  readonly #addon: StoreAddon;
  readonly #host: StagerHost;
  #orders: Orders | null = null;

  constructor(addon: StoreAddon, control: Duplex, host: StagerHost) {
    this.#addon = addon;
    this.#host = host;
    new JsonPipe<ToStager, FromStager>(control, toStagerSchema, {
      onMessage: (message, pipe) => this.#take(message, pipe),
      onClosed: () => host.exit(0),
      onViolation: (reason) => this.#abort(reason),
    });
  }

  #take(message: ToStager, pipe: Pipe): void {
    if (message.type === 'hello') return this.#greet(message, pipe);
    if (!this.#orders) return this.#abort(`Cannot take "${message.type}": expected "hello" before it`);
    void this.#orders.take(message, (answer) => pipe.send(answer));
  }

  #greet(hello: Hello, pipe: Pipe): void {
    if (this.#orders) return this.#abort('Cannot take "hello": expected it once');
    if (hello.version !== STAGER_PROTOCOL_VERSION) {
      return this.#abort(
        `Cannot serve the gateway: expected protocol version ${STAGER_PROTOCOL_VERSION}, got ${hello.version}`,
      );
    }
    try {
      const tiers = new Tiers(this.#addon, hello.memory, hello.disk);
      tiers.setPrefetchCap(hello.prefetchBytesPerSecond);
      this.#orders = new Orders(this.#addon, tiers, hello.collapses);
    } catch (error) {
      if (!isStoreError(error)) throw error;
      sayLine(error.message);
      return this.#host.exit(EXIT_SOFTWARE);
    }
    pipe.send({ type: 'ready', version: STAGER_PROTOCOL_VERSION, pid: process.pid });
  }

  #abort(reason: string): void {
    sayLine(reason);
    this.#host.exit(EXIT_PROTOCOL);
  }
}
