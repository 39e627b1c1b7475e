import type {
  AttachedCombo,
  BackendInfo,
  EmbedResult,
  EngineAddon,
  EngineCounters,
  EngineEvent,
  GenerateRequest,
  MappedFile,
  NativeEngine,
  ResizedCombo,
  UploadReport,
} from '../../native/addonTypes.ts';
import type { RunnerAdapter, RunnerModel } from '../protocol/control.ts';
import { noUpload, type UploadPlan, type UploadPolicy } from '../upload/uploadChecks.ts';
import { addCounters } from './counters.ts';
import {
  type Engine,
  type EngineDevice,
  EngineError,
  type GenerationSink,
  type LoadedBase,
  type SleptBase,
} from './engine.ts';
import { toEngineError } from './failure.ts';

/** Tokens of a stream that come within this time are sent together; a first token never waits. */
export const COALESCE_MS = 4;

/** Giving back what an upload leaves slows down the making of contexts, which is what follows a load. */
const RELEASE_UPLOAD_AFTER_MS = 1_000;

/** llama.cpp through the native addon. Everything is called on the JavaScript thread. */
export class LlamaEngine implements Engine {
  readonly name = 'llama.cpp';
  readonly devices: EngineDevice[];
  readonly combos: ReadonlySet<string>;
  readonly #attached = new Set<string>();
  readonly #addon: EngineAddon;
  readonly #uploads: UploadPolicy;
  readonly #mostThreads: number;
  readonly #sinks = new Map<number, GenerationSink>();
  #native: NativeEngine;
  #base: LoadedBase | null = null;
  #loadBegun = false;
  /** The last one that was loaded. */
  #model: RunnerModel | null = null;
  #kept: MappedFile | null = null;
  /** Of engines that have gone. */
  #before: EngineCounters | null = null;

  /** `mostThreads`: on how many cores the process is kept, which more threads would only wait for; null: it is not. */
  constructor(
    addon: EngineAddon,
    backend: BackendInfo,
    uploads = noUpload('there is no policy for it'),
    mostThreads: number | null = null,
  ) {
    this.#addon = addon;
    this.#uploads = uploads;
    this.#mostThreads = mostThreads ?? Number.POSITIVE_INFINITY;
    this.#native = this.#create();
    this.combos = this.#attached;
    this.devices = backend.devices.map(({ name, kind, totalBytes, freeBytes, contextBytes, busId }) => ({
      name,
      kind,
      totalBytes,
      freeBytes,
      contextBytes,
      busId,
    }));
    void this.#prepareUpload();
  }

  get base(): LoadedBase | null {
    return this.#base;
  }

  async load(model: RunnerModel, onProgress: (fraction: number) => void): Promise<LoadedBase> {
    if (this.#base !== null) throw alreadyLoaded(model.id, this.#base.modelId);
    this.#loadBegun = true;
    const { id: modelId, revision: _revision, chatTemplate, ...options } = model;
    try {
      const onDevice = options.device !== null && options.deviceLayers !== 0;
      const plan = onDevice ? await this.#uploads.plan() : null;
      const upload = plan?.mode ?? 'plain';
      const loaded = await this.#native.load(
        {
          ...options,
          threads: this.#atMost(options.threads),
          upload,
          ...(chatTemplate === undefined ? {} : { chatTemplate }),
        },
        onProgress,
      );
      this.#uploads.settle(loaded.upload);
      this.#base = { modelId, ...loaded, upload: withReason(loaded.upload, plan) };
      this.#model = model;
      this.#wakeUp();
      return this.#base;
    } catch (error) {
      this.#uploads.settle(null);
      await this.#renew();
      throw toEngineError(error);
    } finally {
      setTimeout(() => this.#native.releaseUpload(), RELEASE_UPLOAD_AFTER_MS).unref();
    }
  }

  get sleeping(): RunnerModel | null {
    return this.#base === null ? this.#model : null;
  }

  /**
   * All of the native engine goes, so that nothing is left of what it held. What was on a device is soonest there again
   * when its file is read from memory: that stays mapped.
   */
  async sleep(): Promise<SleptBase> {
    const startedAtMs = performance.now();
    if (this.#base === null && this.#model === null) throw notLoaded('sleep');
    if (this.#base !== null) {
      const { activeSequences, waitingRequests, embeddings } = this.#native.counters();
      const busy = activeSequences + waitingRequests + embeddings;
      if (busy > 0) throw isBusy(busy);
      if (this.#model && this.#model.device !== null && this.#model.deviceLayers !== 0)
        this.#kept = this.#addon.mapFile(this.#model.path);
      // Taken first: a request must not slip in while the native side frees it all.
      this.#base = null;
      this.#attached.clear();
      await this.#renew();
    }
    return { sleepMs: performance.now() - startedAtMs, keptBytes: this.#kept?.bytes ?? 0 };
  }

  async attach(combo: string, adapters: RunnerAdapter[]): Promise<AttachedCombo> {
    if (this.#base === null) throw notLoaded(`attach combo "${combo}"`);
    const files = adapters.map(({ path, scale }) => ({ path, scale }));
    const attached = await orEngineError(this.#native.attach({ combo, adapters: files, warmUp: true }));
    this.#attached.add(combo);
    return attached;
  }

  async detach(combo: string): Promise<void> {
    if (!this.#attached.has(combo)) return;
    // Taken out first: a request must not slip in while the native side frees it.
    this.#attached.delete(combo);
    try {
      await this.#native.detach(combo);
    } catch (error) {
      this.#attached.add(combo);
      throw toEngineError(error);
    }
  }

  async resize(combo: string, sequences: number): Promise<ResizedCombo> {
    if (this.#base === null) throw notLoaded(`resize combo "${combo}"`);
    return orEngineError(this.#native.resize({ combo, sequences, warmUp: true }));
  }

  retired(combo: string): Promise<void> {
    return orEngineError(this.#native.retired(combo));
  }

  setThreads(threads: number): void {
    this.#native.setThreads(this.#atMost(threads));
  }

  generate(request: GenerateRequest, sink: GenerationSink): number {
    const id = this.#native.submit(request);
    this.#sinks.set(id, sink);
    return id;
  }

  cancel(id: number): void {
    this.#native.cancel(id);
  }

  embed(combo: string, inputs: (string | number[])[]): Promise<EmbedResult> {
    return orEngineError(this.#native.embed(combo, inputs));
  }

  counters(): EngineCounters {
    return addCounters(this.#before, this.#native.counters());
  }

  close(): Promise<void> {
    this.#wakeUp();
    return this.#native.close();
  }

  /** A standby has the time that a load has not. */
  async #prepareUpload(): Promise<void> {
    if ((await this.#uploads.isWanted()) && !this.#loadBegun) this.#native.prepareUpload();
  }

  /** An engine loads once; the next order gets a new one. */
  async #renew(): Promise<void> {
    const last = this.#native;
    this.#before = addCounters(this.#before, last.counters());
    this.#native = this.#create();
    await last.close();
  }

  #atMost(threads: number): number {
    return Math.min(threads, this.#mostThreads);
  }

  #wakeUp(): void {
    this.#kept?.close();
    this.#kept = null;
  }

  #create(): NativeEngine {
    return this.#addon.createEngine({
      coalesceMs: COALESCE_MS,
      onEvents: (events) => this.#dispatch(events),
    });
  }

  #dispatch(events: EngineEvent[]): void {
    const touched = new Set<GenerationSink>();
    for (const event of events) {
      const sink = this.#sinks.get(event.id);
      if (sink === undefined) continue;
      touched.add(sink);
      switch (event.type) {
        case 'delta':
          sink.delta(event);
          break;
        case 'accepted':
          sink.accepted(event.promptTokens);
          break;
        case 'rejected':
          this.#sinks.delete(event.id);
          sink.rejected(event);
          break;
        case 'done':
          this.#sinks.delete(event.id);
          sink.done(event);
          break;
      }
    }
    for (const sink of touched) sink.batchEnd();
  }
}

async function orEngineError<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    throw toEngineError(error);
  }
}

/** Native code does not know why it was told to load plainly. */
function withReason(report: UploadReport, plan: UploadPlan | null): UploadReport {
  return plan?.mode === 'plain' ? { ...report, plainReason: plan.reason } : report;
}

function alreadyLoaded(wanted: string, held: string): EngineError {
  const message = `Cannot load model "${wanted}": the runner already holds "${held}"`;
  return new EngineError({ code: 'already_loaded', message, permanent: true });
}

function isBusy(requests: number): EngineError {
  const message = `Cannot sleep: ${requests} requests run or wait`;
  return new EngineError({ code: 'combo_busy', message, permanent: false });
}

function notLoaded(action: string): EngineError {
  return new EngineError({
    code: 'not_loaded',
    message: `Cannot ${action}: no model is loaded`,
    permanent: false,
  });
}
