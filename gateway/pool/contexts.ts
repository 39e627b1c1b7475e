/**
 * The engine's contexts of a combo on a runner. One takes new requests. Its size is fixed when it is made, so that another
 * size is another context: until the requests of the one before have ended both are there.
 */
export interface Contexts {
  /** Requests that may run at the same time. While the combo is narrowed already as many as it will have. */
  sequences: number;
  kvBytes: number;
  computeBytes: number;
  /** Of all bytes here what is on the runner's device, 0 to 1. */
  deviceShare: number;
  /** null: it is to have the size that it has. */
  resize: Resize | null;
  /** Of contexts that were replaced and have not gone yet. */
  retiringBytes: number;
  /** Kept free for the first size of a combo that has more, so that it can always be made smaller again. */
  reserveBytes: number;
  /** Before that it is given no other size. */
  resizeAfterMs: number;
}

/** A context of another size is being made. */
export interface Resize {
  /** Sequences of the context that it replaces. */
  readonly from: number;
  readonly sequences: number;
  readonly sinceMs: number;
  /** Predicted. */
  readonly bytes: number;
}

/** Those of a slot, for another one that takes its place. */
export function contextsOf({
  sequences,
  kvBytes,
  computeBytes,
  deviceShare,
  resize,
  retiringBytes,
  reserveBytes,
  resizeAfterMs,
}: Contexts): Contexts {
  const held = { kvBytes, computeBytes, deviceShare, retiringBytes, reserveBytes };
  return { sequences, ...held, resize, resizeAfterMs };
}

/** Of all contexts of the combo, with the one that is being made and what is kept free for a smaller one. */
export function allContextBytes(contexts: Contexts): number {
  const { kvBytes, computeBytes, resize, retiringBytes, reserveBytes } = contexts;
  return kvBytes + computeBytes + retiringBytes + reserveBytes + (resize?.bytes ?? 0);
}

/** What a context of so many sequences takes, by one that is there: each sequence has its own part of the KV cache. */
export function bytesOfSize(
  { kvBytes, computeBytes, sequences }: Pick<Contexts, 'sequences' | 'kvBytes' | 'computeBytes'>,
  wanted: number,
): number {
  return Math.ceil((kvBytes * wanted) / sequences) + computeBytes;
}
