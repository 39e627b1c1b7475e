import type { CatalogueAdapter, CatalogueModel } from '../../domain/catalogue.ts';
import type { SegmentKey } from '../../domain/ids.ts';
import type { PoolEvent } from '../../pool/events.ts';
import { bookOf, type SegmentBook, type Stageable } from '../../pool/segments.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import { StageFailed, type StagedFile, type StageProgress, type WeightStore } from '../../ports/weightStore.ts';

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
  readonly dispatch: (event: PoolEvent) => void;
  readonly clock: Clock;
  readonly log: Log;
}

interface Staging {
  readonly file: Promise<StagedFile>;
  progress: StageProgress | null;
  readonly beganMonoMs: number;
  priority: 'demand' | 'prefetch';
}

/**
 * The pool's orders to the weight store, and the answer to a start's question where its files are. What the store cannot
 * take is read from its source; what is wrong with the source itself fails the start.
 */
export class StagedFiles {
  readonly #deps: StagedFilesDeps;
  readonly #stagings = new Map<SegmentKey, Staging>();
  readonly #drops = new Map<SegmentKey, Promise<unknown>>();

  constructor(deps: StagedFilesDeps) {
    this.#deps = deps;
  }

  /** Idempotent while it is under way, but for the priority, which only rises. */
  stage(entry: Stageable, priority: 'demand' | 'prefetch'): void {
    const { store, clock } = this.#deps;
    if (!store) return;
    const underway = this.#stagings.get(entry.segment);
    if (underway && (underway.priority === 'demand' || priority === 'prefetch')) return;
    const staging: Staging = {
      file: this.#put(store, entry, priority, (progress) => {
        staging.progress = progress;
      }),
      progress: underway?.progress ?? null,
      beganMonoMs: underway?.beganMonoMs ?? clock.monoMs(),
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
  async place(entry: CatalogueModel | CatalogueAdapter): Promise<FilePlace> {
    const atSource = { path: entry.path, leasePath: null, staged: null };
    const { store } = this.#deps;
    if (!store || entry.segment === null) return atSource;
    const file = this.#stagings.get(entry.segment)?.file ?? this.#find(store, entry as Stageable);
    try {
      const staged = await file;
      return { path: staged.path, leasePath: staged.leasePath, staged };
    } catch (error) {
      if (!(error instanceof StageFailed) || !mayReadSource(error)) throw error;
      return atSource;
    }
  }

  /** Of what is on its way; null: it is there, or nobody has ordered it. */
  progress({ segment }: CatalogueModel | CatalogueAdapter): StageProgress | null {
    return segment === null ? null : (this.#stagings.get(segment)?.progress ?? null);
  }

  /** Since when it is on its way, on the monotonic clock; null: it is not. */
  beganMonoMs({ segment }: CatalogueModel | CatalogueAdapter): number | null {
    return segment === null ? null : (this.#stagings.get(segment)?.beganMonoMs ?? null);
  }

  /** It is in the store by all that is known: asked for again it is found, or staged anew when it has gone in between. */
  #find(store: WeightStore, entry: Stageable): Promise<StagedFile> {
    return this.#put(store, entry, 'demand', () => {});
  }

  async #put(
    store: WeightStore,
    entry: Stageable,
    priority: 'demand' | 'prefetch',
    onProgress: (progress: StageProgress) => void,
  ): Promise<StagedFile> {
    await this.#drops.get(entry.segment);
    const { segment: key, path: source, weightBytes: bytes, digest } = entry;
    return store.stage({ key, book: bookOf(entry), source, bytes, digest, priority }, onProgress);
  }

  #staged({ segment: key }: Stageable, staging: Staging, { detail }: StagedFile): void {
    if (this.#stagings.get(key) !== staging) return;
    this.#stagings.delete(key);
    this.#deps.dispatch({ type: 'segmentStaged', key, tookMs: detail?.wallMs ?? null });
  }

  #failed({ id, segment: key }: Stageable, staging: Staging, error: unknown): void {
    if (this.#stagings.get(key) !== staging) return;
    this.#stagings.delete(key);
    const message = error instanceof Error ? error.message : String(error);
    this.#deps.log.warn({ entry: id, segment: key, error: message }, 'weights could not be staged');
    this.#deps.dispatch({ type: 'segmentLost', key });
  }
}

/** The store is at fault, not the file. */
function mayReadSource({ code }: StageFailed): boolean {
  return code === 'store_unavailable';
}
