import type { SegmentKey } from '../../domain/ids.ts';
import { isStageable, type Segment, type SegmentBook } from '../../pool/segments.ts';
import type { PoolState } from '../../pool/state.ts';
import { type StageReading, shownReading } from './stageMeter.ts';

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
  /** null: it is not being staged. */
  readonly progress: SegmentProgress | null;
}

/** How far a staging is. */
export interface SegmentProgress {
  /** What `bytes` are of: what lies behind a URI is downloaded first. */
  readonly step: 'download' | 'stage';
  readonly bytes: number;
  /** 0: not known yet. */
  readonly total_bytes: number;
  /** Over the last seconds; null: not known yet. */
  readonly bytes_per_second: number | null;
  /** Of this step; null: not known, or nothing comes. */
  readonly seconds_left: number | null;
}

type ReadProgress = (key: SegmentKey) => StageReading | null;

/** What this gateway knows of the store; others of the host may have more there. */
export function segmentViews(state: PoolState, progressOf: ReadProgress): SegmentView[] {
  const { store } = state;
  if (!store) return [];
  const views = [...new Set(store.segments.values())].map((one) =>
    viewOf(state, one, one.state, one.state === 'staging' ? shown(progressOf(one.key)) : null),
  );
  return [...views, ...[...store.leaving.values()].map((one) => viewOf(state, one, 'leaving', null))];
}

function shown(reading: StageReading | null): SegmentProgress | null {
  if (!reading) return null;
  const { step, bytes, totalBytes, bytesPerSecond, secondsLeft } = shownReading(reading);
  return {
    step,
    bytes,
    total_bytes: totalBytes,
    bytes_per_second: bytesPerSecond,
    seconds_left: secondsLeft,
  };
}

function viewOf(
  state: PoolState,
  segment: Segment,
  stage: SegmentView['state'],
  progress: SegmentProgress | null,
): SegmentView {
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
    progress,
  };
}
