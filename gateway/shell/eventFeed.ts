import type { EventListener, EventLog, LiveEvents, PoolEvent } from '../ports/eventLog.ts';

/** An event log that tells who listens of what it gets. */
export class EventFeed implements EventLog, LiveEvents {
  readonly #log: EventLog;
  readonly #listeners = new Set<EventListener>();
  #isClosed = false;

  constructor(log: EventLog) {
    this.#log = log;
  }

  append(event: PoolEvent): void {
    this.#log.append(event);
    this.tell(event);
  }

  list(limit: number): Promise<readonly PoolEvent[]> {
    return this.#log.list(limit);
  }

  tell(event: PoolEvent): void {
    for (const listener of this.#listeners) listener.event(event);
  }

  listen(listener: EventListener): () => void {
    if (this.#isClosed) {
      listener.end();
      return () => {};
    }
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Nobody hears of anything after it. Idempotent. */
  close(): void {
    this.#isClosed = true;
    for (const listener of this.#listeners) listener.end();
    this.#listeners.clear();
  }
}
