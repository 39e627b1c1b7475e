/** Branded identifiers. They come only from the parsers here and in combo.ts. */
declare const brand: unique symbol;
type Branded<T extends string> = string & { readonly [brand]: T };

/** A base model's id in the catalogue. */
export type ModelId = Branded<'ModelId'>;
/** A LoRA adapter's id in the catalogue; unique over all bases. */
export type AdapterId = Branded<'AdapterId'>;
/** A combo's canonical name, as `base+adapterA@0.8+adapterB`. */
export type ComboName = Branded<'ComboName'>;
/** What the pool tells combos apart by: the canonical name and the revisions of its base and adapters. */
export type ComboKey = Branded<'ComboKey'>;
export type RunnerId = Branded<'RunnerId'>;
export type RequestId = Branded<'RequestId'>;
/** An API key's id: no secret, and what the ledger and logs call it by. */
export type KeyId = Branded<'KeyId'>;
/** Names a weight file in the state that it is in, known without reading it; 32 hexadecimal digits. */
export type SegmentKey = Branded<'SegmentKey'>;
/** A device as the backend calls it where it sees all of them: `CUDA0`. */
export type DeviceName = Branded<'DeviceName'>;

/** Letters, digits and `._-/`, not starting with a sign, 1 to 128: no `+`, `@`, `:` or space. */
export const ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/;
/** An alias may hold `:` and `@`, which the pattern for ids excludes, since an exact alias wins over splitting. */
export const ALIAS_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._/:@-]{0,127}$/;

/** Takes an id that was checked against ID_PATTERN at an edge. */
export const modelId = (text: string): ModelId => text as ModelId;
export const adapterId = (text: string): AdapterId => text as AdapterId;
export const runnerId = (text: string): RunnerId => text as RunnerId;
export const requestId = (text: string): RequestId => text as RequestId;
export const keyId = (text: string): KeyId => text as KeyId;
/** So many digits of a segment's key are those that the identity of its source begins with. */
export const VERSION_DIGITS = 16;
export const segmentKey = (text: string): SegmentKey => text as SegmentKey;
export const comboName = (text: string): ComboName => text as ComboName;
export const comboKey = (text: string): ComboKey => text as ComboKey;
export const deviceName = (text: string): DeviceName => text as DeviceName;
