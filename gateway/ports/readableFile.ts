/** Bytes that are read from anywhere: Node's FileHandle is one. */
export interface ReadableFile {
  /** Fewer than `length` bytes only at the end, or of a source that gives fewer at a time; none at the end alone. */
  read(
    into: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number }>;
}

/** The plaintext of a container of encrypted weights. Rejects with what is wrong with it, as the end of a sentence. */
export interface Plaintext extends ReadableFile {
  readonly sizeBytes: number;
  /** Wipes what was decrypted, and the file's key. The file stays open. */
  close(): void;
}

/** Looks into containers (docs/encrypted-weights.md). */
export interface SealedFiles {
  /**
   * null: the file is none. Nothing is decrypted before it is read. Rejects with what is wrong with the container or its key,
   * as the end of a sentence.
   */
  open(file: ReadableFile, fileBytes: number): Promise<Plaintext | null>;
}
