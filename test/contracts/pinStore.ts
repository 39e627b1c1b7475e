import { describe, expect, test } from 'vitest';
import type { PinRow, PinStore } from '../../gateway/ports/pinStore.ts';

function pinRow(combo: string, changes: Partial<PinRow> = {}): PinRow {
  return { combo, level: 'ready', count: 1, untilEpochMs: null, createdAtEpochMs: 1, ...changes };
}

export function describePinStore(name: string, make: () => Promise<PinStore>): void {
  describe(`${name} as a PinStore`, () => {
    test('load() gives what was put, the oldest first', async () => {
      const store = await make();
      await store.put(pinRow('b', { level: 'staged', createdAtEpochMs: 2 }));
      await store.put(pinRow('a+x@0.5', { count: 3, untilEpochMs: 1_900_000_000_000 }));
      expect(await store.load()).toEqual([
        pinRow('a+x@0.5', { count: 3, untilEpochMs: 1_900_000_000_000 }),
        pinRow('b', { level: 'staged', createdAtEpochMs: 2 }),
      ]);
    });

    test('put() of the same combo takes the new values', async () => {
      const store = await make();
      await store.put(pinRow('a', { untilEpochMs: 5 }));
      await store.put(pinRow('a', { level: 'staged', count: 2 }));
      expect(await store.load()).toEqual([pinRow('a', { level: 'staged', count: 2 })]);
    });

    test('delete() forgets one, and an unknown one silently', async () => {
      const store = await make();
      await store.put(pinRow('a'));
      await store.put(pinRow('b'));
      await store.delete('a');
      await store.delete('never');
      expect(await store.load()).toEqual([pinRow('b')]);
    });
  });
}
