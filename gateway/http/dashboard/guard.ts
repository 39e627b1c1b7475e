import { randomBytes } from 'node:crypto';
import type { Context } from 'hono';
import { fail, type Result } from '../../domain/errors.ts';
import type { HttpDeps, HttpEnv } from '../deps.ts';
import { giveLogin, giveSession, loginIdOf, sessionIdOf, takeSession } from './access/cookies.ts';
import { readForm } from './access/form.ts';
import { LoginThrottle } from './access/loginThrottle.ts';
import { isEqual, isFromOurPages, loginToken } from './access/sameOrigin.ts';
import { type Session, Sessions } from './access/sessions.ts';

/** What a login came to; `problem` is for the person. */
export type LoginOutcome =
  | { readonly ok: true }
  | { readonly ok: false; readonly status: 401 | 403 | 429; readonly problem: string };

const FOREIGN = 'Cannot take that form: this gateway did not make it for this browser, or it is too old';

/** Who may see and change what: the admin token for a session cookie, and a token in every form. */
export class Guard {
  readonly #deps: HttpDeps;
  readonly #sessions: Sessions;
  readonly #throttle: LoginThrottle;
  readonly #secret = randomBytes(32);

  constructor(deps: HttpDeps) {
    this.#deps = deps;
    this.#sessions = new Sessions(() => deps.clock.monoMs());
    this.#throttle = new LoginThrottle(() => deps.clock.monoMs());
  }

  /** null: nobody is logged in. */
  session(c: Context<HttpEnv>): Session | null {
    return this.#sessions.find(sessionIdOf(c));
  }

  /** Calls `ended` when the request's session is over; until what it returns is called. */
  onEnd(c: Context<HttpEnv>, ended: () => void): () => void {
    return this.#sessions.onEnd(sessionIdOf(c) ?? '', ended);
  }

  /** The token of a login form for this browser, which gets a cookie to show with it. */
  loginForm(c: Context<HttpEnv>): string {
    const id = loginIdOf(c) ?? randomBytes(32).toString('base64url');
    giveLogin(c, id);
    return loginToken(this.#secret, id);
  }

  async logIn(c: Context<HttpEnv>): Promise<LoginOutcome> {
    const form = await readForm(c, this.#deps.limits);
    const id = loginIdOf(c);
    const isOurs =
      form.ok &&
      isFromOurPages(c) &&
      id !== undefined &&
      isEqual(form.value.get('csrf') ?? '', loginToken(this.#secret, id));
    if (!isOurs) return { ok: false, status: 403, problem: `${FOREIGN}. Try again.` };
    const address = this.#deps.clientAddress(c.env?.incoming) ?? 'unknown';
    const waitMs = this.#throttle.waitMs(address);
    if (waitMs > 0) return tooMany(c, waitMs);
    if (!isEqual((form.value.get('token') ?? '').trim(), this.#deps.adminToken)) {
      this.#throttle.failed(address);
      this.#deps.log.warn({ address }, 'dashboard login refused');
      this.#deps.credentialRefused('admin', 'invalid_api_key');
      return { ok: false, status: 401, problem: 'That is not the admin token.' };
    }
    this.#throttle.succeeded(address);
    giveSession(c, this.#sessions.open().id);
    return { ok: true };
  }

  logOut(c: Context<HttpEnv>): void {
    const id = sessionIdOf(c);
    if (id !== undefined) this.#sessions.close(id);
    takeSession(c);
  }

  /** The fields of a form that changes something. `permission_denied` unless this session's page sent it. */
  async form(c: Context<HttpEnv>, session: Session): Promise<Result<URLSearchParams>> {
    const form = await readForm(c, this.#deps.limits);
    if (!form.ok) return form;
    const isOurs = isFromOurPages(c) && isEqual(form.value.get('csrf') ?? '', session.csrf);
    return isOurs ? form : fail('permission_denied', FOREIGN);
  }
}

function tooMany(c: Context<HttpEnv>, waitMs: number): LoginOutcome {
  const seconds = Math.ceil(waitMs / 1000);
  c.header('retry-after', String(seconds));
  return { ok: false, status: 429, problem: `Too many wrong tokens. Try again in ${seconds} s.` };
}
