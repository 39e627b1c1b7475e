import type { Combo } from '../domain/combo.ts';
import { parseCombo } from '../domain/combo.ts';
import type { SegmentKey } from '../domain/ids.ts';
import type { PoolEffect } from './effects.ts';
import { inOrderOfLeaving, newWorth, noteEviction } from './eviction.ts';
import {
  assumedMs,
  bookOf,
  clockOf,
  noteSegmentUse,
  type Segment,
  type SegmentBook,
  type Stageable,
  type StoreBooks,
  stageablesOf,
} from './segments.ts';
import type { PoolState } from './state.ts';

/**
 * A start is about to need the files of the combo: what is in the store has been used, what is not is ordered to be
 * staged, with room made for it. What can have no room there is read from its source, as if there were no store.
 */
export function stageFor(
  state: PoolState,
  entries: readonly Stageable[],
  priority: 'demand' | 'prefetch',
  nowMs: number,
  effects: PoolEffect[],
): void {
  const { store } = state;
  if (!store) return;
  for (const entry of entries) {
    const known = store.segments.get(entry.segment);
    if (known) noteSegmentUse(state, known, nowMs);
    if (known?.state === 'staged') continue;
    if (!known && !beginSegment(state, store, entry, nowMs, effects)) continue;
    effects.push({ type: 'stageSegment', entry, priority });
  }
}

/** The same for a whole combo, base and adapters. */
export function stageCombo(
  state: PoolState,
  combo: Combo,
  priority: 'demand' | 'prefetch',
  nowMs: number,
  effects: PoolEffect[],
): void {
  stageFor(state, stageablesOf(combo), priority, nowMs, effects);
}

/** False when what is in use leaves no room for it. */
function beginSegment(
  state: PoolState,
  store: StoreBooks,
  entry: Stageable,
  nowMs: number,
  effects: PoolEffect[],
): boolean {
  const { segment: key, weightBytes: bytes } = entry;
  const book = bookOf(entry);
  const missing = bytes - (store.budgets[book] - bytesIn(store, book));
  if (!dropUnused(state, store, book, missing, effects)) return false;
  const worth = newWorth(state, clockOf(book), assumedMs(bytes), nowMs);
  store.segments.set(key, { key, book, bytes, state: 'staging', worth, lastUsedMs: nowMs });
  return true;
}

/** Of the book, without what is being dropped: that has gone before what is ordered after it is staged. */
export function bytesIn({ segments }: StoreBooks, book: SegmentBook): number {
  let bytes = 0;
  for (const segment of segments.values()) if (segment.book === book) bytes += segment.bytes;
  return bytes;
}

/** Of all that is in the store and nobody uses: memory that is free for whoever needs it. */
export function unusedBytes(state: PoolState): number {
  let bytes = 0;
  if (!state.store) return bytes;
  const used = usedSegments(state);
  for (const { key, bytes: own } of state.store.segments.values()) if (!used.has(key)) bytes += own;
  return bytes;
}

/** Drops what nobody uses, the first to go first, or nothing when that is not enough. */
export function dropUnused(
  state: PoolState,
  store: StoreBooks,
  book: SegmentBook | null,
  missingBytes: number,
  effects: PoolEffect[],
): boolean {
  if (missingBytes <= 0) return true;
  const used = usedSegments(state);
  const unused: Segment[] = [];
  let bytes = 0;
  for (const segment of store.segments.values()) {
    if (segment.state !== 'staged' || used.has(segment.key)) continue;
    if (book !== null && segment.book !== book) continue;
    unused.push(segment);
    bytes += segment.bytes;
  }
  if (bytes < missingBytes) return false;
  let dropped = 0;
  for (const segment of inOrderOfLeaving(state, unused, (one) => one)) {
    if (dropped >= missingBytes) break;
    dropped += segment.bytes;
    drop(state, store, segment, effects);
  }
  return true;
}

function drop(state: PoolState, store: StoreBooks, segment: Segment, effects: PoolEffect[]): void {
  const { key, book, bytes } = segment;
  noteEviction(state, clockOf(book), segment);
  store.segments.delete(key);
  store.leaving.set(key, segment);
  effects.push({ type: 'dropSegment', key, book });
  effects.push({ type: 'note', note: 'segment_dropped', detail: { key, book, bytes } });
}

/**
 * What a process of this gateway maps or is about to, and what is pinned: it never leaves by pressure. An adapter's file is
 * read while it is attached and not after.
 */
export function usedSegments(state: PoolState): Set<SegmentKey> {
  const used = new Set<SegmentKey>();
  const use = ({ segment }: { readonly segment: SegmentKey | null }): void => {
    if (segment !== null) used.add(segment);
  };
  for (const { model, combos } of state.runners.values()) {
    if (model) use(model);
    for (const slot of combos.values())
      if (slot.state === 'wanted' || slot.state === 'attaching')
        for (const { adapter } of slot.combo.adapters) use(adapter);
  }
  for (const { combo } of state.keeps.values()) for (const entry of stageablesOf(combo)) use(entry);
  for (const { level, name } of state.pins.values()) {
    const pinned = level === 'staged' ? parseCombo(name, [], state.catalogue) : null;
    if (pinned?.ok) for (const entry of stageablesOf(pinned.value)) use(entry);
  }
  return used;
}
