import { createHash, timingSafeEqual } from 'node:crypto';
import type { Context, Next } from 'hono';
import { fail } from '../../domain/errors.ts';
import type { HttpDeps, HttpEnv } from '../deps.ts';
import { sendFailure } from '../respond.ts';

type AdminDoor = Pick<HttpDeps, 'adminToken' | 'clientAddress' | 'credentialRefused' | 'log'>;

/** Lets only the admin token through, before anything else is looked at. Compares digests in constant time. */
export function adminAuth(deps: AdminDoor) {
  const expected = digest(deps.adminToken);
  return async (c: Context<HttpEnv>, next: Next): Promise<Response | void> => {
    const given = /^Bearer +(\S+) *$/i.exec(c.req.header('authorization') ?? '')?.[1];
    if (given !== undefined && timingSafeEqual(digest(given), expected)) return next();
    const message = 'Cannot use the admin API: expected the admin token in "Authorization: Bearer"';
    const { error } = fail('invalid_api_key', message);
    const address = deps.clientAddress(c.env?.incoming);
    deps.log.warn({ requestId: c.get('requestId'), address }, 'admin token refused');
    deps.credentialRefused('admin', error.code);
    c.header('www-authenticate', 'Bearer');
    return sendFailure(c, error);
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
