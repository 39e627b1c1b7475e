import type { CatalogueModel } from '../domain/catalogue.ts';
import { type DeviceName, deviceName } from '../domain/ids.ts';
import type { PoolSettings } from './settings.ts';
import type { PoolState, Runner } from './state.ts';

/** What runners may have of a device that has no budget of its own; the rest is for what nobody accounts for. */
const BUDGET_SHARE = 0.9;

/** A device that runners may use. */
export interface Device {
  readonly name: DeviceName;
  readonly budgetBytes: number;
  /** What each process that sees the device takes of it before it holds anything: its context of the backend. */
  readonly contextBytes: number;
}

/** A device as a runner process found it. */
export interface FoundDevice {
  readonly name: DeviceName;
  readonly totalBytes: number;
  readonly contextBytes: number;
}

/** Those that the configuration gives budgets are known before any process has looked for them. */
export function configuredDevices({ deviceBytes }: PoolSettings): Map<DeviceName, Device> {
  const devices = new Map<DeviceName, Device>();
  for (const [text, budgetBytes] of Object.entries(deviceBytes)) {
    const name = deviceName(text);
    devices.set(name, { name, budgetBytes, contextBytes: 0 });
  }
  return devices;
}

/** From now on runners may use these, too. What is known of a device is put right. */
export function devicesFound(state: PoolState, found: readonly FoundDevice[]): void {
  for (const { name, totalBytes, contextBytes } of found) {
    const budgetBytes = state.settings.deviceBytes[name] ?? Math.floor(totalBytes * BUDGET_SHARE);
    state.devices.set(name, { name, budgetBytes, contextBytes });
  }
}

const NONE: readonly Device[] = [];

/**
 * On which the model may be; none: it is in host memory. Layers that are meant for a device stay on the host of a machine
 * that has none, not where there are others than the one that the model asks for.
 */
export function devicesFor(state: PoolState, { deviceLayers, device }: CatalogueModel): readonly Device[] {
  if (deviceLayers === 0) return NONE;
  const all = [...state.devices.values()];
  return device === null ? all : all.filter(({ name }) => name === device);
}

/** The one that the model is bound to; null: it is in host memory, or may be on several. */
export function homeOf({ deviceLayers, device }: CatalogueModel): DeviceName | null {
  return deviceLayers === 0 ? null : device;
}

export function wantsDevice(state: PoolState, { deviceLayers }: CatalogueModel): boolean {
  return deviceLayers !== 0 && state.devices.size > 0;
}

/** A runner of the model may be on that device; null: have everything in host memory. */
export function mayBeOn(state: PoolState, model: CatalogueModel, device: DeviceName | null): boolean {
  if (device === null) return !wantsDevice(state, model);
  return devicesFor(state, model).some(({ name }) => name === device);
}

/** One of them, to predict by: what a model takes of one it takes of another. null: it takes none. */
export function anyDevice(state: PoolState, model: CatalogueModel): DeviceName | null {
  if (!wantsDevice(state, model)) return null;
  return devicesFor(state, model)[0]?.name ?? model.device;
}

/** What the process itself takes of its device. */
export function deviceContextBytes(state: PoolState, { device }: Pick<Runner, 'device'>): number {
  return device === null ? 0 : (state.devices.get(device)?.contextBytes ?? 0);
}

/** Share of the model's layers, and with them of its weights and contexts, that is on the device, 0 to 1. */
export function deviceShare({ deviceLayers, layers }: CatalogueModel, device: DeviceName | null): number {
  if (device === null || deviceLayers === 0) return 0;
  // Where nobody has counted the layers (0) all are there.
  return deviceLayers < 0 ? 1 : Math.min(1, deviceLayers / layers);
}
