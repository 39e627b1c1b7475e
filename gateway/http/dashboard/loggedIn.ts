import type { Context } from 'hono';
import type { Failure } from '../../domain/errors.ts';
import { ERROR_TABLE } from '../../domain/errors.ts';
import type { HttpEnv } from '../deps.ts';
import type { Session } from './access/sessions.ts';

/** What a page is made of for somebody who is logged in. */
export type Page = (c: Context<HttpEnv>, session: Session) => Promise<Response> | Response;

/** Makes a handler of it, which shows others the way in. */
export type LoggedIn = (show: Page) => (c: Context<HttpEnv>) => Promise<Response> | Response;

export type PageStatus = 200 | 400 | 401 | 403 | 404 | 409 | 429 | 500;

/** The status of a page that says why not. */
export function statusOf({ code }: Failure): PageStatus {
  const { status } = ERROR_TABLE[code];
  return status === 400 || status === 403 || status === 404 || status === 409 || status === 429
    ? status
    : 500;
}
