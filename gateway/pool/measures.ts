import type { CatalogueModel } from '../domain/catalogue.ts';
import type { DeviceName } from '../domain/ids.ts';
import { type Bytes, split, totalOf } from './bytes.ts';
import { deviceShare } from './devices.ts';
import type { PoolEvent } from './events.ts';
import { measureContext, measureWeights, weightNeed } from './memory.ts';
import type { PoolState, ReadyRunner } from './state.ts';

/** What a runner that is on a device says of a context that it has made. */
export type ContextFact = Pick<
  Extract<PoolEvent, { type: 'comboReady' }>,
  'kvBytes' | 'computeBytes' | 'onDevice'
>;

/**
 * The weights of a base that has just been loaded. How they are shared is known when a first context has been made; until
 * then it is as with the last one of that size, or as the layers are.
 */
export function loadedWeights(
  state: PoolState,
  { model, device }: { readonly model: CatalogueModel; readonly device: DeviceName | null },
  weightBytes: number,
): Bytes {
  const before = weightNeed(state, model, device);
  const weights = totalOf(before) === weightBytes ? before : split(weightBytes, deviceShare(model, device));
  measureWeights(state, model, device, weights);
  return weights;
}

/** Takes in what a combo's context was measured to take, and where the base's weights are. Share of the context on the device. */
export function noteContext(state: PoolState, runner: ReadyRunner, fact: ContextFact): number {
  const { kvBytes, computeBytes, onDevice } = fact;
  if (onDevice && runner.device !== null) {
    const all = totalOf(runner.weights);
    const device = Math.min(all, onDevice.weightBytes);
    runner.weights = { host: all - device, device };
    measureWeights(state, runner.model, runner.device, runner.weights);
  }
  const share = contextShare(runner, fact);
  // Without KV cache it shares another combo's context, which says nothing of what one takes.
  if (kvBytes > 0) measureContext(state, runner.model, runner.device, split(kvBytes + computeBytes, share));
  return share;
}

/** As the runner says, else as the layers are. */
export function contextShare(
  { model, device }: { readonly model: CatalogueModel; readonly device: DeviceName | null },
  { kvBytes, computeBytes, onDevice }: ContextFact,
): number {
  const all = kvBytes + computeBytes;
  if (device === null || !onDevice || all === 0) return deviceShare(model, device);
  return Math.min(1, onDevice.contextBytes / all);
}
