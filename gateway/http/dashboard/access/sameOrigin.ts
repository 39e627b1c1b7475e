import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Context } from 'hono';
import type { HttpEnv } from '../../deps.ts';

/** Did a page of ours send this? Browsers say by Sec-Fetch-Site or Origin; who says neither is no browser. */
export function isFromOurPages(c: Context<HttpEnv>): boolean {
  const site = c.req.header('sec-fetch-site');
  if (site !== undefined) return site === 'same-origin';
  const origin = c.req.header('origin');
  return origin === undefined || hostOf(origin) === c.req.header('host')?.toLowerCase();
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}

/** The login form's token, for a browser that has no session yet: only who has `secret` can make it of the cookie's id. */
export function loginToken(secret: Buffer, loginId: string): string {
  return createHmac('sha256', secret).update(loginId).digest('base64url');
}

/** Takes as long whatever of it is right. */
export function isEqual(given: string, expected: string): boolean {
  return timingSafeEqual(digest(given), digest(expected));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
