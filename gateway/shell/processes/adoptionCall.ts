import { randomBytes } from 'node:crypto';
import { type ClientRequest, type IncomingMessage, type RequestOptions, request } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  ADOPT_PATH,
  ADOPT_UPGRADE,
  type AdoptionTerms,
  adoptionProof,
  challengeSchema,
  isProof,
  LEASE_HEADER,
  NONCE_BYTES,
  NONCE_HEADER,
  PROOF_HEADER,
} from '../../../runner/protocol/adoption.ts';
import { PROTOCOL_VERSION } from '../../../runner/protocol/control.ts';

/** What a call needs: whom, as whom, and until when. */
export interface AdoptionCall {
  readonly socketPath: string;
  readonly runnerId: string;
  /** Of this runner (`runnerKey`). */
  readonly key: string;
  readonly leaseMs: number;
  readonly signal: AbortSignal;
}

/** The runner answered and does not let us in; `isFinal` when asking again would change nothing. */
export class AdoptionRefused extends Error {
  readonly isFinal: boolean;
  constructor(reason: string, isFinal: boolean) {
    super(reason);
    this.isFinal = isFinal;
  }
}

const MAX_ANSWER_BYTES = 4096;

/**
 * Asks a runner for its control pipe and proves that this gateway may have it. Resolves with the connection, whose other
 * end has proved to be that runner. Rejects with AdoptionRefused, or with what the connection or the signal says.
 */
export async function callForAdoption(call: AdoptionCall): Promise<Duplex> {
  const { runnerId, key, leaseMs } = call;
  const { version, nonce: runnerNonce } = await readChallenge(call);
  if (version !== PROTOCOL_VERSION)
    throw new AdoptionRefused(`protocol version ${version}, expected ${PROTOCOL_VERSION}`, true);
  const gatewayNonce = randomBytes(NONCE_BYTES).toString('base64url');
  const terms: AdoptionTerms = { version, runnerId, runnerNonce, gatewayNonce, leaseMs };
  const { answer, stream } = await upgraded(call, {
    connection: 'Upgrade',
    upgrade: ADOPT_UPGRADE,
    [NONCE_HEADER]: gatewayNonce,
    [LEASE_HEADER]: String(leaseMs),
    [PROOF_HEADER]: adoptionProof(key, 'gateway', terms),
  });
  const proof = answer.headers[PROOF_HEADER];
  if (typeof proof === 'string' && isProof(proof, adoptionProof(key, 'runner', terms))) return stream;
  stream.destroy();
  throw new AdoptionRefused('the runner did not prove that it is ours', true);
}

async function readChallenge(call: AdoptionCall): Promise<{ version: number; nonce: string }> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    begin(call, {}, reject).on('response', resolve);
  });
  const text = await readText(answer);
  if (answer.statusCode !== 200) throw refusal(answer, text);
  const parsed = challengeSchema.safeParse(parseJson(text));
  if (!parsed.success) throw new AdoptionRefused('its challenge is not of the protocol', true);
  return parsed.data;
}

function upgraded(
  call: AdoptionCall,
  headers: Record<string, string>,
): Promise<{ answer: IncomingMessage; stream: Duplex }> {
  return new Promise((resolve, reject) => {
    const calling = begin(call, headers, reject);
    calling.on('upgrade', (answer, stream, head) => {
      // What breaks from now on is for the one who reads the stream.
      stream.on('error', () => {});
      if (head.length > 0) stream.unshift(head);
      resolve({ answer, stream });
    });
    calling.on('response', (answer) => {
      readText(answer).then((text) => reject(refusal(answer, text)), reject);
    });
  });
}

function begin(
  { socketPath, signal }: AdoptionCall,
  headers: Record<string, string>,
  onError: (error: Error) => void,
): ClientRequest {
  const options: RequestOptions = { socketPath, path: ADOPT_PATH, headers, agent: false, signal };
  return request(options).on('error', onError).end();
}

function refusal({ statusCode = 0 }: IncomingMessage, text: string): AdoptionRefused {
  return new AdoptionRefused(`it answered ${statusCode}: ${text.slice(0, 200)}`, statusCode !== 409);
}

async function readText(answer: IncomingMessage): Promise<string> {
  let text = '';
  answer.setEncoding('utf8');
  for await (const chunk of answer) {
    text += chunk as string;
    if (text.length > MAX_ANSWER_BYTES) throw new AdoptionRefused('its answer is too long', true);
  }
  return text;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
