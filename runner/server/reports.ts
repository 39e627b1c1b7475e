/** A gateway that closes a connection asks at once; what it does not ask for, or never sent, is forgotten after so many more. */
const MOST_KEPT = 256;

type Waiter = (report: string | null) => void;

/**
 * What the last requests used, for a gateway that has closed the connection that would have told it: `GET /reports/{id}`.
 * Reports are texts as the report header has them; requests are named by their `x-request-id`.
 */
export class Reports {
  readonly #running = new Map<string, Waiter[]>();
  /** The one that ended longest ago first. */
  readonly #ended = new Map<string, string>();
  /** Asked for before they came: their gateway has closed their connection, and heard that they used nothing. */
  readonly #givenUp = new Set<string>();

  /** A request of that id runs from now on. What comes back ends it; null: nobody wants it any more, and it may not run. */
  begin(id: string): ((report: string) => void) | null {
    if (this.#givenUp.delete(id)) return null;
    const waiters: Waiter[] = [];
    this.#answer(id, null);
    this.#ended.delete(id);
    this.#running.set(id, waiters);
    return (report) => {
      // Another one may have come under the same id.
      if (this.#running.get(id) !== waiters) return;
      this.#ended.set(id, report);
      this.#answer(id, report);
      trim(this.#ended);
    };
  }

  /** Resolves when the request has ended; null: no such one has run lately, and if it is still on its way it will not run. */
  of(id: string): Promise<string | null> {
    const waiters = this.#running.get(id);
    if (waiters) return new Promise((resolve) => waiters.push(resolve));
    const report = this.#ended.get(id) ?? null;
    if (report === null) {
      this.#givenUp.add(id);
      trim(this.#givenUp);
    }
    return Promise.resolve(report);
  }

  #answer(id: string, report: string | null): void {
    for (const tell of this.#running.get(id) ?? []) tell(report);
    this.#running.delete(id);
  }
}

function trim(kept: Map<string, string> | Set<string>): void {
  const [oldest] = kept.keys();
  if (oldest !== undefined && kept.size > MOST_KEPT) kept.delete(oldest);
}
