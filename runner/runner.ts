import type { Duplex } from 'node:stream';
import { AdoptionDoor } from './control/adoptionDoor.ts';
import { ControlPipe } from './control/controlPipe.ts';
import { Orders } from './control/orders.ts';
import type { Engine } from './engine/engine.ts';
import { EXIT_PROTOCOL, EXIT_SOFTWARE, sayLine } from './process/lastWords.ts';
import { type After, afterByTimer, Lease } from './process/lease.ts';
import { PROTOCOL_VERSION, type ToRunner } from './protocol/control.ts';
import { rehearse } from './rehearsal/rehearse.ts';
import { SocketServer } from './server/socketServer.ts';

type Hello = Extract<ToRunner, { type: 'hello' }>;

/** What a runner does to its process. Injected, so that tests see it instead of ending. */
export interface RunnerHost {
  exit(code: number): void;
  after?: After;
}

/** SIGTERM gives no grace of its own. */
export const DEFAULT_GRACE_MS = 10_000;
/** One that has no orders for so long after it got ready waits as a standby. */
const IDLE_MS = 50;
/** What cancelled answers have to reach their readers, and the engine to let go. */
const LAST_WORDS_MS = 1_000;
/** How often a runner that is being adopted looks whether the requests of the gateway before are cancelled. */
const IDLE_POLL_MS = 5;

/** A runner process without the process: control pipe, HTTP server, lease and the way to the end. */
export class Runner {
  readonly #engine: Engine;
  readonly #host: RunnerHost;
  readonly #after: After;
  readonly #orders: Orders;
  #server: SocketServer | null = null;
  #lease: Lease | null = null;
  #stopping = false;
  #rehearsed = false;

  constructor(engine: Engine, control: Duplex, host: RunnerHost) {
    this.#engine = engine;
    this.#host = host;
    this.#after = host.after ?? afterByTimer;
    this.#orders = new Orders(engine);
    this.#listen(control);
  }

  /** Finishes what runs for at most `graceMs`, then exits 0. A second call exits at once. */
  async stop(graceMs: number): Promise<void> {
    if (this.#stopping) return this.#exit(0);
    this.#stopping = true;
    const drained = this.#server?.drain() ?? Promise.resolve();
    await this.#atMost(graceMs, drained);
    // Cancels what is left; its readers are told before the connections go.
    await this.#atMost(LAST_WORDS_MS, this.#engine.close());
    await this.#atMost(LAST_WORDS_MS, drained);
    this.#exit(0);
  }

  /** Removes what the runner has outside of its memory. Never throws. */
  cleanUp(): void {
    this.#server?.destroy();
  }

  #listen(stream: Duplex): ControlPipe {
    return new ControlPipe(stream, {
      onMessage: (message, pipe) => this.#take(message, pipe),
      onClosed: () => this.#gatewayGone(),
      onViolation: (reason) => this.#abort(reason),
    });
  }

  #take(message: ToRunner, pipe: ControlPipe): void {
    if (message.type === 'hello') return void this.#greet(message, pipe);
    if (message.type === 'shutdown') return void this.stop(message.graceMs);
    if (this.#lease === null) return this.#abort(`Cannot take "${message.type}": expected "hello" before it`);
    this.#orders.take(message, (answer) => pipe.send(answer));
    if (message.type === 'load') this.#rehearseOnce();
  }

  async #greet(hello: Hello, pipe: ControlPipe): Promise<void> {
    if (this.#lease !== null) return this.#abort('Cannot take "hello": expected it once');
    if (hello.version !== PROTOCOL_VERSION) {
      return this.#abort(
        `Cannot serve the gateway: expected protocol version ${PROTOCOL_VERSION}, got ${hello.version}`,
      );
    }
    const lease = new Lease(hello.leaseMs, () => void this.stop(0), this.#after);
    this.#lease = lease;
    this.#orders.holdings.greeted(hello.device);
    const door = new AdoptionDoor({
      runnerId: hello.runnerId,
      key: hello.adoptionKey,
      isOpen: () => lease.isRunning && !this.#stopping,
    });
    this.#server = new SocketServer(this.#engine, hello.socketPath, {
      door,
      adopt: (stream, leaseMs) => {
        lease.renew(leaseMs);
        void this.#tellHoldings(this.#listen(stream));
      },
    });
    try {
      await this.#server.listen();
    } catch (error) {
      sayLine(error instanceof Error ? error.message : 'Cannot listen');
      return this.#exit(EXIT_SOFTWARE);
    }
    const { name, devices } = this.#engine;
    pipe.send({
      type: 'ready',
      version: PROTOCOL_VERSION,
      pid: process.pid,
      engine: { name, devices },
    });
    this.#after(IDLE_MS, () => this.#rehearseOnce());
  }

  /**
   * Tells the gateway that adopts this runner what it holds: when the orders of the one before are carried out and its
   * requests, which nobody reads any more, are cancelled. A load may take minutes, so that is not waited for.
   */
  async #tellHoldings(pipe: ControlPipe): Promise<void> {
    const { name, devices } = this.#engine;
    const { holdings } = this.#orders;
    if (!holdings.isLoading) await this.#orders.settled();
    while (pipe.isOpen && this.#isBusy()) {
      await new Promise<void>((resolve) => {
        this.#after(IDLE_POLL_MS, resolve);
      });
    }
    pipe.send({ ...holdings.describe(), pid: process.pid, engine: { name, devices } });
  }

  #isBusy(): boolean {
    const { activeSequences, waitingRequests } = this.#engine.counters();
    return activeSequences > 0 || waitingRequests > 0;
  }

  /** A standby has nothing to do, nor has this thread while the engine's load. */
  #rehearseOnce(): void {
    if (this.#rehearsed) return;
    this.#rehearsed = true;
    setImmediate(() => rehearse());
  }

  #gatewayGone(): void {
    if (this.#lease === null) this.#exit(0);
    else this.#lease.start();
  }

  #abort(reason: string): void {
    sayLine(reason);
    this.#exit(EXIT_PROTOCOL);
  }

  #exit(code: number): void {
    this.cleanUp();
    this.#host.exit(code);
  }

  async #atMost(delayMs: number, work: Promise<void>): Promise<void> {
    let takeBack = () => {};
    const late = new Promise<void>((resolve) => {
      takeBack = this.#after(delayMs, resolve);
    });
    await Promise.race([work.catch(() => {}), late]);
    takeBack();
  }
}
