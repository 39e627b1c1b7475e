import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import {
  type AdoptionTerms,
  adoptHeadersSchema,
  adoptionProof,
  type Challenge,
  isProof,
  LEASE_HEADER,
  NONCE_BYTES,
  NONCE_HEADER,
  PROOF_HEADER,
} from '../protocol/adoption.ts';
import { PROTOCOL_VERSION } from '../protocol/control.ts';

export interface AdoptionDoorOptions {
  readonly runnerId: string;
  /** What the gateway said in `hello`. */
  readonly key: string;
  /** The gateway is gone and the lease runs. */
  readonly isOpen: () => boolean;
}

/** `proof`: the runner's own, for the gateway. `leaseMs`: what the gateway wants from now on. */
export type Admission =
  | { readonly ok: true; readonly proof: string; readonly leaseMs: number }
  | { readonly ok: false; readonly status: 400 | 403 | 409; readonly reason: string };

/** Decides who may take over this runner. It knows no socket; a refused attempt changes nothing but the nonce. */
export class AdoptionDoor {
  readonly #options: AdoptionDoorOptions;
  #nonce: string | null = null;

  constructor(options: AdoptionDoorOptions) {
    this.#options = options;
  }

  /** A new nonce, good for the next attempt; the one before is void. */
  challenge(): Challenge {
    this.#nonce = randomBytes(NONCE_BYTES).toString('base64url');
    return { version: PROTOCOL_VERSION, nonce: this.#nonce };
  }

  admit(headers: IncomingHttpHeaders): Admission {
    const runnerNonce = this.#nonce;
    this.#nonce = null;
    const { runnerId, key, isOpen } = this.#options;
    const parsed = adoptHeadersSchema.safeParse(headers);
    if (!parsed.success) return refuse(400, 'expected a nonce, a lease and a proof');
    if (runnerNonce === null) return refuse(403, 'expected a challenge before it, each for one attempt');
    const { [NONCE_HEADER]: gatewayNonce, [LEASE_HEADER]: leaseMs, [PROOF_HEADER]: given } = parsed.data;
    const terms: AdoptionTerms = { version: PROTOCOL_VERSION, runnerId, runnerNonce, gatewayNonce, leaseMs };
    if (!isProof(given, adoptionProof(key, 'gateway', terms))) return refuse(403, 'the proof is wrong');
    // Asked last: who knows no key does not learn whether a gateway is there.
    if (!isOpen()) return refuse(409, 'its lease does not run');
    return { ok: true, proof: adoptionProof(key, 'runner', terms), leaseMs };
  }
}

function refuse(status: 400 | 403 | 409, why: string): Admission {
  return { ok: false, status, reason: `Cannot adopt the runner: ${why}` };
}
