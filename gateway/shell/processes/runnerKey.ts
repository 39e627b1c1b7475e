import { createHmac } from 'node:crypto';

/** The key by which this data directory's gateways and one runner know each other; the secret itself leaves no gateway. */
export function runnerKey(secret: string, runnerId: string): string {
  return createHmac('sha256', secret).update(runnerId).digest('base64url');
}
