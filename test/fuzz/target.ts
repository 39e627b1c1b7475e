/** Something that reads what others wrote, and must not be hurt by it. */
export interface FuzzTarget {
  /** Inputs that it takes, to begin with. */
  seeds(): Buffer[];
  /** What often stands in inputs, to be put together. */
  readonly words: readonly string[];
  /** Throws, or rejects, when the input hurt. */
  fuzz(bytes: Buffer): void | Promise<void>;
}

/** The errors that a parser may throw say what is wrong; those of the language (RangeError, TypeError) are its own. */
export function rethrowUnlessExpected(error: unknown): void {
  if (!(error instanceof Error) || error.constructor !== Error) throw error;
  if (error.message === '' || error.message.length > 1000) {
    throw new TypeError(`expected a message of 1 to 1000 characters, got ${error.message.length}`);
  }
}
