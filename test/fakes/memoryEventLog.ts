import type { EventLog, PoolEvent } from '../../gateway/ports/eventLog.ts';

/** The event log without a disk. */
export class MemoryEventLog implements EventLog {
  readonly events: PoolEvent[] = [];

  append(event: PoolEvent): void {
    this.events.push(event);
  }

  async list(limit: number): Promise<readonly PoolEvent[]> {
    return this.events.toReversed().slice(0, limit);
  }

  types(): string[] {
    return this.events.map(({ type }) => type);
  }
}
