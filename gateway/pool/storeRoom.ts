import { type CatalogueAdapter, type CatalogueModel, storedBytesOf } from '../domain/catalogue.ts';
import { type Combo, parseCombo } from '../domain/combo.ts';
import { homeOf } from './devices.ts';
import type { PoolEffect } from './effects.ts';
import { inOrderOfLeaving, newWorth, noteEviction } from './eviction.ts';
import { freeBytes } from './memory.ts';
import { isBooked } from './pages.ts';
import {
  assumedMs,
  bookOf,
  clockOf,
  noteSegmentUse,
  type Segment,
  type SegmentBook,
  type Stageable,
  type StoreBooks,
  segmentOf,
  stageablesOf,
} from './segments.ts';
import type { PoolState } from './state.ts';

/** A prefetch that has failed is tried again after so long. */
const STAGE_AGAIN_MS = 30_000;

/**
 * A start is about to need the files of the combo: what is in the store has been used, what is not is ordered to be
 * staged, with room made for it. What can have no room there is read from its source, as if there were no store.
 */
export function stageFor(
  state: PoolState,
  entries: readonly Stageable[],
  wanted: Pick<Extract<PoolEffect, { type: 'stageSegment' }>, 'priority' | 'device'>,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const { store } = state;
  if (!store) return;
  for (const entry of entries) {
    const known = store.segments.get(entry.segment);
    if (known) noteSegmentUse(state, known, nowMs);
    if (known?.state === 'staged') continue;
    if (!known && !beginSegment(state, store, entry, entries, nowMs, effects)) continue;
    effects.push({ type: 'stageSegment', entry, ...wanted });
  }
}

/** False when what is in use, and what is needed `together` with it, leaves no room for it. */
function beginSegment(
  state: PoolState,
  store: StoreBooks,
  entry: Stageable,
  together: readonly Stageable[],
  nowMs: number,
  effects: PoolEffect[],
): boolean {
  const { segment: key } = entry;
  const bytes = storedBytesOf(entry);
  const book = bookOf(entry);
  const missing = bytes - (store.budgets[book] - bytesIn(store, book));
  if (!dropUnused(state, store, book, missing, effects, together)) return false;
  const worth = newWorth(state, clockOf(book), assumedMs(bytes), nowMs);
  const times = { sinceMs: nowMs, lastUsedMs: nowMs };
  store.segments.set(key, { key, contentId: null, book, bytes, state: 'staging', worth, ...times });
  return true;
}

/** Of the book, without what is being dropped: that has gone before what is ordered after it is staged. */
function bytesIn({ segments }: StoreBooks, book: SegmentBook): number {
  let bytes = 0;
  for (const segment of new Set(segments.values())) if (segment.book === book) bytes += segment.bytes;
  return bytes;
}

/**
 * The store's pages are host memory, too: what is there and no runner holds anyway is dropped when runners need its room.
 * What a runner maps counts as that runner's.
 */
export function trimStore(state: PoolState, effects: PoolEffect[]): void {
  const { store } = state;
  if (!store || store.segments.size === 0) return;
  const booked = new Set<Segment>();
  for (const [key, segment] of store.segments) if (isBooked(state, key)) booked.add(segment);
  let bytes = 0;
  for (const segment of new Set(store.segments.values())) if (!booked.has(segment)) bytes += segment.bytes;
  const missing = bytes - freeBytes(state);
  if (missing > 0) dropFirst(state, store, unusedSegments(state, store), missing, effects);
}

function unusedSegments(state: PoolState, store: StoreBooks): Segment[] {
  const used = usedSegments(state, store);
  return [...new Set(store.segments.values())].filter((one) => one.state === 'staged' && !used.has(one));
}

/** Drops what nobody uses and is not needed `together`, or nothing when that is not enough. */
function dropUnused(
  state: PoolState,
  store: StoreBooks,
  book: SegmentBook,
  missingBytes: number,
  effects: PoolEffect[],
  together: readonly Stageable[],
): boolean {
  const needed = new Set(together.map(({ segment }) => store.segments.get(segment)));
  const unused = unusedSegments(state, store).filter((one) => one.book === book && !needed.has(one));
  let bytes = 0;
  for (const segment of unused) bytes += segment.bytes;
  if (bytes < missingBytes) return false;
  dropFirst(state, store, unused, missingBytes, effects);
  return true;
}

/** Drops of these, the first to go first, until so much has gone. */
function dropFirst(
  state: PoolState,
  store: StoreBooks,
  unused: readonly Segment[],
  missingBytes: number,
  effects: PoolEffect[],
): void {
  let dropped = 0;
  for (const segment of inOrderOfLeaving(state, unused, (one) => one)) {
    if (dropped >= missingBytes) return;
    dropped += segment.bytes;
    drop(state, store, segment, effects);
  }
}

function drop(state: PoolState, store: StoreBooks, segment: Segment, effects: PoolEffect[]): void {
  const { key, book, bytes } = segment;
  noteEviction(state, clockOf(book), segment);
  for (const [other, one] of store.segments) if (one === segment) store.segments.delete(other);
  store.leaving.set(key, segment);
  effects.push({ type: 'dropSegment', key, book });
  effects.push({ type: 'note', note: 'segment_dropped', detail: { key, book, bytes } });
}

/**
 * What a process of this gateway maps or is about to, and what is pinned: it never leaves by pressure. An adapter's file is
 * read while it is attached and not after.
 */
function usedSegments(state: PoolState, store: StoreBooks): Set<Segment> {
  const used = new Set<Segment>();
  const use = (entry: CatalogueModel | CatalogueAdapter): void => {
    const found = segmentOf(store, entry);
    if (found) used.add(found);
  };
  for (const { model, combos } of state.runners.values()) {
    if (model) use(model);
    for (const slot of combos.values())
      if (slot.state === 'wanted' || slot.state === 'attaching')
        for (const { adapter } of slot.combo.adapters) use(adapter);
  }
  for (const { combo } of state.keeps.values()) for (const entry of stageablesOf(combo)) use(entry);
  for (const combo of stagedPins(state)) for (const entry of stageablesOf(combo)) use(entry);
  return used;
}

function stagedPins({ pins, catalogue }: PoolState): Combo[] {
  const combos: Combo[] = [];
  for (const { level, name } of pins.values()) {
    const pinned = level === 'staged' ? parseCombo(name, [], catalogue) : null;
    if (pinned?.ok) combos.push(pinned.value);
  }
  return combos;
}

/** What is pinned to be staged, and is not, is begun, one that has failed lately not yet. */
export function keepStaged(state: PoolState, nowMs: number, effects: PoolEffect[]): void {
  const { store } = state;
  if (!store || state.pins.size === 0 || state.shuttingDown) return;
  for (const combo of stagedPins(state)) {
    const missing = stageablesOf(combo).filter(({ segment }) => {
      const lostMs = store.lost.get(segment) ?? Number.NEGATIVE_INFINITY;
      return !store.segments.has(segment) && nowMs - lostMs >= STAGE_AGAIN_MS;
    });
    stageFor(state, missing, { priority: 'prefetch', device: homeOf(combo.model) }, nowMs, effects);
  }
}
