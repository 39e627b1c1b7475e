import type { CatalogueAdapter, CatalogueModel } from '../domain/catalogue.ts';
import type { Combo } from '../domain/combo.ts';
import type { SegmentKey } from '../domain/ids.ts';
import type { StartKind } from '../domain/phases.ts';
import type { PoolEvent } from './events.ts';
import { newWorth, noteUse, type Worth } from './eviction.ts';
import type { PoolState } from './state.ts';

/** Bases and adapters have budgets of their own in the weight store. */
export type SegmentBook = 'bases' | 'adapters';

/** What the pool knows of one weight file, or directory, in the weight store. */
export interface Segment {
  readonly key: SegmentKey;
  readonly book: SegmentBook;
  readonly bytes: number;
  /** `staging`: nobody can read it yet. */
  state: 'staging' | 'staged';
  worth: Worth;
  lastUsedMs: number;
}

/** The pool's books of the weight store. What is being dropped has left `segments` and is in `leaving` until it has gone. */
export interface StoreBooks {
  readonly budgets: Readonly<Record<SegmentBook, number>>;
  readonly segments: Map<SegmentKey, Segment>;
  readonly leaving: Map<SegmentKey, Segment>;
}

/** One that the store can hold. */
export type Stageable = (CatalogueModel | CatalogueAdapter) & { readonly segment: SegmentKey };

export function emptyStore(budgets: StoreBooks['budgets']): StoreBooks {
  return { budgets, segments: new Map(), leaving: new Map() };
}

/** The entries behind a combo whose files the store can hold: the base first. */
export function stageablesOf({ model, adapters }: Combo): Stageable[] {
  return [model, ...adapters.map(({ adapter }) => adapter)].filter(isStageable);
}

export function isStageable(entry: CatalogueModel | CatalogueAdapter): entry is Stageable {
  return entry.segment !== null;
}

export function bookOf(entry: CatalogueModel | CatalogueAdapter): SegmentBook {
  return 'base' in entry ? 'adapters' : 'bases';
}

/** Its files are in the store, whole and verified. */
export function isStaged({ store }: PoolState, { segment }: CatalogueModel | CatalogueAdapter): boolean {
  return segment !== null && store?.segments.get(segment)?.state === 'staged';
}

/** How a start of the base from nothing is called: where its weights are decides. */
export function loadKind(state: PoolState, model: CatalogueModel): Extract<StartKind, 'staged' | 'cold'> {
  return isStaged(state, model) ? 'staged' : 'cold';
}

/** What earlier lives of this gateway, or other gateways of this host, have left in the store. */
export function segmentsFound(
  state: PoolState,
  { segments }: Extract<PoolEvent, { type: 'segmentsFound' }>,
  nowMs: number,
): void {
  for (const { key, book, bytes } of segments) {
    if (!state.store || state.store.segments.has(key)) continue;
    const worth = newWorth(state, book === 'bases' ? 'segments' : 'adapterSegments', assumedMs(bytes), nowMs);
    state.store.segments.set(key, { key, book, bytes, state: 'staged', worth, lastUsedMs: nowMs });
  }
}

/** It can be read from now on. `tookMs`: what it would cost to have it again; null: it was there already. */
export function segmentStaged(
  state: PoolState,
  { key, tookMs }: Extract<PoolEvent, { type: 'segmentStaged' }>,
  nowMs: number,
): void {
  const segment = state.store?.segments.get(key);
  if (segment?.state !== 'staging') return;
  segment.state = 'staged';
  if (tookMs !== null) segment.worth = newWorth(state, clockOf(segment.book), tookMs, nowMs);
}

/** It could not be staged; who needs it reads the source, or has been told. */
export function segmentLost({ store }: PoolState, key: SegmentKey): void {
  store?.segments.delete(key);
}

/** An order to drop it was carried out, or could not be: somebody on this host uses it. */
export function segmentDropped(
  { store }: PoolState,
  { key, isGone }: Extract<PoolEvent, { type: 'segmentDropped' }>,
): void {
  const segment = store?.leaving.get(key);
  if (!store || !segment) return;
  store.leaving.delete(key);
  if (!isGone && !store.segments.has(key)) store.segments.set(key, segment);
}

/** Somebody asks for what it holds. */
export function noteSegmentUse(state: PoolState, segment: Segment, nowMs: number): void {
  segment.lastUsedMs = nowMs;
  noteUse(state, clockOf(segment.book), segment.worth);
}

export function clockOf(book: SegmentBook): 'segments' | 'adapterSegments' {
  return book === 'bases' ? 'segments' : 'adapterSegments';
}

/** Until it was measured: at 1 GB/s, as a local disk gives. */
export function assumedMs(bytes: number): number {
  return bytes / 1e6;
}
