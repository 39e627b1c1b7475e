import type { CatalogueModel } from '../../gateway/domain/catalogue.ts';
import { deviceName } from '../../gateway/domain/ids.ts';
import type { PoolSettings } from '../../gateway/pool/settings.ts';
import { adapter, catalogueOf, model } from './builders.ts';
import { PoolDriver } from './driver.ts';

export const CUDA0 = deviceName('CUDA0');
export const CUDA1 = deviceName('CUDA1');

/** Bases a, b and c with all layers on a device unless changed: 1000 bytes of weights, 20 of a context. */
export function poolWith(
  deviceBytes: Readonly<Record<string, number>>,
  changes: Readonly<Record<string, Partial<CatalogueModel>>> = {},
  settings: Partial<PoolSettings> = {},
): PoolDriver {
  const models = ['a', 'b', 'c'].map((id) => model(id, { deviceLayers: -1, sleeps: false, ...changes[id] }));
  const catalogue = catalogueOf(models, [adapter('x', 'a'), adapter('y', 'a'), adapter('z', 'b')]);
  return new PoolDriver({ maxRunners: 9, ...settings, deviceBytes }, catalogue);
}

/** The process's own context on each device. */
export function withContext(pool: PoolDriver, contextBytes: number, totalBytes = 1e12): PoolDriver {
  const names = [...pool.state.devices.keys()];
  pool.tell({
    type: 'devicesFound',
    devices: names.map((name) => ({ name, totalBytes, contextBytes })),
  });
  return pool;
}

/** A combo of a base on a device gets ready as predicted, with so much of it on the device. */
export function readyOn(
  pool: PoolDriver,
  runner: string,
  name: string,
  onDevice?: [number, number],
): string[] {
  const [contextBytes = 0, weightBytes = 0] = onDevice ?? [];
  return pool.tell({
    type: 'comboReady',
    runnerId: pool.runnerId(runner),
    comboKey: pool.combo(name).key,
    kvBytes: 15,
    computeBytes: 5,
    ...(onDevice && { onDevice: { contextBytes, weightBytes } }),
  });
}

export function bring(pool: PoolDriver, runner: string, name: string): void {
  pool.arrive(`bring ${name}`, name);
  pool.up(runner);
  pool.tell({ type: 'runnerLoaded', runnerId: pool.runnerId(runner), weightBytes: 1000 });
  readyOn(pool, runner, name);
  pool.end(`bring ${name}`);
}
