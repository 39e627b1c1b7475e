/** From what a runner says of its device to the cores that runners of it are on, with a GPU that is none. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { lookForDevices } from '../../gateway/compose/devices.ts';
import { type DeviceName, runnerId } from '../../gateway/domain/ids.ts';
import type { Log } from '../../gateway/ports/log.ts';
import type { DeviceScope } from '../../gateway/shell/processes/deviceScope.ts';
import type { NumaPlaces } from '../../gateway/shell/processes/numaPlaces.ts';
import { SpawnedRunner, type SpawnSettings } from '../../gateway/shell/processes/spawnedRunner.ts';
import { parseCoreList } from '../../runner/protocol/coreList.ts';
import { fakeGpu } from '../native/fakeGpu.ts';
import { numaMachine } from './numaMachine.ts';

const LIMIT_MS = 30_000;

const warnings: object[] = [];
const quiet = (): void => {};
const log: Log = { debug: quiet, info: quiet, error: quiet, warn: (fields) => warnings.push(fields) };

function settingsWith(places: NumaPlaces, eventLoopCores: readonly number[] = []): SpawnSettings {
  const runDir = mkdtempSync(join(tmpdir(), 'hearth-placed-'));
  onTestFinished(() => rmSync(runDir, { recursive: true, force: true }));
  return {
    entry: join(import.meta.dirname, '..', '..', 'dist', 'runner.mjs'),
    runDir,
    leaseMs: 0,
    secret: randomBytes(32).toString('hex'),
    environment: { GGML_BACKEND_PATH: fakeGpu(), HEARTH_UPLOAD: 'off' },
    places,
    eventLoopCores,
  };
}

const allowedIn = (status: string) =>
  /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync(status, 'utf8'))?.[1] ?? 'none';

/** The cores of all threads of a runner that is up, each list once, that of its event loop first. */
async function coresOf(
  scope: DeviceScope,
  places: NumaPlaces,
  eventLoopCores: readonly number[] = [],
): Promise<string[]> {
  let lists: string[] | null = null;
  return new Promise((resolve, reject) => {
    const runner = new SpawnedRunner(runnerId('r_placed'), scope, settingsWith(places, eventLoopCores), 0, {
      ready: () => {
        const tasks = `/proc/${runner.pid}/task`;
        const threads = readdirSync(tasks).sort((a, b) => Number(a) - Number(b));
        lists = threads.map((task) => allowedIn(join(tasks, task, 'status')));
        runner.stop(0);
      },
      broken: reject,
      exited: ({ how, words }) => {
        if (lists) resolve([...new Set(lists)]);
        else reject(new Error(`Runner ${how}: ${words}`));
      },
    });
  });
}

test('a runner of a device runs on the cores of its node, and another one where it may', async () => {
  const own = allowedIn('/proc/self/status');
  const [first, ...others] = parseCoreList(own) ?? [];
  const { sysfs } = numaMachine({
    nodes: { 0: String(first), 1: others.join(',') },
    devices: { '0000:3b:00.0': '0' },
    status: '',
  });
  const look = (changes: { readonly mayHaveDevices?: boolean; readonly numa?: boolean }) => {
    const settings = { mayHaveDevices: true, numa: true, pool: { spawnTimeoutMs: LIMIT_MS }, ...changes };
    return lookForDevices(settings, settingsWith(new Map()), 0, log, { sysfs, process: '/proc/self' });
  };
  const { devices, places } = await look({});
  expect(devices).toMatchObject([{ busId: '0000:3b:00.0' }]);
  const device = devices[0]?.name as DeviceName;
  expect([...places]).toEqual([[device, { node: 0, cores: [first] }]]);
  expect(await coresOf(device, places)).toEqual([String(first)]);
  expect(await coresOf(null, places)).toEqual([own]);
  expect(await coresOf('all', places)).toEqual([own]);
  const loop = [first ?? 0];
  const apart = others.length > 0 ? [String(first), own] : [own];
  expect(await coresOf(device, places, loop)).toEqual([String(first)]);
  expect(await coresOf(null, places, loop)).toEqual(apart);
  expect(await coresOf('all', places, loop)).toEqual(apart);
  expect(await look({ numa: false })).toEqual({ devices, places: new Map() });
  expect(await look({ mayHaveDevices: false })).toEqual({ devices: [], places: new Map() });
  expect(warnings).toEqual([]);
}, 60_000);
