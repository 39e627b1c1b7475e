import { createHash, randomBytes } from 'node:crypto';

const LIFETIME_MS = 12 * 60 * 60 * 1000;
const MOST_SESSIONS = 64;

/** Somebody who showed the admin token. */
export interface Session {
  /** What every form of its pages has to carry. */
  readonly csrf: string;
  readonly endsAtMonoMs: number;
}

interface Kept extends Session {
  readonly enders: Set<() => void>;
}

/**
 * Who is logged in, in memory: a restart of the gateway logs everybody out. Ids are random and kept as digests only, so
 * that looking one up takes as long whatever of it is right.
 */
export class Sessions {
  readonly #monoMs: () => number;
  readonly #kept = new Map<string, Kept>();

  constructor(monoMs: () => number) {
    this.#monoMs = monoMs;
  }

  /** Makes a session and tells its id, this once. The oldest gives way when there are too many. */
  open(): { readonly id: string; readonly session: Session } {
    this.#forgetOld();
    for (const digest of this.#kept.keys()) {
      if (this.#kept.size < MOST_SESSIONS) break;
      this.#end(digest);
    }
    const id = randomBytes(32).toString('base64url');
    const csrf = randomBytes(32).toString('base64url');
    const session = { csrf, endsAtMonoMs: this.#monoMs() + LIFETIME_MS, enders: new Set<() => void>() };
    this.#kept.set(digestOf(id), session);
    return { id, session };
  }

  /** null: there is none of that id, or its time is over. */
  find(id: string | undefined): Session | null {
    if (id === undefined) return null;
    this.#forgetOld();
    return this.#kept.get(digestOf(id)) ?? null;
  }

  /** Idempotent. */
  close(id: string): void {
    this.#end(digestOf(id));
  }

  /** Calls `ended` once when the session is over, by its time or by whom it is of; until what it returns is called. */
  onEnd(id: string, ended: () => void): () => void {
    const kept = this.#kept.get(digestOf(id));
    if (!kept) {
      ended();
      return () => {};
    }
    const timer = setTimeout(() => this.#forgetOld(), kept.endsAtMonoMs - this.#monoMs() + 1);
    timer.unref();
    kept.enders.add(ended);
    return () => {
      clearTimeout(timer);
      kept.enders.delete(ended);
    };
  }

  #forgetOld(): void {
    const now = this.#monoMs();
    for (const [digest, { endsAtMonoMs }] of this.#kept) if (endsAtMonoMs <= now) this.#end(digest);
  }

  #end(digest: string): void {
    const kept = this.#kept.get(digest);
    this.#kept.delete(digest);
    for (const ended of kept?.enders ?? []) ended();
  }
}

/** In seconds, as cookies have it. */
export const SESSION_SECONDS = LIFETIME_MS / 1000;

function digestOf(id: string): string {
  return createHash('sha256').update(id).digest('base64url');
}
