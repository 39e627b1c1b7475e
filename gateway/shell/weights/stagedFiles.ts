import { basename } from 'node:path';
import {
  type CatalogueAdapter,
  type CatalogueModel,
  storedBytesOf,
  weightFileOf,
} from '../../domain/catalogue.ts';
import type { AdapterId, DeviceName, ModelId, SegmentKey } from '../../domain/ids.ts';
import type { FileOrigin } from '../../domain/startDetail.ts';
import type { PoolEvent } from '../../pool/events.ts';
import { bookOf, isStageable, type SegmentBook, type Stageable } from '../../pool/segments.ts';
import type { Clock } from '../../ports/clock.ts';
import type { LiveEvents } from '../../ports/eventLog.ts';
import type { Log } from '../../ports/log.ts';
import type { OriginFiles } from '../../ports/originFiles.ts';
import {
  type StagedFile,
  StageFailed,
  type StageOrder,
  type StageProgress,
  type WeightStore,
} from '../../ports/weightStore.ts';
import { StageMeter, type StageReading, shownReading } from './stageMeter.ts';

/** Where a runner finds the files of an entry. */
export interface FilePlace extends FileOrigin {
  readonly path: string;
  /** Its lock keeps the file where it is; null: it lies at its source. */
  readonly leasePath: string | null;
  /** It was still on its way when it was asked for. */
  readonly wasAwaited: boolean;
}

/** Is told of a staging that it waits for, at once and with each step. */
export type StageListener = (meter: StageMeter) => void;

export interface StagedFilesDeps {
  /** null: there is no store, every file lies at its source. */
  readonly store: WeightStore | null;
  /** Where files behind URIs are on this machine, once they are. */
  readonly origins: OriginFiles;
  readonly dispatch: (event: PoolEvent) => void;
  /** The pool takes it for staged. */
  readonly isStaged: (entry: Stageable) => boolean;
  /** Hears of stagings under way, once a second. */
  readonly live: Pick<LiveEvents, 'tell'>;
  readonly clock: Clock;
  readonly log: Log;
}

interface Staging {
  readonly file: Promise<StagedFile>;
  readonly listeners: Set<StageListener>;
  readonly meter: StageMeter;
  priority: 'demand' | 'prefetch';
  toldAtMonoMs: number;
}

/** The last one of a segment that this gateway ordered. */
interface EndedStaging {
  readonly origin: FileOrigin;
  readonly atMonoMs: number;
}

interface Refusal {
  readonly entry: Stageable;
  readonly error: StageFailed;
}

const TELL_EVERY_MS = 1_000;

/**
 * The pool's orders to the weight store, and the answer to a start's question where its files are. What the store cannot
 * take is read from its source; what is wrong with the source itself fails the start.
 */
export class StagedFiles {
  readonly #deps: StagedFilesDeps;
  readonly #stagings = new Map<SegmentKey, Staging>();
  /** Why an entry was not staged when that was tried last, and must not be read from its source: a start may ask only after that. */
  readonly #failures = new Map<ModelId | AdapterId, Refusal>();
  readonly #drops = new Map<SegmentKey, Promise<unknown>>();
  readonly #ended = new Map<SegmentKey, EndedStaging>();
  /** Where what is staged was found last: who reads it locks it, and asks again when it is not there any more. */
  readonly #found = new Map<SegmentKey, StagedFile>();

  constructor(deps: StagedFilesDeps) {
    this.#deps = deps;
  }

  /**
   * Idempotent while it is under way, but for the priority, which only rises. `device`: of the runner that is to read it; null:
   * none, or it is not known yet.
   */
  stage(entry: Stageable, priority: 'demand' | 'prefetch', device: DeviceName | null = null): void {
    const { store } = this.#deps;
    if (!store) return;
    const underway = this.#stagings.get(entry.segment);
    if (underway && (underway.priority === 'demand' || priority === 'prefetch')) return;
    const staging: Staging = {
      file: this.#put(store, entry, { priority, device }, (progress) =>
        this.#progressed(entry, staging, progress),
      ),
      listeners: underway?.listeners ?? new Set(),
      meter: underway?.meter ?? new StageMeter(),
      priority,
      toldAtMonoMs: underway?.toldAtMonoMs ?? Number.NEGATIVE_INFINITY,
    };
    this.#stagings.set(entry.segment, staging);
    staging.file.then(
      (file) => this.#staged(entry, staging, file),
      (error: unknown) => this.#failed(entry, staging, error),
    );
  }

  /** What is ordered after it to be staged waits for its end: it may be the same one, or need its room. */
  drop(key: SegmentKey, book: SegmentBook): void {
    const { store, dispatch, log } = this.#deps;
    if (!store) return;
    this.#ended.delete(key);
    this.#found.delete(key);
    const dropped = store.drop(key, book).then(
      (isGone) => isGone,
      (error: Error) => {
        log.warn({ segment: key, error: error.message }, 'segment could not be dropped');
        return false;
      },
    );
    this.#drops.set(key, dropped);
    void dropped.then((isGone) => {
      if (this.#drops.get(key) === dropped) this.#drops.delete(key);
      dispatch({ type: 'segmentDropped', key, isGone });
    });
  }

  /**
   * Where the runner finds the entry's files: waits for their staging when that is under way. A staging that has ended since the
   * start began, at `sinceMonoMs`, was for it, though nobody had to wait for it. Rejects with StageFailed when the source is bad.
   * Once more, and `wasGone`, when the runner could not lock it: it has gone in between, and is staged anew.
   */
  async place(
    entry: CatalogueModel | CatalogueAdapter,
    sinceMonoMs: number,
    onProgress: StageListener,
    device: DeviceName | null = null,
    wasGone = false,
  ): Promise<FilePlace> {
    const { store, dispatch } = this.#deps;
    if (!store || !isStageable(entry) || !this.#isKnown(entry)) return this.atSource(entry, onProgress);
    const underway = this.#stagings.get(entry.segment);
    const known = underway || wasGone ? undefined : this.#found.get(entry.segment);
    if (known) return this.#placed(entry.segment, { ...known, tier: 'memory', staged: null }, sinceMonoMs);
    underway?.listeners.add(onProgress);
    if (underway) onProgress(underway.meter);
    try {
      const file = await (underway?.file ??
        this.#put(store, entry, { priority: 'demand', device }, this.#metered(onProgress)));
      // What the pool took for staged had gone, and is there again.
      if (!underway && file.staged) this.#tell(entry, file);
      this.#found.set(entry.segment, file);
      return this.#placed(entry.segment, file, sinceMonoMs);
    } catch (error) {
      if (!(error instanceof StageFailed) || !mayReadSource(error, entry)) throw error;
      if (!underway) dispatch({ type: 'segmentLost', key: entry.segment });
      return this.#atSource(entry, onProgress);
    } finally {
      underway?.listeners.delete(onProgress);
    }
  }

  /** Where the runner finds them when it is not to read the weight store. Rejects with StageFailed when it may not, or cannot. */
  async atSource(entry: CatalogueModel | CatalogueAdapter, onProgress: StageListener): Promise<FilePlace> {
    const failure = this.#failureOf(entry);
    if (failure) throw failure;
    if (entry.isEncrypted) throw notStaged(entry, this.#deps.store !== null);
    return this.#atSource(entry, onProgress);
  }

  #placed(key: SegmentKey, { path, leasePath, tier, staged }: StagedFile, sinceMonoMs: number): FilePlace {
    const ended = this.#ended.get(key);
    if (staged === null && ended && ended.atMonoMs >= sinceMonoMs)
      return { path, leasePath, ...ended.origin, wasAwaited: false };
    return { path, leasePath, tier, staged, wasAwaited: staged !== null };
  }

  /** null: its file is not on its way. */
  progressOf(key: SegmentKey): StageReading | null {
    return this.#stagings.get(key)?.meter.read(this.#deps.clock.monoMs()) ?? null;
  }

  /** Where what was staged last under that key came from; null: this gateway has staged nothing. */
  originOf(key: SegmentKey): FileOrigin | null {
    return this.#ended.get(key)?.origin ?? null;
  }

  #failureOf({ id, segment, digest }: CatalogueModel | CatalogueAdapter): StageFailed | null {
    const failure = this.#failures.get(id);
    const isOfIt = failure?.entry.segment === segment && failure.entry.digest === digest;
    return isOfIt ? failure.error : null;
  }

  /** The pool has ordered it to be staged, or takes it for staged: what has no room there is read from its source. */
  #isKnown(entry: Stageable): boolean {
    return this.#stagings.has(entry.segment) || this.#deps.isStaged(entry);
  }

  /** What is behind a URI is brought here for it. */
  async #atSource(entry: CatalogueModel | CatalogueAdapter, onProgress: StageListener): Promise<FilePlace> {
    const { origins } = this.#deps;
    const { path: source, segment: key, weightBytes: bytes, digest = null } = entry;
    const place = { leasePath: null, wasAwaited: false };
    if (!origins.isRemote(source))
      return { ...place, path: weightFileOf(entry), tier: 'origin', staged: null };
    if (key === null) {
      const why = 'it is in several files behind a URI, expected one, or the first of a split model';
      throw new StageFailed('refused', `Cannot bring the weights of "${entry.id}": ${why}`, true);
    }
    const listener = this.#metered(onProgress);
    const wanted = { key, source, bytes, isEncrypted: false, digest, priority: 'demand' } as const;
    const brought = await origins.bring(wanted, (progress) =>
      listener({
        bytes: progress.bytes,
        totalBytes: progress.totalBytes,
        step: 'download',
        fraction: progress.totalBytes === 0 ? 0 : progress.bytes / progress.totalBytes,
      }),
    );
    const { path, isFromOrigin, wallMs } = brought;
    if (!isFromOrigin) return { ...place, path, tier: 'disk', staged: null };
    const staged = { bytes, wallMs, downloadMs: wallMs, work: null };
    return { ...place, path, tier: 'origin', staged, wasAwaited: true };
  }

  #metered(listener: StageListener): (progress: StageProgress) => void {
    const meter = new StageMeter();
    return (progress) => {
      meter.observe(progress, this.#deps.clock.monoMs());
      listener(meter);
    };
  }

  #progressed(entry: Stageable, staging: Staging, progress: StageProgress): void {
    const { clock, live } = this.#deps;
    const nowMonoMs = clock.monoMs();
    if (this.#stagings.get(entry.segment) !== staging) return;
    staging.meter.observe(progress, nowMonoMs);
    for (const listener of staging.listeners) listener(staging.meter);
    if (nowMonoMs - staging.toldAtMonoMs < TELL_EVERY_MS) return;
    staging.toldAtMonoMs = nowMonoMs;
    const reading = shownReading(staging.meter.read(nowMonoMs));
    const detail = { key: entry.segment, entry: entry.id, book: bookOf(entry), ...reading };
    live.tell({ atEpochMs: clock.epochMs(), type: 'segment_staging', detail });
  }

  async #put(
    store: WeightStore,
    entry: Stageable,
    wanted: Pick<StageOrder, 'priority' | 'device'>,
    onProgress: (progress: StageProgress) => void,
  ): Promise<StagedFile> {
    await Promise.all(this.#drops.values());
    const { segment: key, path: source, isEncrypted = false } = entry;
    const place = this.#deps.origins.placeOf(key, source);
    const order = {
      key,
      book: bookOf(entry),
      source,
      fileName: nameInSegment(weightFileOf({ ...entry, path: place }), isEncrypted),
      bytes: storedBytesOf(entry),
      isEncrypted,
      digest: entry.digest ?? null,
      ...wanted,
    };
    return store.stage(order, onProgress);
  }

  #staged(entry: Stageable, staging: Staging, file: StagedFile): void {
    if (this.#stagings.get(entry.segment) !== staging) return;
    this.#stagings.delete(entry.segment);
    this.#failures.delete(entry.id);
    this.#found.set(entry.segment, file);
    this.#tell(entry, file);
  }

  #tell({ segment: key }: Stageable, { contentId, tier, staged }: StagedFile): void {
    this.#ended.set(key, { origin: { tier, staged }, atMonoMs: this.#deps.clock.monoMs() });
    this.#deps.dispatch({ type: 'segmentStaged', key, contentId, tookMs: staged?.wallMs ?? null });
  }

  #failed(entry: Stageable, staging: Staging, error: unknown): void {
    const { id, segment: key, isEncrypted } = entry;
    if (this.#stagings.get(key) !== staging) return;
    this.#stagings.delete(key);
    if (error instanceof StageFailed && (isEncrypted || error.code === 'digest_mismatch'))
      this.#failures.set(id, { entry, error });
    const message = error instanceof Error ? error.message : String(error);
    this.#deps.log.warn({ entry: id, segment: key, error: message }, 'weights could not be staged');
    this.#deps.dispatch({ type: 'segmentLost', key });
  }
}

/** The store is at fault, not the file, and an engine can read that. */
function mayReadSource({ code }: StageFailed, { isEncrypted }: Stageable): boolean {
  return code === 'store_unavailable' && !isEncrypted;
}

/** What is opened there; a container is called by its content. */
function nameInSegment(path: string, isEncrypted: boolean): string {
  return isEncrypted ? basename(path, '.hearth') : basename(path);
}

function notStaged({ id, path }: CatalogueModel | CatalogueAdapter, hasStore: boolean): StageFailed {
  const expected = hasStore ? 'room in the weight store' : 'a weight store';
  return new StageFailed(
    'refused',
    `Cannot load "${id}": "${path}" is encrypted, expected ${expected}`,
    !hasStore,
  );
}
