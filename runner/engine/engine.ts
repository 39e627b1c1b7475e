/**
 * What the runner needs of an engine that holds one base model and its combos. The llama.cpp engine is the first; a
 * second kind stands beside it by implementing this interface.
 */
import type {
  AttachedCombo,
  DeltaEvent,
  DoneEvent,
  EmbedResult,
  EngineCounters,
  GenerateRequest,
  RejectedEvent,
  ResizedCombo,
  UploadReport,
} from '../../native/addonTypes.ts';
import type { RunnerAdapter, RunnerFailure, RunnerModel } from '../protocol/control.ts';

export interface EngineDevice {
  name: string;
  kind: string;
  totalBytes: number;
  freeBytes: number;
  /** What this process takes of it before it holds anything; null: not known. */
  contextBytes: number | null;
  /** Its place on the PCI bus, as "0000:3b:00.0"; null: not known. */
  busId: string | null;
}

/** The base model that an engine holds. Sizes in bytes, contexts in tokens, of one sequence. */
export interface LoadedBase {
  modelId: string;
  loadMs: number;
  weightBytes: number;
  contextTokens: number;
  trainedContextTokens: number;
  architecture: string;
  supportsTools: boolean;
  vocabularySize: number;
  embeddingLength: number;
  /** How the weights got to a device, for engines that tell. */
  upload?: UploadReport;
}

/** What is left of a base that was put to sleep. */
export interface SleptBase {
  sleepMs: number;
  /** Of its file, mapped in host memory. */
  keptBytes: number;
}

/**
 * Receives what becomes of one generation: `rejected` alone, or `accepted`, deltas and `done`. Plain calls rather than
 * an iterator, because they happen for every token. `batchEnd` follows when everything that came together was given.
 */
export interface GenerationSink {
  accepted(promptTokens: number): void;
  rejected(event: RejectedEvent): void;
  delta(event: DeltaEvent): void;
  done(event: DoneEvent): void;
  batchEnd(): void;
}

/** A failed order, as the control pipe tells it. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly failure: RunnerFailure;

  constructor(failure: RunnerFailure, options?: ErrorOptions) {
    super(failure.message, options);
    this.failure = failure;
  }
}

export interface Engine {
  readonly name: string;
  readonly devices: EngineDevice[];
  /** null: no base is loaded, a standby. */
  readonly base: LoadedBase | null;
  /** The keys of the attached combos. */
  readonly combos: ReadonlySet<string>;
  /** Rejects with an EngineError and may be called again after it. `onProgress` gets 0 to 1. */
  load(model: RunnerModel, onProgress: (fraction: number) => void): Promise<LoadedBase>;
  /** The base that was given back by sleep() and can be loaded again; null: it is awake, or a standby. */
  readonly sleeping: RunnerModel | null;
  /**
   * Gives back the base and all combos. Of the file what had been on a device stays mapped. Rejects with an EngineError,
   * `combo_busy` while a combo has requests. Idempotent.
   */
  sleep(): Promise<SleptBase>;
  /** Idempotent. Rejects with an EngineError. */
  attach(combo: string, adapters: RunnerAdapter[]): Promise<AttachedCombo>;
  /** Idempotent. Rejects with an EngineError, `combo_busy` while the combo has requests. */
  detach(combo: string): Promise<void>;
  /**
   * Gives an attached combo room for so many requests at a time; those that run go on as they are. Rejects with an
   * EngineError, and then nothing has changed.
   */
  resize(combo: string, sequences: number): Promise<ResizedCombo>;
  /** Resolves when nothing of the combo's earlier sizes is left. Rejects with an EngineError when the engine closes. */
  retired(combo: string): Promise<void>;
  setThreads(threads: number): void;
  /** Returns the generation's id at once; the sink is never called before it returned. */
  generate(request: GenerateRequest, sink: GenerationSink): number;
  /** Idempotent. The sink still gets its `done`. */
  cancel(id: number): void;
  /** Rejects with an EngineError. */
  embed(combo: string, inputs: (string | number[])[]): Promise<EmbedResult>;
  counters(): EngineCounters;
  /** Cancels everything and frees everything. Idempotent. */
  close(): Promise<void>;
}
