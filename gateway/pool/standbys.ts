import type { Failure } from '../domain/errors.ts';
import type { DeviceName } from '../domain/ids.ts';
import type { PoolEffect } from './effects.ts';
import { freeBytes } from './memory.ts';
import { Slots } from './slots.ts';
import { nextRunnerId, type PoolState, type Runner } from './state.ts';
import { moveTo } from './transitions.ts';

/** How long after a lost standby the next one is started: doubled with each loss in a row, up to the second. */
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 60_000;

/** A standby that fails, or falls silent, so soon after its claim may have been dead already, which nobody had noticed. */
const SUSPECT_MS = 1_000;

type Unclaimed = Extract<Runner, { state: 'starting' | 'standby' }> & { readonly model: null };

/**
 * Starts the next missing standby, one at a time. Requests come first: not while anybody waits or a start is under way,
 * nor (since only a tick calls this) in the moment that grants a request. Standbys come on top of `maxRunners`: there are
 * never more than `maxRunners + standbys` processes, the ending ones included.
 */
export function refillStandbys(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  if (state.shuttingDown || state.waiting > 0 || nowMs < state.standbyLosses.retryAtMs) return;
  let standbys = 0;
  for (const runner of state.runners.values()) {
    if (runner.state === 'starting' || runner.state === 'loading') return;
    if (runner.model === null) standbys += 1;
  }
  if (standbys >= state.settings.standbys) return;
  const device = nextDevice(state);
  if (device === undefined) return;
  const id = nextRunnerId(state);
  moveTo(state, { id, device, model: null, combos: new Slots(), state: 'starting', sinceMs: nowMs });
  effects.push({ type: 'spawn', runnerId: id, model: null, device });
  effects.push({
    type: 'note',
    note: 'standby_spawned',
    runnerId: id,
    ...(device && { detail: { device } }),
  });
}

/** The device with the fewest standbys that has room for one; null: there are no devices; undefined: none has room. */
function nextDevice(state: PoolState): DeviceName | null | undefined {
  if (state.devices.size === 0) return null;
  // Of what somebody waits for it takes nothing.
  if (state.unplaced.bases.size > 0) return undefined;
  let next: DeviceName | undefined;
  let fewest = Number.POSITIVE_INFINITY;
  for (const { name, contextBytes } of state.devices.values()) {
    let standbys = 0;
    for (const runner of state.runners.values())
      if (runner.model === null && runner.device === name) standbys += 1;
    if (standbys >= fewest || contextBytes > freeBytes(state, name)) continue;
    next = name;
    fewest = standbys;
  }
  return next;
}

/** The process that a start on that device should take: one that is up, else one that is coming up, the oldest first. */
export function freeStandby(state: PoolState, device: DeviceName | null): Unclaimed | undefined {
  let comingUp: Unclaimed | undefined;
  for (const runner of state.runners.values()) {
    if (runner.device !== device) continue;
    if (runner.state === 'standby') return runner;
    if (isUnclaimed(runner)) comingUp ??= runner;
  }
  return comingUp;
}

/**
 * Counts a standby that failed or died, and puts the next one off: a runner that cannot live is not started in a loop.
 * One that had lived for long is the first of a row.
 */
export function countLoss(
  state: PoolState,
  lost: Unclaimed,
  failure: Failure,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const wasSound = lost.state === 'standby' && nowMs - lost.sinceMs >= LAST_RETRY_MS;
  const inARow = wasSound ? 1 : state.standbyLosses.inARow + 1;
  const retryInMs = Math.min(FIRST_RETRY_MS * 2 ** (inARow - 1), LAST_RETRY_MS);
  state.standbyLosses = { inARow, retryAtMs: nowMs + retryInMs };
  const detail = { message: failure.message, inARow, retryInMs };
  effects.push({ type: 'note', note: 'standby_lost', runnerId: lost.id, detail });
}

/** A runner has loaded a base: runners can live. */
export function forgetLosses(state: PoolState): void {
  state.standbyLosses = { inARow: 0, retryAtMs: 0 };
}

export function isUnclaimed(runner: Runner): runner is Unclaimed {
  return runner.model === null && runner.state !== 'stopping';
}

/**
 * The start has failed on a process that waited as a standby, and so soon that this process may be the cause: who waits
 * is owed a start on another one. At most one such start per standby, since none is started while anybody waits.
 * `sinceMs`: when that began which showed as the failure.
 */
export function isSuspect(runner: Runner, failure: Failure, sinceMs: number): boolean {
  if (runner.state !== 'loading' || runner.claimedMs === null) return false;
  return failure.code !== 'start_failed_permanently' && sinceMs - runner.claimedMs < SUSPECT_MS;
}
