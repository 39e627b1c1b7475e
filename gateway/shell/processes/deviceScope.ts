import type { DeviceName } from '../../domain/ids.ts';

/** What of the machine's devices a process sees: one, none (null), or all as they are. */
export type DeviceScope = DeviceName | null | 'all';

/** Environment variables by which a backend's driver shows a process only some devices, and the names that it gives them. */
const FAMILIES = [
  { variable: 'CUDA_VISIBLE_DEVICES', prefix: 'CUDA' },
  { variable: 'HIP_VISIBLE_DEVICES', prefix: 'ROCm' },
] as const;

/**
 * The environment for a process that is to see no more than that. The context that a process makes on every device that it
 * sees is hundreds of megabytes of that device. `outer`: what this process itself was given, whose devices are counted
 * from 0 in names.
 */
export function scopeTo(
  scope: DeviceScope,
  outer: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  if (scope === 'all') return {};
  const own = scope === null ? null : numberOf(scope);
  const environment: Record<string, string> = {};
  for (const { variable, prefix } of FAMILIES) {
    if (own?.prefix !== prefix) environment[variable] = '';
    else environment[variable] = outer[variable]?.split(',')[own.index]?.trim() ?? String(own.index);
  }
  return environment;
}

/** What the process that sees only this device calls it. One of a family that cannot be hidden keeps its name. */
export function localName(device: DeviceName): string {
  const own = numberOf(device);
  return own ? `${own.prefix}0` : device;
}

function numberOf(device: DeviceName): { readonly prefix: string; readonly index: number } | null {
  for (const { prefix } of FAMILIES) {
    const index = device.startsWith(prefix) ? device.slice(prefix.length) : '';
    if (/^\d+$/.test(index)) return { prefix, index: Number(index) };
  }
  return null;
}
