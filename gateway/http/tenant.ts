import { createHmac, randomBytes } from 'node:crypto';
import type { ApiKey } from '../domain/apiKey.ts';

/** Of this process alone: what is made of a key here means nothing to anybody else, nor after a restart. */
const SALT = randomBytes(32);

/**
 * Whose request it is, as far as the pool's fairness goes: the id of its API key. While none is required, a salted hash
 * of the credential that it presents, which proves nothing and is never logged or stored.
 */
export function tenantOf(key: ApiKey | null, credential: string | null): string {
  if (key) return key.id;
  if (credential === null) return 'anonymous';
  return createHmac('sha256', SALT).update(credential).digest('base64url');
}
