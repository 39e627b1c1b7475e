import { runnerAdopted, sleeperAdopted, standbyAdopted } from './adoption.ts';
import { arrive } from './arrivals.ts';
import { leave, refuseOverdue } from './departures.ts';
import { devicesFound } from './devices.ts';
import type { PoolEffect } from './effects.ts';
import type { PoolEvent } from './events.ts';
import { exchangeKept } from './exchanging.ts';
import { runnerHung } from './hangs.ts';
import { expire, shutDown } from './lifetimes.ts';
import { drain, evict, liftQuarantine, warm } from './orders.ts';
import { pack } from './packing.ts';
import { timesKnown } from './pastTimes.ts';
import { endPins, pin, restorePins, unpin } from './pins.ts';
import { placeWaiting } from './placing.ts';
import { promise } from './promises.ts';
import { comboResized, comboResizeFailed, contextsRetired } from './resizing.ts';
import { orderSleep, orderWake } from './restOrders.ts';
import { applyCatalogue } from './revisions.ts';
import {
  comboDetached,
  comboFailed,
  comboReady,
  runnerFailed,
  runnerGone,
  runnerLoaded,
  runnerUp,
} from './runners.ts';
import { scale } from './scaling.ts';
import { segmentDropped, segmentLost, segmentStaged, segmentsFound } from './segments.ts';
import { endRequest, grantHeld } from './serving.ts';
import { runnerAsleep } from './sleep.ts';
import { refillStandbys } from './standbys.ts';
import type { PoolState } from './state.ts';
import { keepStaged, trimStore } from './storeRoom.ts';
import { shareThreads } from './threads.ts';
import { upkeep } from './upkeep.ts';
import { warmAhead } from './warmAhead.ts';

export interface Decision {
  readonly state: PoolState;
  readonly effects: readonly PoolEffect[];
}

/**
 * The pool's policy: what to do about one fact. Deterministic; knows no clock, no I/O, no logger. `nowMs` is monotonic.
 *
 * Who has waited to its deadline is refused. Then each event changes what it is about, and grants what it made ready or free. Then combos that wait without a start are
 * placed, from the fastest way to the slowest: a runner with the base attaches, a standby or a new runner starts, an idle
 * one makes room. The state is owned by the caller's loop and updated in place.
 */
export function decide(state: PoolState, event: PoolEvent, nowMs: number): Decision {
  const effects: PoolEffect[] = [];
  // A client or a process that has gone takes no answer and no order any more.
  const isLoss = event.type === 'clientGone' || event.type === 'runnerExited';
  if (!isLoss) refuseOverdue(state, nowMs, effects);
  switch (event.type) {
    case 'requestArrived':
      arrive(state, event, nowMs, effects);
      break;
    case 'clientGone':
      leave(state, event.requestId, nowMs, effects);
      break;
    case 'requestEnded':
      endRequest(state, event, nowMs, effects);
      break;
    case 'runnerUp':
      runnerUp(state, event.runnerId, nowMs, effects);
      break;
    case 'runnerLoaded':
      runnerLoaded(state, event, nowMs, effects);
      break;
    case 'runnerAdopted':
      runnerAdopted(state, event, nowMs, effects);
      break;
    case 'standbyAdopted':
      standbyAdopted(state, event, nowMs, effects);
      break;
    case 'sleeperAdopted':
      sleeperAdopted(state, event, nowMs, effects);
      break;
    case 'devicesFound':
      devicesFound(state, event.devices);
      break;
    case 'runnerAsleep':
      runnerAsleep(state, event.runnerId, event.keptBytes, nowMs, effects);
      break;
    case 'comboReady':
      comboReady(state, event, nowMs, effects);
      // What was started to be exchanged goes where it was, before anybody makes room of it where it is now.
      exchangeKept(state, false, nowMs, effects);
      break;
    case 'comboFailed':
      comboFailed(state, event, nowMs, effects);
      break;
    case 'comboResized':
      comboResized(state, event, nowMs, effects);
      break;
    case 'comboResizeFailed':
      comboResizeFailed(state, event, nowMs, effects);
      break;
    case 'contextsRetired':
      contextsRetired(state, event);
      break;
    case 'comboDetached':
      comboDetached(state, event.runnerId, event.comboKey, effects);
      break;
    case 'runnerFailed':
      runnerFailed(state, event.runnerId, event.failure, nowMs, effects);
      break;
    case 'runnerHung':
      runnerHung(state, event, nowMs, effects);
      break;
    case 'runnerExited':
      runnerGone(state, event, nowMs, effects);
      break;
    case 'segmentsFound':
      segmentsFound(state, event, nowMs);
      break;
    case 'segmentStaged':
      segmentStaged(state, event, nowMs, effects);
      break;
    case 'segmentLost':
      segmentLost(state, event.key, nowMs, effects);
      break;
    case 'segmentDropped':
      segmentDropped(state, event);
      break;
    case 'promiseAsked':
      promise(state, event.requestId, nowMs);
      break;
    case 'warmAsked':
      warm(state, event.orderId, event.combo, nowMs, effects);
      break;
    case 'demandExpected':
      warmAhead(state, event, nowMs, effects);
      break;
    case 'evictAsked':
      evict(state, event.orderId, event.combo, nowMs, effects);
      break;
    case 'liftAsked':
      liftQuarantine(state, event.orderId, event.combo, effects);
      break;
    case 'drainAsked':
      drain(state, event.orderId, event.runnerId, nowMs, effects);
      break;
    case 'sleepAsked':
      orderSleep(state, event.orderId, event.runnerId, nowMs, effects);
      break;
    case 'wakeAsked':
      orderWake(state, event.orderId, event.runnerId, nowMs, effects);
      break;
    case 'pinAsked':
      pin(state, event, nowMs, effects);
      break;
    case 'unpinAsked':
      unpin(state, event.orderId, event.combo, nowMs, effects);
      break;
    case 'pinsRestored':
      restorePins(state, event.pins, effects);
      break;
    case 'timesKnown':
      timesKnown(state, event.times);
      break;
    case 'catalogueChanged':
      applyCatalogue(state, event.catalogue, nowMs, effects);
      break;
    case 'shutdownAsked':
      shutDown(state, nowMs, effects);
      break;
    case 'deadlineDue':
      // Who has waited to its deadline has been refused above.
      break;
    case 'tick':
      endPins(state, nowMs, effects);
      upkeep(state, nowMs, effects);
      // Before what follows: it may be one more than is needed.
      exchangeKept(state, true, nowMs, effects);
      expire(state, nowMs, effects);
      scale(state, nowMs, effects);
      pack(state, nowMs, effects);
      keepStaged(state, nowMs, effects);
      break;
    default:
      throw new Error(`Cannot decide on event "${(event satisfies never as { type: string }).type}"`);
  }
  if (isLoss) refuseOverdue(state, nowMs, effects);
  placeWaiting(state, nowMs, effects);
  if (event.type === 'tick') {
    // After those who wait and what is kept had their starts.
    grantHeld(state, nowMs, effects);
    refillStandbys(state, nowMs, effects);
  }
  if (effects.length > 0 || event.type === 'tick') trimStore(state, effects);
  shareThreads(state, effects);
  return { state, effects };
}
