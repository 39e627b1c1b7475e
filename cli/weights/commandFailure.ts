import { CONTAINER_REFUSALS, type CryptError } from '../../native/cryptTypes.ts';

/** Exit codes of `hearth encrypt`, `decrypt` and `keygen`, beside 0. */
export const EXIT = {
  /** Arguments, files, or where the key comes from. */
  failed: 1,
  /** The container: wrong key, damaged, cut, no container at all. */
  refused: 2,
} as const;

/** An expected failure: told by its message alone (scripts/launch.mjs). */
export class CommandFailure extends Error {
  readonly expected = true;
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** The addon's errors are expected ones; anything else is a bug of ours and keeps its stack. */
export function failureOf(error: unknown): unknown {
  if (!isCryptError(error)) return error;
  const isRefusal = CONTAINER_REFUSALS.some((code) => code === error.code);
  return new CommandFailure(error.message, isRefusal ? EXIT.refused : EXIT.failed);
}

function isCryptError(error: unknown): error is CryptError {
  return error instanceof Error && 'code' in error && typeof error.code === 'string';
}
