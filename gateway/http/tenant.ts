import { createHmac, randomBytes } from 'node:crypto';

/** Of this process alone: what is made of a key here means nothing to anybody else, nor after a restart. */
const SALT = randomBytes(32);

/**
 * Whose request it is, as far as the pool's fairness goes: a salted hash of the credential that it presents. It proves
 * nothing and is never logged or stored; ids of API keys take its place where keys are required.
 */
export function tenantOf(authorization: string | undefined, apiKey: string | undefined): string {
  const credential = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1] ?? apiKey;
  if (!credential) return 'anonymous';
  return createHmac('sha256', SALT).update(credential).digest('base64url');
}
