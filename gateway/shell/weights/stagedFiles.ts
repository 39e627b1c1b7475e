import { basename } from 'node:path';
import type { CatalogueAdapter, CatalogueModel } from '../../domain/catalogue.ts';
import type { AdapterId, ModelId, SegmentKey } from '../../domain/ids.ts';
import type { PoolEvent } from '../../pool/events.ts';
import { bookOf, isStageable, type SegmentBook, type Stageable } from '../../pool/segments.ts';
import type { Log } from '../../ports/log.ts';
import type { OriginFiles } from '../../ports/originFiles.ts';
import {
  type StagedFile,
  StageFailed,
  type StageProgress,
  type WeightStore,
} from '../../ports/weightStore.ts';

/** Where a runner finds the files of an entry. */
export interface FilePlace {
  readonly path: string;
  /** Its lock keeps the file where it is; null: it lies at its source. */
  readonly leasePath: string | null;
  /** null: it came from its source, without the store. */
  readonly staged: StagedFile | null;
}

export interface StagedFilesDeps {
  /** null: there is no store, every file lies at its source. */
  readonly store: WeightStore | null;
  /** Where files behind URIs are on this machine, once they are. */
  readonly origins: OriginFiles;
  readonly dispatch: (event: PoolEvent) => void;
  /** The pool takes it for staged. */
  readonly isStaged: (entry: Stageable) => boolean;
  readonly log: Log;
}

interface Staging {
  readonly file: Promise<StagedFile>;
  readonly listeners: Set<(progress: StageProgress) => void>;
  priority: 'demand' | 'prefetch';
}

/**
 * The pool's orders to the weight store, and the answer to a start's question where its files are. What the store cannot
 * take is read from its source; what is wrong with the source itself fails the start.
 */
export class StagedFiles {
  readonly #deps: StagedFilesDeps;
  readonly #stagings = new Map<SegmentKey, Staging>();
  /** Why an encrypted entry was not staged when it was tried last: a start may ask only after that. */
  readonly #failures = new Map<ModelId | AdapterId, StageFailed>();
  readonly #drops = new Map<SegmentKey, Promise<unknown>>();

  constructor(deps: StagedFilesDeps) {
    this.#deps = deps;
  }

  /** Idempotent while it is under way, but for the priority, which only rises. */
  stage(entry: Stageable, priority: 'demand' | 'prefetch'): void {
    const { store } = this.#deps;
    if (!store) return;
    const underway = this.#stagings.get(entry.segment);
    if (underway && (underway.priority === 'demand' || priority === 'prefetch')) return;
    const staging: Staging = {
      file: this.#put(store, entry, priority, (progress) => {
        for (const listener of staging.listeners) listener(progress);
      }),
      listeners: underway?.listeners ?? new Set(),
      priority,
    };
    this.#stagings.set(entry.segment, staging);
    staging.file.then(
      (file) => this.#staged(entry, staging, file),
      (error: unknown) => this.#failed(entry, staging, error),
    );
  }

  /** What is ordered after it to be staged under the same key waits for its end. */
  drop(key: SegmentKey, book: SegmentBook): void {
    const { store, dispatch, log } = this.#deps;
    if (!store) return;
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
   * Where the runner finds the entry's files: waits for their staging when that is under way. Rejects with StageFailed when
   * the source is bad. Once more when the runner could not lock it: it has gone in between, and is staged anew.
   */
  async place(
    entry: CatalogueModel | CatalogueAdapter,
    onProgress: (progress: StageProgress) => void = () => {},
  ): Promise<FilePlace> {
    const { store, dispatch } = this.#deps;
    if (!store || !isStageable(entry) || !this.#isKnown(entry)) {
      if (entry.isEncrypted) throw this.#failures.get(entry.id) ?? notStaged(entry, store !== null);
      return this.#atSource(entry, onProgress);
    }
    const underway = this.#stagings.get(entry.segment);
    underway?.listeners.add(onProgress);
    try {
      const staged = await (underway?.file ?? this.#put(store, entry, 'demand', onProgress));
      // What the pool took for staged had gone, and is there again.
      if (!underway && staged.detail) this.#tell(entry, staged);
      return { path: staged.path, leasePath: staged.leasePath, staged };
    } catch (error) {
      if (!(error instanceof StageFailed) || !mayReadSource(error, entry)) throw error;
      if (!underway) dispatch({ type: 'segmentLost', key: entry.segment });
      return this.#atSource(entry, onProgress);
    } finally {
      underway?.listeners.delete(onProgress);
    }
  }

  /** Its file is on its way. */
  isUnderWay({ segment }: CatalogueModel | CatalogueAdapter): boolean {
    return segment !== null && this.#stagings.has(segment);
  }

  /** The pool has ordered it to be staged, or takes it for staged: what has no room there is read from its source. */
  #isKnown(entry: Stageable): boolean {
    return this.#stagings.has(entry.segment) || this.#deps.isStaged(entry);
  }

  /** What is behind a URI is brought here for it. */
  async #atSource(
    entry: CatalogueModel | CatalogueAdapter,
    onProgress: (progress: StageProgress) => void,
  ): Promise<FilePlace> {
    const { origins } = this.#deps;
    const { path: source, segment: key, weightBytes: bytes, digest = null } = entry;
    if (!origins.isRemote(source)) return { path: source, leasePath: null, staged: null };
    if (key === null) {
      const why = 'it is split into files behind a URI, expected one file';
      throw new StageFailed('refused', `Cannot bring the weights of "${entry.id}": ${why}`, true);
    }
    const { path } = await origins.bring({ key, source, bytes, digest, priority: 'demand' }, onProgress);
    return { path, leasePath: null, staged: null };
  }

  async #put(
    store: WeightStore,
    entry: Stageable,
    priority: 'demand' | 'prefetch',
    onProgress: (progress: StageProgress) => void,
  ): Promise<StagedFile> {
    await this.#drops.get(entry.segment);
    const { segment: key, path: source, weightBytes: bytes } = entry;
    const order = {
      key,
      book: bookOf(entry),
      source,
      fileName: basename(this.#deps.origins.placeOf(key, source)),
      bytes,
      digest: entry.digest ?? null,
      priority,
    };
    return store.stage(order, onProgress);
  }

  #staged(entry: Stageable, staging: Staging, file: StagedFile): void {
    if (this.#stagings.get(entry.segment) !== staging) return;
    this.#stagings.delete(entry.segment);
    this.#failures.delete(entry.id);
    this.#tell(entry, file);
  }

  #tell({ segment: key }: Stageable, { contentId, detail }: StagedFile): void {
    this.#deps.dispatch({ type: 'segmentStaged', key, contentId, tookMs: detail?.wallMs ?? null });
  }

  #failed({ id, segment: key, isEncrypted }: Stageable, staging: Staging, error: unknown): void {
    if (this.#stagings.get(key) !== staging) return;
    this.#stagings.delete(key);
    if (isEncrypted && error instanceof StageFailed) this.#failures.set(id, error);
    const message = error instanceof Error ? error.message : String(error);
    this.#deps.log.warn({ entry: id, segment: key, error: message }, 'weights could not be staged');
    this.#deps.dispatch({ type: 'segmentLost', key });
  }
}

/** The store is at fault, not the file, and an engine can read that. */
function mayReadSource({ code }: StageFailed, { isEncrypted }: Stageable): boolean {
  return code === 'store_unavailable' && !isEncrypted;
}

function notStaged({ id, path }: CatalogueModel | CatalogueAdapter, hasStore: boolean): StageFailed {
  const expected = hasStore ? 'room in the weight store' : 'a weight store';
  return new StageFailed(
    'refused',
    `Cannot load "${id}": "${path}" is encrypted, expected ${expected}`,
    !hasStore,
  );
}
