import { describe, expect, test } from 'vitest';
import type { EventLog } from '../../gateway/ports/eventLog.ts';

/** `settle` waits until what was appended can be read. */
interface Subject {
  readonly events: EventLog;
  readonly settle: () => Promise<void>;
}

export function describeEventLog(name: string, make: () => Promise<Subject>): void {
  describe(`${name} as an EventLog`, () => {
    test('list() gives the newest first, as they were appended', async () => {
      const { events, settle } = await make();
      const bare = { atEpochMs: 1, type: 'runner_spawned' };
      const full = {
        atEpochMs: 2,
        type: 'start_failed',
        runnerId: 'r_1',
        combo: 'tiny-chat',
        detail: { waitedMs: 12.5, reason: 'no memory', nested: { list: [1, null] } },
      };
      events.append(bare);
      events.append(full);
      await settle();
      expect(await events.list(10)).toEqual([full, bare]);
      expect(await events.list(1)).toEqual([full]);
    });
  });
}
