/**
 * The whole contract between TypeScript and the native engine addon (native/face, native/core).
 *
 * TypeScript validates first; C++ checks memory safety again and never lets an exception cross. All texts are UTF-8.
 * Every duration is in milliseconds on the monotonic clock. Combo keys are opaque strings given by the caller.
 */

/** Bumped on every change of this file that an older addon cannot serve. */
export const ADDON_VERSION = 6;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface InitialiseOptions {
  /** Directory of the ggml and llama shared libraries; CPU variants are chosen from it by what the CPU has. */
  libraryDir: string;
  /**
   * Cores that the JavaScript thread is kept to from here on, as far as the process may use them; threads that decode leave
   * them when they begin. Empty, or all that there are: it may run anywhere.
   */
  eventLoopCores: readonly number[];
  /** Lines that llama.cpp and ggml print, debug lines left out. They never hold prompts. Called on the JavaScript thread. */
  onLog: (level: LogLevel, text: string) => void;
}

export interface DeviceInfo {
  name: string;
  description: string;
  kind: 'cpu' | 'gpu' | 'integrated' | 'accelerator';
  totalBytes: number;
  freeBytes: number;
  /** What this process took of the device by initialising it; null: the driver does not tell. */
  contextBytes: number | null;
  /** Its place on the PCI bus, as "0000:3b:00.0"; null: it is not on one, or does not tell. */
  busId: string | null;
}

export interface BackendInfo {
  devices: DeviceInfo[];
  /** llama_print_system_info(). */
  systemInfo: string;
  initMs: number;
}

export interface LoadOptions {
  /** A GGUF file. */
  path: string;
  /** Layers put on the device: 0 none, -1 all. */
  deviceLayers: number;
  /** Name of the one device that they go to, weights and contexts alike; null: all stays in host memory. */
  device: string | null;
  /** Decode and batch threads of every context, at least 1. */
  threads: number;
  useMmap: boolean;
  /** llama.cpp's `use_extra_bufts`: repack weights into private memory for CPU speed. */
  repack: boolean;
  /** Context of one sequence, in tokens. 0: what the model was trained with. */
  contextTokens: number;
  /** Sequences of one context that decode at the same time, 1 to 256. */
  sequences: number;
  /** KV memory that all generation contexts may hold together. Past it combos share contexts. null: no bound. */
  kvBudgetBytes: number | null;
  /** A Jinja chat template that replaces the model's own. */
  chatTemplate?: string;
  /** How weights get to a device; `plain` unless said. */
  upload?: UploadMode;
}

/**
 * `plain`: by llama.cpp alone. `trusted`: by several threads through pinned memory (docs/adr/0013). `checked`: the same, and
 * all of it is read back and compared before the model is used; where it differs the model is loaded again, plainly.
 */
export type UploadMode = 'plain' | 'checked' | 'trusted';

export interface UploadReport {
  /** What the threads copied; 0 on the CPU and by the plain path. */
  tensors: number;
  bytes: number;
  /** What else went to the device: small tensors, and types of memory that have no stream. */
  plainBytes: number;
  /** Threads, and pinned memory of all of them. */
  lanes: number;
  ringBytes: number;
  /** Making the ring when it was not made ahead, copying, waiting for the device at the end, reading back. */
  openMs: number;
  copyMs: number;
  drainMs: number;
  checkMs: number;
  /** Everything was read back. */
  checked: boolean;
  /** Pieces that were not what the file has. */
  differing: number;
  /** Why the device could not be used so. */
  plainReason?: string;
}

export interface LoadedModel {
  loadMs: number;
  weightBytes: number;
  architecture: string;
  description: string;
  vocabularySize: number;
  embeddingLength: number;
  trainedContextTokens: number;
  /** Effective context of one sequence, in tokens. */
  contextTokens: number;
  hasChatTemplate: boolean;
  /** The chat template can express tools. */
  supportsTools: boolean;
  upload: UploadReport;
}

export interface AdapterFile {
  /** A GGUF LoRA adapter. */
  path: string;
  scale: number;
}

export interface AttachOptions {
  combo: string;
  adapters: AdapterFile[];
  /** Decode one token in the context before it is announced, so that no request pays for first-use work. */
  warmUp: boolean;
}

export interface AttachedCombo {
  attachMs: number;
  /** Making the context, the warm-up decode included. 0 when the combo shares a context. */
  contextMs: number;
  /** The combo has a context of its own; otherwise it shares one whose adapters are switched between slices. */
  ownContext: boolean;
  kvBytes: number;
  computeBytes: number;
  /** What is on the device of these two, and of the model's weights; null: nothing, or the context is shared. */
  onDevice: { contextBytes: number; weightBytes: number } | null;
}

export interface ResizeOptions {
  combo: string;
  /** Of the combo's new context, 1 to 256. */
  sequences: number;
  /** As for an attach. */
  warmUp: boolean;
}

export interface ResizedCombo {
  resizeMs: number;
  sequences: number;
  /** Of the new context. */
  kvBytes: number;
  computeBytes: number;
}

export interface Sampling {
  /** 0 is greedy. */
  temperature: number;
  topP: number;
  /** 0 takes the whole vocabulary. */
  topK: number;
  minP: number;
  /** null draws one. */
  seed: number | null;
  presencePenalty: number;
  frequencyPenalty: number;
  repeatPenalty: number;
  /** Token id and bias, added to the raw logits. */
  logitBias: [token: number, bias: number][];
}

export type ToolChoice = 'auto' | 'none' | 'required';

/** A conversation for the model's chat template. The JSON texts are in OpenAI's chat completion shapes. */
export interface ChatPrompt {
  kind: 'chat';
  /** Roles system, user, assistant, tool; content a string, null, or a list of text parts. */
  messagesJson: string;
  /** `[{"type":"function","function":{name,description,parameters}}]`; absent without tools. */
  toolsJson?: string;
  toolChoice?: ToolChoice;
  /** Absent: what the template supports, but one call when a call is required. */
  parallelToolCalls?: boolean;
}

/** Text in which special tokens are parsed (the completions endpoint). */
export interface TextPrompt {
  kind: 'text';
  text: string;
}

export interface TokenPrompt {
  kind: 'tokens';
  tokens: number[];
}

export interface GenerateRequest {
  combo: string;
  prompt: ChatPrompt | TextPrompt | TokenPrompt;
  /** null: until the context is full. Cut to what remains of the context. */
  maxTokens: number | null;
  sampling: Sampling;
  /** JSON schema that the output is held to by a grammar; `{}` means any JSON object. */
  jsonSchema?: string;
  /** Matched on the text across token borders; the match and what follows are not returned. */
  stop: string[];
  /** Alternatives per token by raw log-softmax; null: no log probabilities at all; 0: of the chosen token only. */
  topLogprobs: number | null;
}

export type RejectCode =
  | 'context_length_exceeded'
  | 'tools_unsupported'
  | 'chat_template_failed'
  | 'invalid_json_schema'
  | 'invalid_prompt'
  | 'invalid_logit_bias'
  | 'combo_not_attached'
  | 'engine_failed';

export interface TokenAlternative {
  token: string;
  /** The token's own bytes: a token can be a part of a character. */
  bytes: number[];
  logprob: number;
}

export interface TokenLogprob extends TokenAlternative {
  top: TokenAlternative[];
}

export interface ToolCallDelta {
  index: number;
  /** Given once, in the first delta of its index. */
  id?: string;
  name?: string;
  argumentsDelta: string;
}

/** The prompt is templated, tokenised and fits; the request waits for a sequence or decodes. Comes with the event after it. */
export interface AcceptedEvent {
  type: 'accepted';
  id: number;
  promptTokens: number;
  /** What is left for the completion after maxTokens and the context are taken together. */
  maxTokens: number;
}

/** Nothing was decoded and no other event follows. */
export interface RejectedEvent {
  type: 'rejected';
  id: number;
  code: RejectCode;
  /** In house grammar, without content of the prompt. */
  message: string;
  promptTokens?: number;
  contextTokens?: number;
}

/** What one or several tokens added. Several tokens come together when the reader is slower than the decoder. */
export interface DeltaEvent {
  type: 'delta';
  id: number;
  text: string;
  reasoning?: string;
  toolCalls?: ToolCallDelta[];
  logprobs?: TokenLogprob[];
}

export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'cancelled' | 'error';

export interface DoneEvent {
  type: 'done';
  id: number;
  finishReason: FinishReason;
  /** With finishReason `error`. */
  message?: string;
  promptTokens: number;
  completionTokens: number;
  /** Prompt tokens whose KV was reused. */
  cachedTokens: number;
  /** From submit to the sequence, from there to the first token, from there to the end. */
  queueMs: number;
  prefillMs: number;
  decodeMs: number;
}

export type EngineEvent = AcceptedEvent | RejectedEvent | DeltaEvent | DoneEvent;

export interface EngineCounters {
  requests: number;
  cancelledRequests: number;
  promptTokens: number;
  decodedTokens: number;
  /** The most tokens that any one request decoded after it was cancelled. */
  maxTokensAfterCancel: number;
  decodeCalls: number;
  /** Of each decode call, added up: its tokens, those of prompts and those sampled last, and what its context takes at a time. */
  batchTokens: number;
  possibleBatchTokens: number;
  /** Likewise: the sequences that had a token in the call, and those of its context. */
  batchSequences: number;
  possibleBatchSequences: number;
  /** `usedKvCells` and `kvCells` after each decode call, added up. Past 2^53 the last digits go. */
  kvCellSteps: number;
  possibleKvCellSteps: number;
  adapterSwitches: number;
  activeSequences: number;
  waitingRequests: number;
  /** Jobs of embeddings that have not ended. */
  embeddings: number;
  /** Grows while the decode thread gets on: with each round, and on the CPU within one long decode. */
  progress: number;
  contexts: number;
  kvBytes: number;
  /** Places of tokens in the KV caches of these contexts, and those with a token of a running request. */
  kvCells: number;
  usedKvCells: number;
  threads: number;
}

export interface EmbedResult {
  /** One L2-normalised vector of `embeddingLength` floats per input. */
  vectors: Float32Array[];
  /** Tokens per input. */
  tokens: number[];
}

/** A failure that carries a machine-readable code. Rejections of the promises below have this shape. */
export interface NativeError extends Error {
  code:
    | 'model_load_failed'
    | 'adapter_load_failed'
    | 'adapter_mismatch'
    | 'out_of_memory'
    | 'context_failed'
    | 'context_shared'
    | 'context_length_exceeded'
    | 'combo_not_attached'
    | 'combo_busy'
    | 'invalid_argument'
    | 'closed';
}

/** One base model, its combos and the decode thread. Calls that block run on threads of their own. */
export interface NativeEngine {
  /** Pins the memory that an upload needs, ahead of a load, and returns at once. */
  prepareUpload(): void;
  /** Lets go of that and of the mapping that the load has read by, and returns at once. */
  releaseUpload(): void;
  /** Once per engine. `onProgress` gets 0 to 1. */
  load(options: LoadOptions, onProgress?: (fraction: number) => void): Promise<LoadedModel>;
  /** Idempotent for a combo that is attached. */
  attach(options: AttachOptions): Promise<AttachedCombo>;
  /** Frees the combo's context and adapters. Rejects with `combo_busy` while it has requests. */
  detach(combo: string): Promise<void>;
  /**
   * Makes a context of another size for an attached combo, which takes its new requests and those that have no sequence
   * yet; what runs ends in the one before. Idempotent. Rejects with `context_shared` when other combos use the combo's
   * context, with `out_of_memory` past the KV budget; then nothing has changed.
   */
  resize(options: ResizeOptions): Promise<ResizedCombo>;
  /** Resolves when the contexts that resize() has replaced have gone: when their last requests have ended. */
  retired(combo: string): Promise<void>;
  /** Returns at once; what becomes of the request comes as events. Ids grow and are never used again. */
  submit(request: GenerateRequest): number;
  /** Idempotent. The request stops within one decode step and gets its `done` with `cancelled`. */
  cancel(id: number): void;
  /** Mean-pooled and L2-normalised. Each input is a text (special tokens not parsed) or a list of tokens. */
  embed(combo: string, inputs: (string | number[])[]): Promise<EmbedResult>;
  /** Takes effect with the next decode. */
  setThreads(threads: number): void;
  counters(): EngineCounters;
  /** Cancels all, joins the decode thread, frees everything. Idempotent. */
  close(): Promise<void>;
}

/** A file that is mapped, so that its pages are more likely to stay in memory. */
export interface MappedFile {
  readonly bytes: number;
  /** Idempotent. */
  close(): void;
}

export interface EngineAddon {
  readonly addonVersion: number;
  /** Once per process. Throws when the libraries do not fit. */
  initialise(options: InitialiseOptions): BackendInfo;
  /**
   * `onEvents` is called on the JavaScript thread with everything that came since the last call. A request's first
   * delta wakes it at once, later ones at most every `coalesceMs`.
   */
  createEngine(options: { coalesceMs: number; onEvents: (events: EngineEvent[]) => void }): NativeEngine;
  /** Maps the whole file for reading. Throws with `invalid_argument` when it cannot be. */
  mapFile(path: string): MappedFile;
}
