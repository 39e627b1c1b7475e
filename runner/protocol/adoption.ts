/**
 * How the next gateway takes over a runner whose lease runs, over the runner's HTTP socket:
 *
 * 1. `GET /adopt` is answered with the runner's protocol version and a nonce that is good for one attempt.
 * 2. `GET /adopt` with `Upgrade: hearth-control` brings the gateway's nonce, the lease that it wants and its proof. It is
 *    answered 101 with the runner's proof, and the connection is the control pipe from then on; or 403 (wrong proof,
 *    spent nonce), 409 (no lease runs), 400.
 * 3. The runner's first message is `adopted`: what it holds.
 *
 * Both prove that they know the key that the gateway which spawned the runner said in `hello`. Neither the key nor the
 * secret that it is made of passes the socket.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import * as z from 'zod';

export const ADOPT_PATH = '/adopt';
export const ADOPT_UPGRADE = 'hearth-control';

/** Of the upgrade request; node gives header names in lower case. */
export const NONCE_HEADER = 'x-hearth-nonce';
export const LEASE_HEADER = 'x-hearth-lease-ms';
/** Of the upgrade request and of its answer. */
export const PROOF_HEADER = 'x-hearth-proof';

export const NONCE_BYTES = 32;

const nonce = z.string().regex(/^[\w-]{43}$/);
const proof = z.string().regex(/^[\w-]{43}$/);

/** The answer to `GET /adopt`. */
export const challengeSchema = z.object({ version: z.int(), nonce });
export type Challenge = z.infer<typeof challengeSchema>;

/** The headers of the upgrade request that matter. */
export const adoptHeadersSchema = z.object({
  [NONCE_HEADER]: nonce,
  [LEASE_HEADER]: z
    .string()
    .regex(/^\d{1,12}$/)
    .transform(Number),
  [PROOF_HEADER]: proof,
});

/** What both ends of one attempt agree on. */
export interface AdoptionTerms {
  readonly version: number;
  readonly runnerId: string;
  readonly runnerNonce: string;
  readonly gatewayNonce: string;
  readonly leaseMs: number;
}

/** HMAC-SHA256 (RFC 2104) over the terms, base64url. The sides' proofs differ, so that none can be sent back as the other's. */
export function adoptionProof(key: string, side: 'gateway' | 'runner', terms: AdoptionTerms): string {
  const { version, runnerId, runnerNonce, gatewayNonce, leaseMs } = terms;
  const text = JSON.stringify(['hearth-adopt', side, version, runnerId, runnerNonce, gatewayNonce, leaseMs]);
  return createHmac('sha256', key).update(text).digest('base64url');
}

/** Takes the same time whatever is wrong with the proof. */
export function isProof(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
