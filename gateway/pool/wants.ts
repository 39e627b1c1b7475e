import type { CatalogueModel } from '../domain/catalogue.ts';
import { emptyLine, enter, firstMs, type Line, quit } from './line.ts';
import {
  baseKey,
  type PoolState,
  type ReadyRunner,
  type ReplicaWant,
  type WaitQueue,
  type Want,
} from './state.ts';

// The books of what wants a place: only this file adds to and takes from `unplaced`.

/** Wants of one base whose start nobody has begun: queues that no runner has a slot for, and missing replicas. */
export interface UnplacedBase {
  /** Its baseKey. */
  readonly key: string;
  readonly model: CatalogueModel;
  /** No runner of the base holds a combo of theirs: what may serve one of them may serve all. */
  readonly queues: Line<WaitQueue>;
  readonly replicas: Line<ReplicaWant>;
  /** Where each stands in its line. */
  readonly places: Map<Want, number>;
}

/** All that want a place, so that an event looks at the first ones, not at all. */
export interface Unplaced {
  /** By baseKey; none is empty. */
  readonly bases: Map<string, UnplacedBase>;
  /** The same, by the place of the first of each. */
  readonly line: Line<UnplacedBase>;
}

/** Puts it among those that want a place. Idempotent. */
export function wantPlace({ unplaced }: PoolState, want: Want): void {
  const key = baseKey(want.combo.model);
  const known = unplaced.bases.get(key);
  if (known?.places.has(want)) return;
  const base: UnplacedBase = known ?? {
    key,
    model: want.combo.model,
    queues: emptyLine(),
    replicas: emptyLine(),
    places: new Map(),
  };
  if (!known) unplaced.bases.set(key, base);
  const before = known && placeOf(known);
  stand(base, want);
  settle(unplaced, base, before);
}

/** Its start has begun, or nobody wants it any more. */
export function markPlaced({ unplaced }: PoolState, want: Want): void {
  if (unplaced.bases.size === 0) return;
  const key = baseKey(want.combo.model);
  const base = unplaced.bases.get(key);
  if (!base?.places.has(want)) return;
  const before = placeOf(base);
  standNoMore(base, want);
  if (base.places.size === 0) unplaced.bases.delete(key);
  settle(unplaced, base, before);
}

/** Another waiter is the first of the queue now: it stands where that one does. */
export function standAnew({ unplaced }: PoolState, queue: WaitQueue): void {
  if (unplaced.bases.size === 0) return;
  const base = unplaced.bases.get(baseKey(queue.combo.model));
  const placeMs = base?.places.get(queue);
  if (!base || placeMs === undefined || placeMs === headMs(queue)) return;
  const before = placeOf(base);
  standNoMore(base, queue);
  stand(base, queue);
  settle(unplaced, base, before);
}

function stand(base: UnplacedBase, want: Want): void {
  const placeMs = headMs(want);
  base.places.set(want, placeMs);
  if (want.type === 'queue') enter(base.queues, want, placeMs);
  else enter(base.replicas, want, placeMs);
}

function standNoMore(base: UnplacedBase, want: Want): void {
  const placeMs = base.places.get(want) ?? headMs(want);
  base.places.delete(want);
  if (want.type === 'queue') quit(base.queues, want, placeMs);
  else quit(base.replicas, want, placeMs);
}

/** The base stands where its first does. `before`: where it stood; undefined: nowhere. */
function settle({ line }: Unplaced, base: UnplacedBase, before: number | undefined): void {
  const placeMs = placeOf(base);
  if (placeMs === before) return;
  if (before !== undefined) quit(line, base, before);
  if (base.places.size > 0) enter(line, base, placeMs);
}

/** Nobody has begun its start. */
export function isUnplaced({ unplaced }: PoolState, want: Want): boolean {
  return unplaced.bases.get(baseKey(want.combo.model))?.places.has(want) === true;
}

/** The place in line of its first. */
export function placeOf({ queues, replicas }: UnplacedBase): number {
  return Math.min(firstMs(queues), firstMs(replicas));
}

/** The first in line of a base, the queue of equal ones. */
export function firstWant({ queues, replicas }: UnplacedBase): Want | undefined {
  return firstMs(replicas) < firstMs(queues) ? replicas.items[0] : queues.items[0];
}

/** A copy, to be walked over while wants are placed or answered. */
export function allWants({ unplaced }: PoolState): Want[] {
  return unplaced.line.items.flatMap(({ queues, replicas }) => [...queues.items, ...replicas.items]);
}

/** Its place in line: that of the first of a queue (tiers.ts), else since when it is wanted. */
export function headMs(want: Want | undefined): number {
  if (want?.type === 'replica') return want.sinceMs;
  return want?.waiters[0]?.lineMs ?? Number.POSITIVE_INFINITY;
}

/** Since when it is wanted: when the first in a queue's line arrived. */
export function wantedMs(want: Want): number {
  if (want.type === 'replica') return want.sinceMs;
  return want.waiters[0]?.arrivedMs ?? Number.POSITIVE_INFINITY;
}

/** The place in line of the first of those that wait for any combo of the runner's base. */
export function longestWaitMs(state: PoolState, runner: ReadyRunner): number {
  const base = state.unplaced.bases.get(baseKey(runner.model));
  let earliestMs = base ? placeOf(base) : Number.POSITIVE_INFINITY;
  for (const key of runner.combos.keys()) earliestMs = Math.min(earliestMs, headMs(state.queues.get(key)));
  return earliestMs;
}
