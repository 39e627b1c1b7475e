import { type Bytes, minus, plus } from './bytes.ts';
import { runnersFor } from './candidates.ts';
import { contextsOf } from './contexts.ts';
import type { PoolEffect } from './effects.ts';
import { holdsKept, isKept } from './keeps.ts';
import { allOwnBytes, comingBytes, pagesOfClaim } from './memory.ts';
import { findVictims } from './memoryRoom.ts';
import { freedPages } from './pages.ts';
import { type Blocked, blockedByMemory } from './placing.ts';
import { holdsPromise, isPromised } from './promises.ts';
import { joinPlaced } from './queues.ts';
import { allSlotBytes, type ReadySlot } from './slots.ts';
import { type PoolState, type ReadyRunner, type UsableRunner, type Want } from './state.ts';
import { drainRunner } from './stops.ts';
import { mayGiveWay, tierOf } from './tiers.ts';
import { runnersLeaving, runnersOfBase, runnersWithBase } from './usable.ts';
import { firstWant, headMs, longestWaitMs, wantedMs } from './wants.ts';

/**
 * Who waits for room that only busy ones could give gets its turn after `swapAfterMs`: the least recently used busy
 * one takes no new work and goes when what runs has ended. Only one for which nobody stands before it in line, and that
 * nobody was promised, gives way, so that two that do not fit together are served in batches, in the order of arrival, and
 * neither starves.
 */
export function takeTurns(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  const missing: Want[] = [];
  for (const base of state.unplaced.line.items) {
    const oldest = firstWant(base);
    if (!oldest || nowMs - wantedMs(oldest) < state.settings.swapAfterMs) continue;
    const runners = runnersFor(state, runnersOfBase(state, base.model), oldest);
    if (runners.length === 0) missing.push(oldest);
    else swapOnFull(state, runners, oldest, nowMs);
  }
  // In line: whom nobody gives way for the first, he does for none behind it.
  const late = missing.length === 0 ? missing : missing.slice(roomOnItsWay(state));
  for (const want of late) if (!swapRunner(state, want, () => true, nowMs, effects)) break;
  swapForMemory(state, nowMs, effects);
}

/** The same for memory that only busy ones could give: of other runners, else of combos on the same one. */
function swapForMemory(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  const blocked = blockedByMemory(state, nowMs);
  if (!blocked || nowMs - wantedMs(blocked.want) < state.settings.swapAfterMs) return;
  const { want, runner, device } = blocked;
  const onItsWay = plus(comingBytes(state, device, blocked), drainingBytes(state, blocked));
  const missing = minus(blocked.missing, onItsWay);
  if (findVictims(state, missing, device, blocked, nowMs)) return;
  const isRoom = (other: ReadyRunner): boolean =>
    other.id !== runner?.id && (missing.host > 0 || other.device === device);
  if (swapRunner(state, want, isRoom, nowMs, effects)) return;
  if (runner?.state === 'ready') swapCombo(state, runner, want, nowMs);
}

function drainingBytes(state: PoolState, blocked: Blocked): Bytes {
  const { device } = blocked;
  const draining = [...state.runners.values()].filter((runner) => runner.state === 'draining');
  const pages = freedPages(state, draining, () => false, pagesOfClaim(state, device, blocked));
  let bytes: Bytes = { host: pages, device: 0 };
  for (const runner of state.runners.values()) {
    const add = ({ host, device: own }: Bytes): void => {
      bytes = plus(bytes, { host, device: device !== null && runner.device === device ? own : 0 });
    };
    if (runner.state === 'draining') add(allOwnBytes(state, runner));
    else for (const slot of runner.combos.values()) if (slot.state === 'draining') add(allSlotBytes(slot));
  }
  return bytes;
}

function roomOnItsWay(state: PoolState): number {
  let coming = Math.max(0, state.settings.maxRunners - runnersWithBase(state)) + runnersLeaving(state);
  for (const runner of state.runners.values()) if (runner.state === 'draining') coming += 1;
  return coming;
}

/** True when one gives way; only those of which `may` is true do. */
function swapRunner(
  state: PoolState,
  want: Want,
  may: (runner: ReadyRunner) => boolean,
  nowMs: number,
  effects: PoolEffect[],
): boolean {
  let oldest: ReadyRunner | undefined;
  for (const runner of state.runners.values()) {
    if (runner.state !== 'ready' || runner.active === 0 || !may(runner)) continue;
    if (
      !mayGiveWay(state, runner, tierOf(headMs(want)), nowMs) ||
      longestWaitMs(state, runner) <= headMs(want)
    )
      continue;
    if (holdsPromise(state, runner) || holdsKept(state, runner)) continue;
    if (!oldest || runner.lastUsedMs < oldest.lastUsedMs) oldest = runner;
  }
  if (oldest) drainRunner(state, oldest, 'replaced', nowMs, effects);
  return oldest !== undefined;
}

/** When every runner of the base is full, on the first that can give a place. */
function swapOnFull(state: PoolState, runners: readonly UsableRunner[], want: Want, nowMs: number): void {
  if (runners.some(({ combos }) => combos.size < state.settings.maxCombosPerRunner)) return;
  for (const runner of runners) if (runner.state === 'ready' && swapCombo(state, runner, want, nowMs)) return;
}

/** The same within one runner: a combo gives its place to another. One at a time. True when a place is on its way. */
function swapCombo(state: PoolState, runner: ReadyRunner, want: Want, nowMs: number): boolean {
  let oldest: ReadySlot | undefined;
  for (const [key, slot] of runner.combos) {
    if (slot.state === 'draining' || slot.state === 'detaching') return true;
    if (slot.state !== 'ready' || slot.active === 0) continue;
    if (!mayGiveWay(state, slot, tierOf(headMs(want)), nowMs)) continue;
    if (headMs(state.queues.get(key)) <= headMs(want) || isPromised(state, key, runner.id)) continue;
    if (isKept(state, runner, key)) continue;
    if (!oldest || slot.lastUsedMs < oldest.lastUsedMs) oldest = slot;
  }
  if (!oldest) return false;
  const { combo, active } = oldest;
  runner.combos.set(combo.key, { ...contextsOf(oldest), state: 'draining', combo, active });
  joinPlaced(state, combo.key);
  return true;
}
