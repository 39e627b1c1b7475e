import type { CatalogueAdapter, CatalogueModel } from '../domain/catalogue.ts';
import type { Combo } from '../domain/combo.ts';
import type { SegmentKey } from '../domain/ids.ts';
import type { StartKind } from '../domain/phases.ts';
import { anyDevice } from './devices.ts';
import { medianMs, noteDuration } from './durations.ts';
import type { PoolEffect } from './effects.ts';
import type { PoolEvent } from './events.ts';
import { newWorth, noteUse, type Worth } from './eviction.ts';
import { readsSource, segmentMissing } from './pages.ts';
import type { PoolState } from './state.ts';

/** What stagings have taken is in the book of start times under this. */
const STAGING = 'step stage';

/** Bases and adapters have budgets of their own in the weight store. */
export type SegmentBook = 'bases' | 'adapters';

/** What the pool knows of one weight file, or directory, in the weight store. */
export interface Segment {
  readonly key: SegmentKey;
  /** Of what it holds; null: not known yet. Entries of equal files have one segment. */
  contentId: string | null;
  readonly book: SegmentBook;
  readonly bytes: number;
  /** `staging`: nobody can read it yet. */
  state: 'staging' | 'staged';
  /** Since when it is in that state. */
  sinceMs: number;
  worth: Worth;
  lastUsedMs: number;
}

/** The pool's books of the weight store. What is being dropped has left `segments` and is in `leaving` until it has gone. */
export interface StoreBooks {
  readonly budgets: Readonly<Record<SegmentBook, number>>;
  readonly segments: Map<SegmentKey, Segment>;
  readonly leaving: Map<SegmentKey, Segment>;
  /** What could not be staged, and when that was: a prefetch tries it again later. */
  readonly lost: Map<SegmentKey, number>;
}

/** One that the store can hold. */
export type Stageable = (CatalogueModel | CatalogueAdapter) & { readonly segment: SegmentKey };

export function emptyStore(budgets: StoreBooks['budgets']): StoreBooks {
  return { budgets, segments: new Map(), leaving: new Map(), lost: new Map() };
}

/** The entries behind a combo whose files the store can hold: the base first. */
export function stageablesOf({ model, adapters }: Combo): Stageable[] {
  return [model, ...adapters.map(({ adapter }) => adapter)].filter(isStageable);
}

export function isStageable(entry: CatalogueModel | CatalogueAdapter): entry is Stageable {
  return entry.segment !== null;
}

export function isAdapter(entry: CatalogueModel | CatalogueAdapter): entry is CatalogueAdapter & Stageable {
  return 'base' in entry;
}

export function bookOf(entry: CatalogueModel | CatalogueAdapter): SegmentBook {
  return isAdapter(entry) ? 'adapters' : 'bases';
}

/** What the store holds, or is about to hold, of the entry's files. Entries of equal files have one segment. */
export function segmentOf(
  { segments }: StoreBooks,
  { segment }: CatalogueModel | CatalogueAdapter,
): Segment | undefined {
  return segment === null ? undefined : segments.get(segment);
}

/** Its files are in the store, whole and verified. */
export function isStaged({ store }: PoolState, entry: CatalogueModel | CatalogueAdapter): boolean {
  return store !== null && segmentOf(store, entry)?.state === 'staged';
}

/** How a start of the base from nothing is called: where its weights are decides. */
export function loadKind(state: PoolState, model: CatalogueModel): Extract<StartKind, 'staged' | 'cold'> {
  return isStaged(state, model) && !readsSource(state, model, anyDevice(state, model)) ? 'staged' : 'cold';
}

/** What earlier lives of this gateway, or other gateways of this host, have left in the store. */
export function segmentsFound(
  state: PoolState,
  { segments }: Extract<PoolEvent, { type: 'segmentsFound' }>,
  nowMs: number,
): void {
  const { store } = state;
  if (!store) return;
  for (const { key, contentId, book, bytes } of segments) {
    if (store.segments.has(key)) continue;
    const worth = newWorth(state, clockOf(book), assumedMs(bytes), nowMs);
    const times = { sinceMs: nowMs, lastUsedMs: nowMs };
    const found: Segment = { key, contentId, book, bytes, state: 'staged', worth, ...times };
    store.segments.set(key, equalOf(store, found) ?? found);
  }
}

/** It can be read from now on. */
export function segmentStaged(
  state: PoolState,
  { key, contentId, tookMs }: Extract<PoolEvent, { type: 'segmentStaged' }>,
  nowMs: number,
  effects: PoolEffect[],
): void {
  const { store } = state;
  const segment = store?.segments.get(key);
  if (!store || segment?.state !== 'staging') return;
  segment.contentId = contentId;
  segment.state = 'staged';
  segment.sinceMs = nowMs;
  store.lost.delete(key);
  if (tookMs !== null) {
    segment.worth = newWorth(state, clockOf(segment.book), tookMs, nowMs);
    noteDuration(state.startTimes, STAGING, key, tookMs);
  }
  const equal = equalOf(store, segment);
  if (equal) store.segments.set(key, equal);
  const detail = { key, book: segment.book, bytes: segment.bytes, tookMs: tookMs ?? 0 };
  effects.push({ type: 'note', note: 'segment_staged', detail });
}

/** Another one of the same content, whose segment it is. */
function equalOf({ segments }: StoreBooks, own: Segment): Segment | undefined {
  for (const other of segments.values())
    if (other !== own && other.state === 'staged' && other.contentId === own.contentId) return other;
  return undefined;
}

/** It could not be staged, or is not there any more; who needs it reads the source, or has been told. */
export function segmentLost(state: PoolState, key: SegmentKey, nowMs: number, effects: PoolEffect[]): void {
  const { store } = state;
  segmentMissing(state, key);
  if (!store?.segments.delete(key)) return;
  store.lost.set(key, nowMs);
  effects.push({ type: 'note', note: 'segment_lost', detail: { key } });
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

/** How long its staging takes: the median of those before, else at 1 GB/s. */
export function stagingMs({ startTimes }: PoolState, { key, bytes }: Segment): number {
  return medianMs(startTimes, STAGING, key) ?? assumedMs(bytes);
}

/** What a step of a start that reads these may have had to wait for: staging under way, or the end of the last one. */
export function stagingOf(
  { store }: PoolState,
  entries: readonly (CatalogueModel | CatalogueAdapter)[],
): { readonly underWay: Segment | null; readonly endedMs: number } {
  let underWay: Segment | null = null;
  let endedMs = Number.NEGATIVE_INFINITY;
  for (const entry of store ? entries : []) {
    const segment = store && segmentOf(store, entry);
    if (segment?.state === 'staging') underWay ??= segment;
    else if (segment) endedMs = Math.max(endedMs, segment.sinceMs);
  }
  return { underWay, endedMs };
}

/** Until it was measured: at 1 GB/s, as a local disk gives. */
export function assumedMs(bytes: number): number {
  return bytes / 1e6;
}
