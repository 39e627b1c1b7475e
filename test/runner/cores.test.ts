import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import type { BackendInfo, EngineAddon } from '../../native/addonTypes.ts';
import { LlamaEngine } from '../../runner/engine/llamaEngine.ts';
import { demoModel, type StartedRunner, startRunner } from './startRunner.ts';

const allowedIn = (status: string) =>
  /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync(status, 'utf8'))?.[1] ?? 'none';
/** Of all threads of the process, each once. */
const coresOf = (pid: number | undefined): string[] => [
  ...new Set(readdirSync(`/proc/${pid}/task`).map((task) => allowedIn(`/proc/${pid}/task/${task}/status`))),
];
const OWN = allowedIn('/proc/self/status');
const FIRST = /^\d+/.exec(OWN)?.[0] ?? '';
/** The last that a kernel can be built for, and on no machine of tests. */
const NOWHERE = '8191';

describe('a runner process that is told its cores', () => {
  let runner: StartedRunner;
  afterEach(() => runner.dispose());

  test('has all its threads on them, those of a loaded model, too', async () => {
    runner = await startRunner({ env: { HEARTH_CORES: FIRST } });
    expect(coresOf(runner.child.pid)).toEqual([FIRST]);
    expect(await runner.order({ type: 'load', model: demoModel({ threads: 2 }) })).toMatchObject({
      type: 'loaded',
    });
    expect(coresOf(runner.child.pid)).toEqual([FIRST]);
  });

  test('is on those that it may use', async () => {
    runner = await startRunner({ env: { HEARTH_CORES: `${FIRST},${NOWHERE}` } });
    expect(coresOf(runner.child.pid)).toEqual([FIRST]);
    expect(runner.log()).toBe('');
  });

  test.each([
    [NOWHERE, `Cannot choose cores: this process may use none of ${NOWHERE}`],
    ['all', 'Cannot choose cores: expected a list such as "0-3,8", got "all"'],
  ])('says why and stays where it was when told %j', async (cores, why) => {
    runner = await startRunner({ env: { HEARTH_CORES: cores } });
    expect(coresOf(runner.child.pid)).toEqual([OWN]);
    expect(runner.log()).toContain(why);
  });
});

describe('a runner process that is told cores for its event loop', () => {
  let runner: StartedRunner;
  afterEach(() => runner.dispose());

  const loopOf = (pid: number | undefined): string => allowedIn(`/proc/${pid}/task/${pid}/status`);
  const othersOf = (pid: number | undefined): string[] => [
    ...new Set(
      readdirSync(`/proc/${pid}/task`)
        .filter((task) => Number(task) !== pid)
        .map((task) => allowedIn(`/proc/${pid}/task/${task}/status`)),
    ),
  ];

  test('has the event loop alone on them, also when it loads again after a sleep', async () => {
    runner = await startRunner({ env: { HEARTH_EVENT_LOOP_CORES: FIRST } });
    const { pid } = runner.child;
    for (let round = 0; round < 2; round += 1) {
      expect(await runner.order({ type: 'load', model: demoModel() })).toMatchObject({ type: 'loaded' });
      expect(await runner.order({ type: 'attach', combo: 'tiny-chat', adapters: [] })).toMatchObject({
        type: 'attached',
      });
      expect([loopOf(pid), othersOf(pid)]).toEqual([FIRST, [OWN]]);
      expect(await runner.order({ type: 'sleep' })).toMatchObject({ type: 'slept' });
    }
    expect(runner.log()).toBe('');
  });

  test.each([NOWHERE, OWN, ''])('runs anywhere when told %j', async (cores) => {
    runner = await startRunner({ env: { HEARTH_EVENT_LOOP_CORES: cores } });
    expect(coresOf(runner.child.pid)).toEqual([OWN]);
    expect(runner.log()).toBe('');
  });

  test('says why and runs anywhere when told no list', async () => {
    runner = await startRunner({ env: { HEARTH_EVENT_LOOP_CORES: 'first' } });
    expect(coresOf(runner.child.pid)).toEqual([OWN]);
    expect(runner.log()).toContain('Cannot choose cores: expected a list such as "0-3,8", got "first"');
  });
});

/** An addon whose engine keeps what it is told of threads. */
function fakeAddon(told: number[]): EngineAddon {
  const native = {
    load: ({ threads }: { threads: number }) => {
      told.push(threads);
      return Promise.resolve({ upload: null });
    },
    setThreads: (threads: number) => void told.push(threads),
    releaseUpload: () => {},
  };
  return { createEngine: () => native } as unknown as EngineAddon;
}

test('LlamaEngine has no more threads than cores that it is kept on', async () => {
  const told: number[] = [];
  const backend: BackendInfo = { devices: [], systemInfo: '', initMs: 0 };
  const engine = new LlamaEngine(fakeAddon(told), backend, undefined, 4);
  await engine.load(demoModel({ threads: 9 }), () => {});
  engine.setThreads(5);
  engine.setThreads(3);
  expect(told).toEqual([4, 4, 3]);
});
