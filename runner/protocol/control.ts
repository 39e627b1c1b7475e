/**
 * The control protocol between the gateway and a runner: one JSON object per line over a duplex pipe (file
 * descriptor 3 of the child). Both ends validate. Requests carry `seq`; exactly one answer with the same `seq` follows.
 *
 * A runner speaks first with `ready`, after it got `hello`. Versions must be equal: gateway and runner ship together. On
 * the pipe of a gateway that adopts it (adoption.ts) it speaks first with `adopted`, and there is no `hello`.
 */
import * as z from 'zod';

export const PROTOCOL_VERSION = 6;

const seq = z.int().nonnegative();
const durationMs = z.number().nonnegative();
const bytes = z.int().nonnegative();

/** A model as a runner loads it. Units: tokens, bytes, layers. */
export const runnerModelSchema = z.object({
  id: z.string(),
  /** The catalogue's word for this state of the model; the runner keeps it for the gateway that adopts it. */
  revision: z.string(),
  path: z.string(),
  /** A file whose shared lock keeps `path` in its place, for as long as the model is used; absent: it lies at its source. */
  leasePath: z.string().optional(),
  /** Context of one sequence; 0: what the model was trained with. */
  contextTokens: z.int().nonnegative(),
  sequences: z.int().min(1).max(256),
  threads: z.int().min(1),
  /** Layers on the device; -1: all. */
  deviceLayers: z.int().min(-1),
  /** The one that they go to, as this process calls it; null: none, they stay in host memory. */
  device: z.string().nullable(),
  useMmap: z.boolean(),
  repack: z.boolean(),
  kvBudgetBytes: bytes.nullable(),
  chatTemplate: z.string().optional(),
});
export type RunnerModel = z.infer<typeof runnerModelSchema>;

export const runnerAdapterSchema = z.object({
  id: z.string(),
  path: z.string(),
  /** As of a model, while it is read. */
  leasePath: z.string().optional(),
  scale: z.number(),
});
export type RunnerAdapter = z.infer<typeof runnerAdapterSchema>;

/** Gateway to runner. */
export const toRunnerSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('hello'),
    version: z.int(),
    runnerId: z.string(),
    /** Where the runner serves HTTP; at most 107 bytes. It makes the socket with mode 0600. */
    socketPath: z.string(),
    /** How long the runner outlives its gateway. */
    leaseMs: durationMs,
    /** What the gateway that adopts this runner has to know (adoption.ts). Kept in memory alone. */
    adoptionKey: z.string().min(32),
    /** What the gateway calls the one device that this process sees, kept for the gateway that adopts it; null: none. */
    device: z.string().nullable(),
  }),
  z.object({ type: z.literal('load'), seq, model: runnerModelSchema }),
  /** Gives back the base and all combos and stays; no request may run. */
  z.object({ type: z.literal('sleep'), seq }),
  /** Loads the base that it had when it was put to sleep. */
  z.object({ type: z.literal('wake'), seq, threads: z.int().min(1) }),
  z.object({
    type: z.literal('attach'),
    seq,
    /** The pool's key of the combo, revision included; requests name it in `x-hearth-combo`. */
    combo: z.string(),
    adapters: z.array(runnerAdapterSchema),
  }),
  z.object({ type: z.literal('detach'), seq, combo: z.string() }),
  /** Room for so many requests of the combo at a time; those that run go on as they are. */
  z.object({ type: z.literal('resize'), seq, combo: z.string(), sequences: z.int().min(1).max(256) }),
  /** Is answered when nothing of the combo's earlier sizes is left, and holds up no other order. */
  z.object({ type: z.literal('retire'), seq, combo: z.string() }),
  z.object({ type: z.literal('threads'), seq, threads: z.int().min(1) }),
  z.object({ type: z.literal('ping'), seq }),
  /** Finish what runs for at most `graceMs`, then exit 0. No answer. */
  z.object({ type: z.literal('shutdown'), graceMs: durationMs }),
]);
export type ToRunner = z.infer<typeof toRunnerSchema>;

/** What a runner of an earlier version does not count. Sums may grow past what a whole number holds exactly. */
const laterCount = z.number().nonnegative().default(0);

export const runnerCountersSchema = z.object({
  requests: z.int(),
  cancelledRequests: z.int(),
  promptTokens: z.int(),
  decodedTokens: z.int(),
  maxTokensAfterCancel: z.int(),
  decodeCalls: z.int(),
  adapterSwitches: z.int(),
  activeSequences: z.int(),
  waitingRequests: z.int(),
  embeddings: z.int(),
  progress: z.int(),
  contexts: z.int(),
  kvBytes: bytes,
  threads: z.int(),
  residentBytes: bytes,
  batchTokens: laterCount,
  possibleBatchTokens: laterCount,
  batchSequences: laterCount,
  possibleBatchSequences: laterCount,
  kvCellSteps: laterCount,
  possibleKvCellSteps: laterCount,
  kvCells: laterCount,
  usedKvCells: laterCount,
});
export type RunnerCounters = z.infer<typeof runnerCountersSchema>;

/** Why an order failed. `permanent`: the same order would fail again (a bad file). */
export const runnerFailureSchema = z.object({
  code: z.string(),
  message: z.string(),
  permanent: z.boolean(),
});
export type RunnerFailure = z.infer<typeof runnerFailureSchema>;

/** How a load's weights got to a device (UploadReport of native/addonTypes.ts). Times in milliseconds. */
export const uploadSchema = z.object({
  tensors: z.int(),
  bytes,
  plainBytes: bytes,
  lanes: z.int(),
  ringBytes: bytes,
  openMs: durationMs,
  copyMs: durationMs,
  drainMs: durationMs,
  checkMs: durationMs,
  checked: z.boolean(),
  differing: z.int(),
  /** Why the device got nothing by the threads. */
  plainReason: z.string().optional(),
});
export type UploadReport = z.infer<typeof uploadSchema>;

const engineSchema = z.object({
  name: z.string(),
  devices: z.array(
    z.object({
      name: z.string(),
      kind: z.string(),
      totalBytes: bytes,
      freeBytes: bytes,
      /** What this process itself takes of it before it holds anything; null: not known. */
      contextBytes: bytes.nullable(),
      /** Its place on the PCI bus, as "0000:3b:00.0"; null: not known. A runner of an earlier version does not say. */
      busId: z.string().nullable().default(null),
    }),
  ),
});

/** What is on the device of a context's `kvBytes` and `computeBytes`, and of the base's weights; null: there is none. */
const onDevice = z.object({ contextBytes: bytes, weightBytes: bytes }).nullable();

/** A combo that a runner holds, as `attached` or the last `resized` told it. */
export const heldComboSchema = z.object({
  combo: z.string(),
  sequences: z.int().min(1),
  kvBytes: bytes,
  computeBytes: bytes,
  onDevice,
});
export type HeldCombo = z.infer<typeof heldComboSchema>;

/** Runner to gateway. */
export const fromRunnerSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('ready'),
    version: z.int(),
    pid: z.int(),
    engine: engineSchema,
  }),
  /** What an adopted runner holds. It is idle, and orders of the gateway before are carried out. */
  z.object({
    type: z.literal('adopted'),
    pid: z.int(),
    engine: engineSchema,
    /** A load that the gateway before ordered is still under way. */
    isLoading: z.boolean(),
    /** As `hello` said it. */
    device: z.string().nullable(),
    /** It has given back `model`, of whose file `keptBytes` are mapped. */
    isAsleep: z.boolean(),
    keptBytes: bytes,
    /** As it was ordered; null: no base is loaded. */
    model: runnerModelSchema.nullable(),
    weightBytes: bytes,
    threads: z.int().nonnegative(),
    combos: z.array(heldComboSchema),
  }),
  /** 0 to 1 of a load under way. */
  z.object({ type: z.literal('progress'), seq, fraction: z.number().min(0).max(1) }),
  z.object({
    type: z.literal('loaded'),
    seq,
    loadMs: durationMs,
    weightBytes: bytes,
    contextTokens: z.int(),
    trainedContextTokens: z.int(),
    architecture: z.string(),
    supportsTools: z.boolean(),
    /** Absent: the engine does not tell. */
    upload: uploadSchema.optional(),
  }),
  /** `keptBytes`: of its file, mapped, so that waking reads it from memory. */
  z.object({ type: z.literal('slept'), seq, sleepMs: durationMs, keptBytes: bytes }),
  z.object({
    type: z.literal('attached'),
    seq,
    combo: z.string(),
    attachMs: durationMs,
    contextMs: durationMs,
    ownContext: z.boolean(),
    kvBytes: bytes,
    computeBytes: bytes,
    onDevice,
  }),
  /** New requests have the new context; `kvBytes` and `computeBytes` are its own. */
  z.object({
    type: z.literal('resized'),
    seq,
    combo: z.string(),
    resizeMs: durationMs,
    sequences: z.int().min(1),
    kvBytes: bytes,
    computeBytes: bytes,
  }),
  z.object({ type: z.literal('done'), seq }),
  z.object({ type: z.literal('failed'), seq, failure: runnerFailureSchema }),
  z.object({ type: z.literal('pong'), seq, counters: runnerCountersSchema }),
]);
export type FromRunner = z.infer<typeof fromRunnerSchema>;
