import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import type { HttpEnv } from '../../deps.ts';
import { SESSION_SECONDS } from './sessions.ts';

const SESSION = 'hearth_session';
/** Binds the login form to the browser that it was given to. */
const LOGIN = 'hearth_login';
const LOGIN_SECONDS = 60 * 60;

export const sessionIdOf = (c: Context<HttpEnv>): string | undefined => getCookie(c, SESSION);
export const loginIdOf = (c: Context<HttpEnv>): string | undefined => getCookie(c, LOGIN);

export function giveSession(c: Context<HttpEnv>, id: string): void {
  setCookie(c, SESSION, id, { ...options(c), maxAge: SESSION_SECONDS });
  deleteCookie(c, LOGIN, options(c));
}

export function giveLogin(c: Context<HttpEnv>, id: string): void {
  setCookie(c, LOGIN, id, { ...options(c), maxAge: LOGIN_SECONDS });
}

export function takeSession(c: Context<HttpEnv>): void {
  deleteCookie(c, SESSION, options(c));
}

function options(c: Context<HttpEnv>) {
  return { path: '/dashboard', httpOnly: true, sameSite: 'Strict', secure: isOverTls(c) } as const;
}

/** To the gateway itself, or to a proxy before it: then the browser's own Origin says so. */
function isOverTls(c: Context<HttpEnv>): boolean {
  const socket = c.env?.incoming?.socket;
  if (socket && 'encrypted' in socket && socket.encrypted === true) return true;
  return c.req.header('origin')?.startsWith('https://') === true;
}
