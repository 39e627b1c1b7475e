import type { CatalogueModel } from '../domain/catalogue.ts';
import type { DeviceName, RunnerId, SegmentKey } from '../domain/ids.ts';
import type { PoolState, Runner } from './state.ts';

interface Mapping {
  /** 0: it sleeps, and maps them again when it wakes. */
  readonly bytes: number;
  /** Where it found them is a fact. */
  readonly isLoaded: boolean;
}

/**
 * Pages of a weight file that runners map in host memory: they are there once, however many map them (docs/adr/0019). All of
 * these map the same file: the weight store's segment, or its source.
 */
export interface SharedPages {
  atSource: boolean;
  /** The oldest first; from the order to start until the process has gone. */
  readonly mappings: Map<RunnerId, Mapping>;
  /** Who is booked with them: the first of those that map the most. */
  carrier: RunnerId | null;
  /** What is booked. */
  bytes: number;
}

/** What a start is going to map. */
export interface PagesNeed {
  readonly pages: SharedPages | undefined;
  readonly bytes: number;
}

type Mapper = Pick<Runner, 'id' | 'device'> & { readonly model: CatalogueModel };

/** By which a runner on that device (null: none) shares its weights with others; null: they are its own. */
export function pagesKey(
  { segment, useMmap, repack }: CatalogueModel,
  device: DeviceName | null,
): SegmentKey | null {
  return device === null && useMmap && !repack ? segment : null;
}

/** Those that the runner has among others, or may; undefined: its weights are its own. */
export function pagesOf(
  { pages }: PoolState,
  { id, model }: Pick<Runner, 'id' | 'model'>,
): SharedPages | undefined {
  if (pages.size === 0 || model === null || model.segment === null) return undefined;
  const found = pages.get(model.segment);
  return found?.mappings.has(id) ? found : undefined;
}

/** A start of the base would map what others have from its source, whatever the weight store has. */
export function readsSource(state: PoolState, model: CatalogueModel, device: DeviceName | null): boolean {
  const key = pagesKey(model, device);
  return key !== null && state.pages.get(key)?.atSource === true;
}

/** `bytes`: of the base's weights. `sleeper`: the one that is to wake. null: it shares none. */
export function pagesNeed(
  state: PoolState,
  model: CatalogueModel,
  device: DeviceName | null,
  bytes: number,
  sleeper: Pick<Runner, 'id' | 'model'> | null,
): PagesNeed | null {
  const key = pagesKey(model, device);
  if (key === null || (sleeper && !pagesOf(state, sleeper))) return null;
  return { pages: state.pages.get(key), bytes };
}

/** Of these what is there already, and stays there for it. */
export function bytesThere(need: PagesNeed | null): number {
  return need?.pages ? Math.min(need.bytes, need.pages.bytes) : 0;
}

/** It is going to map so much. Where from is as with those that map the file; the first has it from the store if that takes it. */
export function mapPages(state: PoolState, { id, model, device }: Mapper, bytes: number): void {
  const key = pagesKey(model, device);
  if (key === null) return;
  const known = state.pages.get(key);
  const pages = known ?? newPages(!state.store?.segments.has(key));
  if (!known) state.pages.set(key, pages);
  setMapping(pages, id, { bytes, isLoaded: pages.mappings.get(id)?.isLoaded ?? false });
}

/** A runner of an earlier gateway has mapped so much; others do not map the file from elsewhere (`mapsElsewhere`). */
export function adoptPages(state: PoolState, runner: Mapper, bytes: number, atSource: boolean): void {
  const key = pagesKey(runner.model, runner.device);
  if (key === null) return;
  const pages = state.pages.get(key) ?? newPages(atSource);
  state.pages.set(key, pages);
  setMapping(pages, runner.id, { bytes, isLoaded: true });
}

/** One that has mapped the file from there would share it with none of those that map it now. */
export function mapsElsewhere(
  state: PoolState,
  model: CatalogueModel,
  device: DeviceName | null,
  atSource: boolean,
): boolean {
  const key = pagesKey(model, device);
  const pages = key === null ? undefined : state.pages.get(key);
  return pages !== undefined && pages.atSource !== atSource;
}

/** It has mapped so much. What it had to map from elsewhere than the others is its own. */
export function pagesMapped(
  state: PoolState,
  runner: Pick<Runner, 'id' | 'model'>,
  bytes: number,
  atSource: boolean | undefined,
): void {
  const pages = pagesOf(state, runner);
  if (!pages) return;
  if (atSource !== undefined && pages.atSource !== atSource) {
    if (pages.mappings.size > 1) return unmapPages(state, runner);
    pages.atSource = atSource;
  }
  setMapping(pages, runner.id, { bytes, isLoaded: true });
}

/** It sleeps: it maps nothing until it wakes, and then the same. */
export function pagesAsleep(state: PoolState, runner: Pick<Runner, 'id' | 'model'>): void {
  const pages = pagesOf(state, runner);
  if (pages) setMapping(pages, runner.id, { bytes: 0, isLoaded: true });
}

/** Its process has gone. */
export function unmapPages(state: PoolState, runner: Pick<Runner, 'id' | 'model'>): void {
  const pages = pagesOf(state, runner);
  if (!pages || !runner.model?.segment) return;
  pages.mappings.delete(runner.id);
  findCarrier(pages);
  if (pages.mappings.size === 0) state.pages.delete(runner.model.segment);
}

/** The store does not bring the file: who has not mapped it yet has it from its source, unless others have the segment. */
export function segmentMissing(state: PoolState, key: SegmentKey): void {
  const pages = state.pages.get(key);
  if (pages && ![...pages.mappings.values()].some(({ isLoaded }) => isLoaded)) pages.atSource = true;
}

/** What of a segment is booked with runners, and not with the weight store. */
export function isBooked({ pages }: PoolState, key: SegmentKey): boolean {
  const found = pages.get(key);
  return found !== undefined && !found.atSource && found.bytes > 0;
}

/** All that is booked of shared weights. */
export function sharedBytes({ pages }: PoolState): number {
  let bytes = 0;
  for (const one of pages.values()) bytes += one.bytes;
  return bytes;
}

/** Booked with the runner: all that it shares, or nothing. */
export function carriedBytes(state: PoolState, runner: Pick<Runner, 'id' | 'model'>): number {
  const pages = pagesOf(state, runner);
  return pages?.carrier === runner.id ? pages.bytes : 0;
}

/** Pages that nobody maps any more when all that leave have gone, and no start is about to. */
export function comingPages(state: PoolState, need: PagesNeed | null): number {
  if (state.pages.size === 0) return 0;
  let left: Set<SharedPages> | null = null;
  for (const runner of state.runners.values()) {
    const pages = isLeaving(runner) ? pagesOf(state, runner) : undefined;
    if (pages) left = (left ?? new Set()).add(pages);
  }
  let bytes = 0;
  for (const pages of left ?? []) bytes += pages.bytes - stayingBytes(state, pages, need, isNobody);
  return bytes;
}

/** What more of them when `going` have gone, too; `gone` are counted already. */
export function freedPages(
  state: PoolState,
  going: readonly Runner[],
  gone: (runner: Runner) => boolean,
  need: PagesNeed | null,
): number {
  const [first] = going;
  if (state.pages.size === 0 || !first) return 0;
  if (going.length === 1) return freedBy(state, first, gone, need);
  let bytes = 0;
  for (const pages of new Set(going.map((runner) => pagesOf(state, runner)))) {
    if (!pages) continue;
    const isOut = (runner: Runner): boolean => gone(runner) || going.includes(runner);
    bytes += stayingBytes(state, pages, need, gone) - stayingBytes(state, pages, need, isOut);
  }
  return bytes;
}

/** The same for one, which most often shares with nobody. */
function freedBy(
  state: PoolState,
  going: Runner,
  gone: (runner: Runner) => boolean,
  need: PagesNeed | null,
): number {
  const pages = pagesOf(state, going);
  if (!pages) return 0;
  const isAlone = pages.mappings.size === 1 && need?.pages !== pages;
  if (isAlone) return isLeaving(going) || gone(going) ? 0 : pages.bytes;
  const isOut = (runner: Runner): boolean => runner === going || gone(runner);
  return stayingBytes(state, pages, need, gone) - stayingBytes(state, pages, need, isOut);
}

function isLeaving({ state }: Runner): boolean {
  return state === 'stopping' || state === 'dozing';
}

const isNobody = (): boolean => false;

function stayingBytes(
  state: PoolState,
  pages: SharedPages,
  need: PagesNeed | null,
  isGone: (runner: Runner) => boolean,
): number {
  let most = need?.pages === pages ? bytesThere(need) : 0;
  for (const [id, { bytes }] of pages.mappings) {
    const runner = state.runners.get(id);
    if (bytes <= most || !runner || isLeaving(runner)) continue;
    if (!isGone(runner)) most = bytes;
  }
  return most;
}

function newPages(atSource: boolean): SharedPages {
  return { atSource, mappings: new Map(), carrier: null, bytes: 0 };
}

function setMapping(pages: SharedPages, id: RunnerId, mapping: Mapping): void {
  pages.mappings.set(id, mapping);
  findCarrier(pages);
}

function findCarrier(pages: SharedPages): void {
  pages.carrier = null;
  pages.bytes = 0;
  for (const [id, { bytes }] of pages.mappings) {
    if (bytes <= pages.bytes) continue;
    pages.carrier = id;
    pages.bytes = bytes;
  }
}
