import { isStageable, type Segment, type SegmentBook } from '../../pool/segments.ts';
import type { PoolState } from '../../pool/state.ts';

/** A segment of the weight store as the admin API shows it. */
export interface SegmentView {
  readonly object: 'segment';
  readonly id: string;
  /** null: not known before it is staged. */
  readonly content_id: string | null;
  readonly book: SegmentBook;
  readonly bytes: number;
  readonly state: 'staging' | 'staged' | 'leaving';
  /** Models and adapters of the catalogue whose file it is. */
  readonly entries: readonly string[];
  /** Runners that have it mapped. */
  readonly runners: readonly string[];
}

/** What this gateway knows of the store; others of the host may have more there. */
export function segmentViews(state: PoolState): SegmentView[] {
  const { store } = state;
  if (!store) return [];
  const views = [...new Set(store.segments.values())].map((one) => viewOf(state, one, one.state));
  return [...views, ...[...store.leaving.values()].map((one) => viewOf(state, one, 'leaving'))];
}

function viewOf(state: PoolState, segment: Segment, stage: SegmentView['state']): SegmentView {
  const { key, contentId, book, bytes } = segment;
  const keys = new Set<string>([key]);
  for (const [other, one] of state.store?.segments ?? []) if (one === segment) keys.add(other);
  const { models, adapters } = state.catalogue;
  const entries = [...models.values(), ...adapters.values()].filter(
    (entry) => isStageable(entry) && keys.has(entry.segment),
  );
  const runners = [...state.runners.values()].filter(
    ({ model }) => model !== null && model.segment !== null && keys.has(model.segment),
  );
  return {
    object: 'segment',
    id: key,
    content_id: contentId,
    book,
    bytes,
    state: stage,
    entries: entries.map(({ id }) => id),
    runners: runners.map(({ id }) => id),
  };
}
