import { describe, expect, test } from 'vitest';
import type { RunnerRow, RunnerStore } from '../../gateway/ports/runnerStore.ts';

function runnerRow(id: string, changes: Partial<RunnerRow> = {}): RunnerRow {
  return {
    runnerId: id,
    pid: 4242,
    pidStartTicks: '18446744073709551615',
    bootId: '0b1c2d3e-0000-4000-8000-000000000000',
    baseId: null,
    socketPath: `/run/hearth/${id}.sock`,
    spawnedAtEpochMs: 1_700_000_000_000,
    ...changes,
  };
}

export function describeRunnerStore(name: string, make: () => Promise<RunnerStore>): void {
  describe(`${name} as a RunnerStore`, () => {
    test('living() gives the runners without an exit, the oldest first', async () => {
      const store = await make();
      await store.spawned(runnerRow('r_b', { spawnedAtEpochMs: 2 }));
      await store.spawned(runnerRow('r_a', { spawnedAtEpochMs: 1 }));
      await store.spawned(runnerRow('r_gone', { spawnedAtEpochMs: 3 }));
      await store.exited('r_gone', 4, 'signal SIGKILL');
      expect(await store.living()).toEqual([
        runnerRow('r_a', { spawnedAtEpochMs: 1 }),
        runnerRow('r_b', { spawnedAtEpochMs: 2 }),
      ]);
    });

    test('spawned() again takes the new values, as when a standby gets its base', async () => {
      const store = await make();
      await store.spawned(runnerRow('r_1'));
      await store.spawned(runnerRow('r_1', { baseId: 'tiny-chat' }));
      expect(await store.living()).toEqual([runnerRow('r_1', { baseId: 'tiny-chat' })]);
    });

    test('exited() of an unknown runner changes nothing', async () => {
      const store = await make();
      await store.exited('r_unknown', 4, 'exit code 1');
      expect(await store.living()).toEqual([]);
    });
  });
}
