import { expect } from 'vitest';
import { holdersOf } from '../../gateway/pool/holders.ts';
import type { Line } from '../../gateway/pool/line.ts';
import { sumsOf } from '../../gateway/pool/slots.ts';
import {
  baseKey,
  isUsable,
  type PoolState,
  type UsableRunner,
  type WaitQueue,
  type Want,
} from '../../gateway/pool/state.ts';
import { countIn, noTenants } from '../../gateway/pool/tenants.ts';
import { decodingRunners, isDecoding, threadShare } from '../../gateway/pool/threads.ts';
import {
  leavesPlace,
  runnersLeaving,
  runnersWithBase,
  takesPlace,
  usableRunners,
} from '../../gateway/pool/usable.ts';
import { headMs, placeOf, type UnplacedBase } from '../../gateway/pool/wants.ts';

function must(condition: boolean, what: string): void {
  if (!condition) expect.fail(what);
}

/** What is kept so that an event need not look at everything is what looking at everything finds. */
export function checkIndices(state: PoolState): void {
  checkUsable(state);
  checkPlaces(state);
  checkHolders(state);
  checkSums(state);
  checkThreads(state);
  checkUnplaced(state);
  for (const queue of state.queues.values()) checkQueue(state, queue);
}

function checkQueue({ waitingIn }: PoolState, { combo, waiters, tenants }: WaitQueue): void {
  const scanned = noTenants();
  for (const waiter of waiters) {
    countIn(scanned, waiter);
    must(waitingIn.get(waiter.id)?.waiter === waiter, `"${waiter.id}" is another waiter`);
  }
  for (const tier of ['interactive', 'flex'] as const) {
    must(tenants[tier].size === scanned[tier].size, `"${combo.key}" counts other tenants`);
    for (const [account, count] of scanned[tier])
      must(tenants[tier].get(account) === count, `"${combo.key}" miscounts a tenant`);
  }
}

function checkSums({ runners }: PoolState): void {
  for (const { id, combos } of runners.values()) {
    const { all, detaching, starting, orderedMs, idleFromMs } = combos.sums;
    const scanned = sumsOf(combos);
    must(starting === scanned.starting, `"${id}" has ${starting} combos on their way`);
    must(orderedMs === scanned.orderedMs, `"${id}" has its oldest order since ${orderedMs} ms`);
    // What was used since it was added up stays longer.
    must(idleFromMs <= scanned.idleFromMs, `"${id}" keeps a combo past its keep-alive`);
    must(all.host === scanned.all.host && all.device === scanned.all.device, `"${id}" holds other bytes`);
    must(
      detaching.host === scanned.detaching.host && detaching.device === scanned.detaching.device,
      `"${id}" lets other bytes go`,
    );
  }
}

function checkUsable(state: PoolState): void {
  const scanned = new Map<string, UsableRunner[]>();
  for (const runner of state.runners.values()) {
    if (!isUsable(runner)) continue;
    const key = baseKey(runner.model);
    scanned.set(key, [...(scanned.get(key) ?? []), runner]);
  }
  const indexed = usableRunners(state);
  must(indexed.size === scanned.size, `${indexed.size} bases have usable runners, expected ${scanned.size}`);
  for (const [key, runners] of scanned) {
    const found = indexed.get(key) ?? [];
    must(found.length === runners.length, `"${key}" has ${found.length} usable runners`);
    for (const [at, runner] of runners.entries()) must(found[at] === runner, `"${key}" has another runner`);
  }
}

function checkPlaces(state: PoolState): void {
  const runners = [...state.runners.values()];
  const taken = runners.filter(takesPlace).length;
  const leaving = runners.filter(leavesPlace).length;
  must(runnersWithBase(state) === taken, `${runnersWithBase(state)} places are taken, expected ${taken}`);
  must(runnersLeaving(state) === leaving, `${runnersLeaving(state)} come free, expected ${leaving}`);
}

/** A combo is only on runners of its base: elsewhere nobody looks for it. */
function checkHolders(state: PoolState): void {
  for (const runner of state.runners.values()) {
    if (!isUsable(runner)) continue;
    for (const { combo } of runner.combos.values())
      must(
        holdersOf(state, combo).some((holder) => holder.runner === runner),
        `"${runner.id}" has "${combo.key}", which is not found there`,
      );
  }
}

/** Nobody was forgotten when who decodes changed. */
function checkThreads(state: PoolState): void {
  const busy = decodingRunners(state);
  for (const runner of state.runners.values())
    if (isDecoding(runner))
      must(runner.threads === threadShare(state, runner.model, busy), `"${runner.id}" has another share`);
}

function checkUnplaced({ unplaced }: PoolState): void {
  const { bases, line } = unplaced;
  checkLine(line, 'the bases', (base) => placeOf(base));
  must(line.items.length === bases.size, 'a base stands in line twice, or not at all');
  for (const [key, base] of bases) {
    must(key === baseKey(base.model) && base.places.size > 0, `unplaced base "${key}" is empty or misfiled`);
    must(line.items.includes(base), `unplaced base "${key}" does not stand in line`);
    checkBase(key, base);
  }
}

function checkBase(key: string, { queues, replicas, places }: UnplacedBase): void {
  checkLine<Want>(queues, `the queues of "${key}"`, headMs);
  checkLine<Want>(replicas, `the replicas of "${key}"`, headMs);
  const wants: Want[] = [...queues.items, ...replicas.items];
  must(wants.length === places.size, `"${key}" has a want twice, or one that stands nowhere`);
  for (const want of wants) {
    must(places.get(want) === headMs(want), `"${want.combo.key}" stands at another place`);
    must(baseKey(want.combo.model) === key, `"${want.combo.key}" wants another base`);
  }
}

function checkLine<T>({ items, placesMs }: Line<T>, what: string, placeOfOne: (item: T) => number): void {
  must(items.length === placesMs.length, `${what} have other places`);
  for (const [at, item] of items.entries()) {
    const placeMs = placesMs[at] ?? Number.NaN;
    must(placeMs === placeOfOne(item), `${what} stand at other places`);
    must(at === 0 || (placesMs[at - 1] ?? Number.NaN) <= placeMs, `${what} are not in line`);
  }
}
