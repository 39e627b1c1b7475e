import { join } from 'node:path';
import type { FromStager, StageSource } from '../../../stager/protocol/messages.ts';
import type { SegmentKey } from '../../domain/ids.ts';
import type { StageDetail, StorageTier } from '../../domain/startDetail.ts';
import type { SegmentBook } from '../../pool/segments.ts';
import type { Log } from '../../ports/log.ts';
import type { BroughtFile, OriginFiles } from '../../ports/originFiles.ts';
import type { SealedWeights } from '../../ports/sealedWeights.ts';
import {
  type ByteProgress,
  type FoundSegment,
  type SegmentRow,
  type StagedFile,
  StageFailed,
  type StageFailureCode,
  type StageOrder,
  type StageProgress,
  type WeightStore,
} from '../../ports/weightStore.ts';
import { DiskTier } from './diskTier.ts';
import { SealedStaging, SealedStagingFailed, type StageBody } from './sealedStaging.ts';
import {
  type MemoryTier,
  StagerGone,
  type StagerOrderBody,
  StagerProcess,
  type StagerSettings,
  StagingFailed,
} from './stagerProcess.ts';

type Staged = Extract<FromStager, { type: 'staged' }>;
type OnProgress = (progress: StageProgress) => void;

/** A stager that dies sooner than this after its start is not replaced at once. */
const SOUND_MS = 1_000;

/** The weight store as a stager process keeps it. One that dies is replaced, and what it did is begun again, once. */
export class StagerStore implements WeightStore {
  readonly #settings: StagerSettings;
  readonly #log: Log;
  readonly #disk: DiskTier | null;
  readonly #sealed: SealedStaging;
  readonly #origins: OriginFiles;
  /** Of sources that were found or staged here. */
  readonly #contents = new Map<SegmentKey, string>();
  #process: StagerProcess | null = null;
  #startedAtMs = Number.NEGATIVE_INFINITY;
  #started = 0;
  #closed = false;

  constructor(
    settings: StagerSettings,
    { sealed, origins }: { readonly sealed: SealedWeights; readonly origins: OriginFiles },
    log: Log,
  ) {
    this.#settings = settings;
    this.#origins = origins;
    this.#log = log;
    this.#sealed = new SealedStaging(sealed);
    const order = (body: StagerOrderBody) => this.#stager().order(body);
    this.#disk = settings.disk && new DiskTier(settings.disk, order, this.#sealed, log);
  }

  async stage(order: StageOrder, onProgress: (progress: StageProgress) => void): Promise<StagedFile> {
    try {
      return await this.#stage(order, onProgress);
    } catch (error) {
      if (!(error instanceof StagerGone) || this.#closed) throw failureOf(error);
      this.#log.warn({ source: order.key, error: error.message }, 'stager is replaced');
      return this.#stage(order, onProgress).catch((again: unknown) => {
        throw failureOf(again);
      });
    }
  }

  async drop(key: SegmentKey, book: SegmentBook): Promise<boolean> {
    const contentId = this.#contents.get(key) ?? key;
    const answer = await this.#stager().order({ type: 'evict', tier: 'memory', book, contentId });
    return answer.type === 'evicted' && answer.outcome !== 'busy';
  }

  async find(
    sources: readonly { readonly key: SegmentKey; readonly book: SegmentBook }[],
  ): Promise<FoundSegment[]> {
    const rows = await this.list();
    const byContent = new Map(rows.map((row) => [row.contentId, row]));
    const found: FoundSegment[] = [];
    for (const { key, book } of sources) {
      const answer = await this.#stager().order({ type: 'lookup', book, sourceKey: key });
      const contentId = answer.type === 'found' ? answer.memory : null;
      const row = contentId === null ? undefined : byContent.get(contentId);
      if (!row) continue;
      this.#contents.set(key, row.contentId);
      found.push({ key, ...row });
    }
    return found;
  }

  async list(): Promise<readonly SegmentRow[]> {
    const answer = await this.#stager().order({ type: 'list', tier: 'memory' });
    if (answer.type !== 'listed') return [];
    return answer.segments.map(({ contentId, book, bytes, inUse, encrypted, stagedAtEpochMs }) => {
      return { contentId, book, bytes, inUse, isEncrypted: encrypted, stagedAtEpochMs };
    });
  }

  /** What each book may take of the memory. */
  get budgets(): MemoryTier['budgets'] {
    return this.#settings.memory.budgets;
  }

  get pid(): number | null {
    return this.#process?.pid ?? null;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const process = this.#process;
    process?.stop();
    await this.#origins.close();
    await process?.gone;
  }

  /** A file behind a URI is brought to this machine first, unless the store has it. */
  async #stage(order: StageOrder, onProgress: OnProgress): Promise<StagedFile> {
    if (!this.#origins.isRemote(order.source)) return this.#stageLocal(order, null, onProgress);
    const path = this.#origins.placeOf(order.key, order.source);
    const { memory, disk } = await this.#found(order);
    if (memory !== null || disk !== null) {
      try {
        const left = { path, isFromOrigin: false, wallMs: 0 };
        return await this.#stageLocal({ ...order, source: path }, left, onProgress, memory);
      } catch (error) {
        // It has gone in between, or what the disk tier has is no good.
        if (!(error instanceof StagingFailed)) throw error;
      }
    }
    const brought = await this.#origins.bring(order, (progress) => onProgress(downloading(progress)));
    const wanted = { ...order, source: brought.path };
    try {
      return await this.#stageLocal(wanted, brought, (progress) =>
        onProgress(brought.isFromOrigin ? secondHalf(progress) : progress),
      );
    } catch (error) {
      if (error instanceof StagingFailed && SPOILT.includes(error.failure.code))
        await this.#origins.discard(order.key);
      throw error;
    }
  }

  /** Content ids. */
  async #found({ key, book }: StageOrder): Promise<{ memory: string | null; disk: string | null }> {
    const answer = await this.#stager().order({ type: 'lookup', book, sourceKey: key });
    return answer.type === 'found' ? answer : { memory: null, disk: null };
  }

  /**
   * `brought`: of a file that lay behind a URI, what is left of an earlier download, too; null: it did not. `inMemory`: where
   * nothing need lie at the source any more.
   */
  async #stageLocal(
    order: StageOrder,
    brought: BroughtFile | null,
    onProgress: OnProgress,
    inMemory: string | null = null,
  ): Promise<StagedFile> {
    const stager = this.#stager();
    const onDisk = await this.#disk?.find(order);
    const sources: StageSource[] = [{ kind: 'path', path: order.source }];
    if (inMemory !== null) sources.unshift({ kind: 'segment', tier: 'memory', contentId: inMemory });
    if (onDisk) sources.unshift({ kind: 'segment', tier: 'disk', contentId: onDisk });
    const { key, book, priority, digest, device } = order;
    const place = device === null ? undefined : this.#settings.places.get(device);
    const wanted = { type: 'stage', tier: 'memory', book, sources, sourceKey: key, priority } as const;
    const ordered = (body: StageBody) =>
      stager.order(body, ({ bytes, readyBytes }) =>
        onProgress(staging({ bytes: readyBytes, totalBytes: bytes })),
      );
    const body = {
      ...wanted,
      ...(digest === null ? {} : { digest }),
      ...(place && { numaNode: place.node }),
    };
    const answer = await this.#sealed.stage(ordered, body, order.source);
    if (answer.type !== 'staged') throw new StagerGone(`Cannot stage weights: answered "${answer.type}"`);
    // A runner takes a lock of its own; one that comes too late has it staged again.
    void stager.order({ type: 'release', leaseId: answer.leaseId }).catch(() => {});
    this.#contents.set(key, answer.contentId);
    if (answer.outcome === 'staged' && answer.from === 'path') this.#disk?.keep(order, answer);
    return fileOf(order, answer, brought);
  }

  /** The living one, or a new one. */
  #stager(): StagerProcess {
    if (this.#closed) throw new StagerGone('Cannot stage weights: the gateway is shutting down');
    if (this.#process) return this.#process;
    const nowMs = performance.now();
    if (nowMs - this.#startedAtMs < SOUND_MS && this.#started > 1)
      throw new StagerGone('Cannot stage weights: the stager has died again and again');
    this.#startedAtMs = nowMs;
    this.#started += 1;
    const started = new StagerProcess(this.#settings, this.#started);
    this.#process = started;
    void started.gone.then((how) => {
      if (this.#process === started) this.#process = null;
      if (!this.#closed) this.#log.warn({ how }, 'stager has gone');
    });
    for (const tier of this.#disk ? (['memory', 'disk'] as const) : (['memory'] as const))
      void started.order({ type: 'sweep', tier }).catch(() => {});
    return started;
  }
}

/** The bytes come twice: over the network, and into the store. */
function downloading(progress: ByteProgress): StageProgress {
  return { ...bytesOf(progress), step: 'download', fraction: shareOf(progress) / 2 };
}

function secondHalf(progress: StageProgress): StageProgress {
  return { ...progress, fraction: 0.5 + progress.fraction / 2 };
}

function staging(progress: ByteProgress): StageProgress {
  return { ...bytesOf(progress), step: 'stage', fraction: shareOf(progress) };
}

function bytesOf({ bytes, totalBytes }: ByteProgress): ByteProgress {
  return { bytes, totalBytes };
}

function shareOf({ bytes, totalBytes }: ByteProgress): number {
  return totalBytes === 0 ? 0 : Math.min(1, bytes / totalBytes);
}

/** `brought`: of a file that lay behind a URI. */
function fileOf(order: StageOrder, answer: Staged, brought: BroughtFile | null): StagedFile {
  const { path, contentId, outcome, bytes } = answer;
  return {
    // Of a single file: as it is called there. An equal one may have come first, and an encrypted one loses its ending.
    path: join(path, answer.fileName ?? order.fileName),
    leasePath: join(path, '.lease'),
    contentId,
    bytes,
    tier: outcome === 'present' ? 'memory' : tierOf(answer, brought),
    staged: outcome === 'present' ? null : detailOf(order, answer, brought),
  };
}

/** Of a path the catalogue's place, or what an earlier download has left on this machine's disk. */
function tierOf({ from }: Staged, brought: BroughtFile | null): StorageTier | null {
  if (from !== 'path') return from;
  return brought === null || brought.isFromOrigin ? 'origin' : 'disk';
}

function detailOf(order: StageOrder, answer: Staged, brought: BroughtFile | null): StageDetail {
  const { from, bytes, totalMs, threads, readMs, encrypted, decodeMs, verifyMs } = answer;
  const downloadMs = brought?.isFromOrigin ? brought.wallMs : null;
  return {
    bytes: from === null ? order.bytes : bytes,
    wallMs: (downloadMs ?? 0) + totalMs,
    downloadMs,
    work: from === null ? null : { threads, readMs, decryptMs: encrypted ? decodeMs : null, verifyMs },
  };
}

/** What was brought here is of no use: the next start has to bring it again. */
const SPOILT = [
  'digest_mismatch',
  'chunk_damaged',
  'truncated',
  'trailing_bytes',
  'bad_header',
  'not_a_container',
];

/** What the stager's codes mean to a start. */
const CODES: Readonly<Record<string, StageFailureCode>> = {
  store_full: 'store_unavailable',
  store_failed: 'store_unavailable',
  store_unsafe: 'store_unavailable',
  out_of_memory: 'store_unavailable',
  cancelled: 'cancelled',
  digest_mismatch: 'digest_mismatch',
  source_missing: 'source_unreadable',
  source_unreadable: 'source_unreadable',
  source_changed: 'source_unreadable',
  source_unsafe: 'refused',
  encrypted_stays: 'refused',
  key_required: 'key_unavailable',
  wrong_key: 'key_unavailable',
};

function failureOf(error: unknown): StageFailed {
  if (error instanceof StageFailed) return error;
  if (error instanceof StagingFailed) {
    const { code, message, permanent } = error.failure;
    const meant = CODES[code] ?? 'damaged';
    // "The source may be used as it is" holds for plain ones alone.
    const isRefused = meant === 'store_unavailable' && error instanceof SealedStagingFailed;
    return new StageFailed(isRefused ? 'refused' : meant, message, permanent);
  }
  const message = error instanceof Error ? error.message : String(error);
  return new StageFailed('store_unavailable', message, false);
}
