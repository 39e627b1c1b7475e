import type { Combo } from '../domain/combo.ts';
import type { DeviceName } from '../domain/ids.ts';
import { type Bytes, isCovered, minus } from './bytes.ts';
import { deviceContextBytes, devicesFor, mayBeOn, wantsDevice } from './devices.ts';
import { holdsKept } from './keeps.ts';
import {
  comingBytes,
  heldBytes,
  type MemoryClaim,
  missingBytes,
  pagesOfStart,
  wholeNeed,
  withoutShared,
} from './memory.ts';
import { findVictims, type Victims } from './memoryRoom.ts';
import { mayStayOn } from './plans.ts';
import { freeStandby } from './standbys.ts';
import type { AsleepRunner, PoolState, Want } from './state.ts';
import { restingRunners } from './usable.ts';

/** Where a runner for a base can come from: one that sleeps wakes, or a process on that device takes it on. */
export interface Source {
  /** null: everything is in host memory. */
  readonly device: DeviceName | null;
  readonly sleeper: AsleepRunner | null;
  /** Of what it needs for the combo that is wanted first; not more than 0: it is there. */
  readonly missing: Bytes;
}

/**
 * The fastest way that fits: to wake one, else the device with the most that is free. When none fits, the one whose room
 * costs the least to make; when none can be made now, the one that may have the most. null: the one device that the model
 * may be on is not there.
 */
export function sourceFor(state: PoolState, want: Want, nowMs: number): Source | null {
  const all = sourcesOf(state, want.combo);
  if (all.length < 2) return all[0] ?? null;
  const { model } = want.combo;
  const lasting = all.filter(({ device }) => mayStayOn(state, want.combo, { model, device }));
  const sources = lasting.length > 0 ? lasting : all;
  return sources.find(({ missing }) => isCovered(missing)) ?? cheapestOf(state, sources, want, nowMs);
}

/** Those that wake stand first, then devices, that with the most that is free first. */
export function sourcesOf(state: PoolState, combo: Combo): Source[] {
  const { model } = combo;
  const sources: Source[] = [];
  for (const runner of restingRunners(state, model))
    if (runner.state === 'asleep' && mayBeOn(state, model, runner.device))
      sources.push(sourceOf(state, combo, runner.device, runner));
  if (!wantsDevice(state, model)) sources.push(sourceOf(state, combo, null, null));
  else {
    const onDevices = devicesFor(state, model).map(({ name }) => sourceOf(state, combo, name, null));
    sources.push(...onDevices.sort((a, b) => a.missing.device - b.missing.device));
  }
  return sources;
}

function sourceOf(
  state: PoolState,
  combo: Combo,
  device: DeviceName | null,
  sleeper: AsleepRunner | null,
): Source {
  const need = withoutShared(
    wholeNeed(state, combo, device),
    pagesOfStart(state, combo.model, device, sleeper),
  );
  // A process that is there has its own context on the device.
  const isThere = sleeper !== null || freeStandby(state, device) !== undefined;
  const own = isThere ? deviceContextBytes(state, { device }) : 0;
  const missing = missingBytes(state, minus(need, { host: 0, device: own }), device);
  return { device, sleeper, missing };
}

/** The runner that is used, and does not give way for that. */
export function usedBy(state: PoolState, { device, sleeper }: Source): MemoryClaim['runner'] {
  return sleeper ?? freeStandby(state, device);
}

function cheapestOf(state: PoolState, sources: readonly Source[], want: Want, nowMs: number): Source | null {
  let best: Source | null = null;
  let leastMs = Number.POSITIVE_INFINITY;
  for (const source of sources) {
    const claim = { want, runner: usedBy(state, source) };
    const missing = minus(source.missing, comingBytes(state, source.device, claim));
    const victims = findVictims(state, missing, source.device, claim, nowMs);
    const costMs = victims ? costOf(victims) : Number.POSITIVE_INFINITY;
    if (costMs >= leastMs) continue;
    best = source;
    leastMs = costMs;
  }
  return best ?? roomiestOf(state, sources);
}

/** How long it would take to get all of that back. */
function costOf({ bases, combos, processes }: Victims): number {
  let costMs = processes.length;
  for (const { runner } of bases) costMs += runner.worth.costMs;
  for (const { slot } of combos) costMs += slot.worth.costMs;
  return costMs;
}

/** When what is busy ends, it can have what nothing that is kept holds. */
function roomiestOf(state: PoolState, sources: readonly Source[]): Source | null {
  let best: Source | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const source of sources) {
    const short = source.missing.device - leavable(state, source.device);
    if (short >= least) continue;
    best = source;
    least = short;
  }
  return best;
}

function leavable(state: PoolState, device: DeviceName | null): number {
  let bytes = 0;
  for (const runner of state.runners.values())
    if (runner.device === device && !holdsKept(state, runner)) bytes += heldBytes(state, runner, 'device');
  return bytes;
}
