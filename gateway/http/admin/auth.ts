import { createHash, timingSafeEqual } from 'node:crypto';
import type { Context, Next } from 'hono';
import { fail } from '../../domain/errors.ts';
import type { HttpEnv } from '../deps.ts';
import { sendFailure } from '../respond.ts';

/** Lets only the admin token through, before anything else is looked at. Compares digests in constant time. */
export function adminAuth(adminToken: string) {
  const expected = digest(adminToken);
  return async (c: Context<HttpEnv>, next: Next): Promise<Response | void> => {
    const given = /^Bearer +(\S+) *$/i.exec(c.req.header('authorization') ?? '')?.[1];
    if (given !== undefined && timingSafeEqual(digest(given), expected)) return next();
    const message = 'Cannot use the admin API: expected the admin token in "Authorization: Bearer"';
    c.header('www-authenticate', 'Bearer');
    return sendFailure(c, fail('invalid_api_key', message).error);
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
