const KILL_AFTER_MS = 2_000;

/** How a process is reached that is to end. Both are quiet nothings when it has gone. */
export interface Terminable {
  /** Asks it to finish what runs within `graceMs` and end. */
  ask(graceMs: number): void;
  signal(signal: NodeJS.Signals): void;
}

/** The way to a runner's end: it is asked, then told by SIGTERM, then made by SIGKILL. */
export class Termination {
  readonly #process: Terminable;
  #timer: NodeJS.Timeout | null = null;

  constructor(process: Terminable) {
    this.#process = process;
  }

  /** May be called again with less grace. With none SIGTERM comes at once. */
  begin(graceMs: number): void {
    this.cancel();
    if (graceMs <= 0) return this.#terminate();
    this.#process.ask(graceMs);
    this.#timer = setTimeout(() => this.#terminate(), graceMs + KILL_AFTER_MS);
  }

  /** For one that hangs: there is nothing to wait for. One that is stopped takes no SIGTERM until it goes on. */
  beginHung(): void {
    this.begin(0);
    this.#process.signal('SIGCONT');
  }

  /** The process has gone. */
  cancel(): void {
    if (this.#timer) clearTimeout(this.#timer);
  }

  #terminate(): void {
    this.#process.signal('SIGTERM');
    this.#timer = setTimeout(() => this.#process.signal('SIGKILL'), KILL_AFTER_MS);
  }
}
