/**
 * Every way in which a source fails, by its code. `transient`: the same request may work later, so it is tried again and
 * what was known of the source stays in use meanwhile.
 */
export const SOURCE_FAILURES = {
  /** The text is no source that we know. */
  invalid_uri: { transient: false },
  not_found: { transient: false },
  /** No credentials, or such as may not read it. */
  forbidden: { transient: false },
  /** Another version lies there than the one that was asked for. */
  changed: { transient: false },
  too_large: { transient: false },
  /** The local disk is full. */
  no_space: { transient: false },
  /** The local file system failed in another way. */
  io: { transient: false },
  /** Everything arrived, and it is not what its digest says. */
  digest_mismatch: { transient: false },
  /** The server answered with what nobody asked for. */
  bad_answer: { transient: false },
  /** Not reached, cut off, stalled, too many requests or a server's own failure. */
  network: { transient: true },
  cancelled: { transient: false },
} as const satisfies Record<string, { readonly transient: boolean }>;

export type SourceFailureCode = keyof typeof SOURCE_FAILURES;

/**
 * An expected failure of a source. Its message names the source without query, user or password; the cause, when kept,
 * is not for people. `retryAfterMs` is what the server asked for.
 */
export class SourceError extends Error {
  readonly code: SourceFailureCode;
  readonly retryAfterMs: number | undefined;

  constructor(
    code: SourceFailureCode,
    message: string,
    more: { readonly cause?: unknown; readonly retryAfterMs?: number | undefined } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = 'SourceError';
    this.code = code;
    this.retryAfterMs = more.retryAfterMs;
  }

  get isTransient(): boolean {
    return SOURCE_FAILURES[this.code].transient;
  }
}

/** Codes of the system for a disk or a quota that is full. */
const FULL = ['ENOSPC', 'EDQUOT', 'EFBIG'];

/** What a call to the local file system threw, as a failure of `action` ('write "/a/b"'). */
export function localFailure(action: string, error: unknown): SourceError {
  if (error instanceof SourceError) return error;
  const code = codeOf(error);
  if (FULL.includes(code)) {
    return new SourceError('no_space', `Cannot ${action}: the disk is full (${code})`, { cause: error });
  }
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new SourceError('not_found', `Cannot ${action}: there is no such file`, { cause: error });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new SourceError('forbidden', `Cannot ${action}: not allowed for this user`, { cause: error });
  }
  return new SourceError('io', `Cannot ${action}: ${code || String(error)}`, { cause: error });
}

/** The system's or undici's code of an error, or of what caused it; empty when it has none. */
export function codeOf(error: unknown): string {
  for (let at = error, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth += 1) {
    if ('code' in at && typeof at.code === 'string') return at.code;
  }
  return '';
}
