import { Agent, type Dispatcher, request } from 'undici';
import { codeOf, SourceError } from './errors.ts';
import { shownUrl } from './uri.ts';

export interface TransportSettings {
  readonly connectTimeoutMs: number;
  readonly headersTimeoutMs: number;
  /** A connection that brings nothing for so long has stalled. */
  readonly stallTimeoutMs: number;
  /** Idle connections that may be used again. */
  readonly keepAliveMs: number;
}

const DEFAULTS: TransportSettings = {
  connectTimeoutMs: 10_000,
  headersTimeoutMs: 30_000,
  stallTimeoutMs: 30_000,
  keepAliveMs: 30_000,
};

export type HeaderMap = Readonly<Record<string, string>>;

/** Headers with the credentials for one URL, and for that alone: it is asked again after every redirect. */
export type Authorize = (to: {
  readonly method: string;
  readonly url: URL;
  readonly headers: HeaderMap;
}) => HeaderMap | Promise<HeaderMap>;

export interface Ask {
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly url: URL;
  readonly headers?: HeaderMap | undefined;
  readonly body?: string | undefined;
  readonly authorize: Authorize;
  readonly signal?: AbortSignal | undefined;
  /** Of whom messages speak; the URL unless given. */
  readonly shown?: string | undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers: HeaderMap;
  /** Where redirects led to. */
  readonly url: URL;
  /** Must be read to its end or destroyed. */
  readonly body: Dispatcher.ResponseData['body'];
}

const REDIRECTS = [301, 302, 303, 307, 308];
const MOST_REDIRECTS = 5;

/**
 * HTTP for sources: one connection pool, redirects that carry credentials only where they belong, statuses as
 * SourceError. Each call is one attempt.
 */
export class Transport {
  readonly #agent: Agent;

  constructor(settings: Partial<TransportSettings> = {}) {
    const { connectTimeoutMs, headersTimeoutMs, stallTimeoutMs, keepAliveMs } = { ...DEFAULTS, ...settings };
    this.#agent = new Agent({
      connect: { timeout: connectTimeoutMs },
      headersTimeout: headersTimeoutMs,
      bodyTimeout: stallTimeoutMs,
      keepAliveTimeout: keepAliveMs,
    });
  }

  /** An answer with a status below 300; every other one throws. */
  async send(ask: Ask): Promise<Answer> {
    const answer = await this.#follow(ask);
    if (answer.status < 300) return answer;
    await drain(answer.body);
    throw refusal(answer, ask);
  }

  /** Ends all connections, those in use too. */
  close(): Promise<void> {
    return this.#agent.destroy();
  }

  async #follow(ask: Ask): Promise<Answer> {
    let { url } = ask;
    for (let hops = 0; ; hops += 1) {
      const answer = await this.#once(ask, url);
      const { location } = answer.headers;
      if (!REDIRECTS.includes(answer.status) || location === undefined) return answer;
      await drain(answer.body);
      if (hops === MOST_REDIRECTS) throw badAnswer(ask, `more than ${MOST_REDIRECTS} redirects`);
      url = redirectTarget(ask, url, location);
    }
  }

  async #once(ask: Ask, url: URL): Promise<Answer> {
    const { method, body = null, signal = null } = ask;
    const plain = { 'accept-encoding': 'identity', 'user-agent': 'hearth', ...ask.headers };
    const headers = await ask.authorize({ method, url, headers: plain });
    try {
      const answer = await request(url, { method, headers, body, signal, dispatcher: this.#agent });
      return { status: answer.statusCode, headers: flat(answer), url, body: answer.body };
    } catch (error) {
      throw connectionFailure(ask, error);
    }
  }
}

/** What a connection's failure is: the caller's own cancel, or the network's. Keeps no text of the error: it may quote. */
export function connectionFailure(
  { url, shown = shownUrl(url), signal }: Pick<Ask, 'url' | 'shown' | 'signal'>,
  cause: unknown,
): SourceError {
  if (cause instanceof SourceError) return cause;
  if (signal?.aborted) return new SourceError('cancelled', `Cannot read "${shown}": cancelled`);
  return new SourceError('network', `Cannot read "${shown}": ${wordsOf(codeOf(cause))}`);
}

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was cut off',
  ENOTFOUND: 'its host has no address',
  EAI_AGAIN: 'its host has no address now',
  UND_ERR_CONNECT_TIMEOUT: 'it was not reached in time',
  UND_ERR_HEADERS_TIMEOUT: 'it did not answer in time',
  UND_ERR_BODY_TIMEOUT: 'the connection stalled',
  UND_ERR_SOCKET: 'the connection was cut off',
};

function wordsOf(code: string): string {
  const words = WORDS[code];
  if (words) return `${words} (${code})`;
  return `the connection failed${code === '' ? '' : ` (${code})`}`;
}

/** Where a redirect leads. Throws `bad_answer` for what is not followed. */
export function redirectTarget(ask: Pick<Ask, 'url' | 'shown'>, from: URL, location: string): URL {
  if (!URL.canParse(location, from.href)) throw badAnswer(ask, 'a redirect to no URL');
  const to = new URL(location, from);
  if (to.protocol !== 'http:' && to.protocol !== 'https:')
    throw badAnswer(ask, `a redirect to ${to.protocol}`);
  if (from.protocol === 'https:' && to.protocol === 'http:') {
    throw badAnswer(ask, 'a redirect from https to http');
  }
  return to;
}

function refusal({ status, headers }: Answer, ask: Ask): SourceError {
  const { shown = shownUrl(ask.url) } = ask;
  const cannot = (why: string) => `Cannot read "${shown}": ${why} (status ${status})`;
  if (status === 401 || status === 403) {
    return new SourceError('forbidden', cannot('expected credentials that may read it'));
  }
  if (status === 404 || status === 410) return new SourceError('not_found', cannot('there is no such thing'));
  if (status === 412 || status === 416)
    return new SourceError('changed', cannot('another version is there now'));
  if (status === 408 || status === 425 || status === 429 || status >= 500) {
    const retryAfterMs = readRetryAfter(headers['retry-after']);
    const why = status === 429 ? 'too many requests' : 'the server failed';
    return new SourceError('network', cannot(why), { retryAfterMs });
  }
  const region = headers['x-amz-bucket-region'];
  const why = region === undefined ? 'expected a file' : `the bucket is in region "${region}"`;
  return new SourceError('bad_answer', cannot(why));
}

/** RFC 9110, 10.2.3: seconds, or a date. */
function readRetryAfter(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

export function badAnswer(
  { url, shown = shownUrl(url) }: Pick<Ask, 'url' | 'shown'>,
  got: string,
): SourceError {
  return new SourceError('bad_answer', `Cannot read "${shown}": got ${got}`);
}

/** The first of a header that comes more than once; Link alone is kept whole. */
function flat({ headers }: Dispatcher.ResponseData): HeaderMap {
  const one: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue;
    one[name] = Array.isArray(value) ? (name === 'link' ? value.join(', ') : (value[0] ?? '')) : value;
  }
  return one;
}

/** Reads away what is small, so that the connection can be used again; a longer body goes with its connection. */
export async function drain(body: Answer['body']): Promise<void> {
  await body.dump({ limit: 16_384 }).catch(() => {});
}

/** A short body as a whole. */
export async function readBody({ body }: Answer, mostBytes: number, shown: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      bytes += chunk.length;
      if (bytes > mostBytes) break;
      chunks.push(chunk);
    }
  } catch {
    throw new SourceError('network', `Cannot read "${shown}": the connection was cut off`);
  }
  if (bytes <= mostBytes) return Buffer.concat(chunks);
  throw new SourceError('bad_answer', `Cannot read "${shown}": got a list of more than ${mostBytes} bytes`);
}

/** Lets go of a body that may be long; its connection ends with it unless it was read to its end. */
export function discard(body: Answer['body']): void {
  body.on('error', () => {});
  body.destroy();
}
