/** A gateway that closes a connection asks at once; what it does not ask for is forgotten after so many more requests. */
const MOST_ENDED = 256;

type Waiter = (report: string | null) => void;

/**
 * What the last requests used, for a gateway that has closed the connection that would have told it: `GET /reports/{id}`.
 * Reports are texts as the report header has them; requests are named by their `x-request-id`.
 */
export class Reports {
  readonly #running = new Map<string, Waiter[]>();
  /** The one that ended longest ago first. */
  readonly #ended = new Map<string, string>();

  /** A request of that id runs from now on. What comes back ends it. */
  begin(id: string): (report: string) => void {
    const waiters: Waiter[] = [];
    this.#answer(id, null);
    this.#ended.delete(id);
    this.#running.set(id, waiters);
    return (report) => {
      // Another one may have come under the same id.
      if (this.#running.get(id) !== waiters) return;
      this.#ended.set(id, report);
      this.#answer(id, report);
      const [oldest] = this.#ended.keys();
      if (oldest !== undefined && this.#ended.size > MOST_ENDED) this.#ended.delete(oldest);
    };
  }

  /** Resolves when the request has ended; null: no such one has run lately. */
  of(id: string): Promise<string | null> {
    const waiters = this.#running.get(id);
    if (!waiters) return Promise.resolve(this.#ended.get(id) ?? null);
    return new Promise((resolve) => waiters.push(resolve));
  }

  #answer(id: string, report: string | null): void {
    for (const tell of this.#running.get(id) ?? []) tell(report);
    this.#running.delete(id);
  }
}
