import { SourceError } from './errors.ts';
import type { OriginFile } from './origin.ts';
import {
  type Answer,
  type Authorize,
  badAnswer,
  connectionFailure,
  discard,
  drain,
  type HeaderMap,
  type Transport,
} from './transport.ts';
import { shownUrl } from './uri.ts';

/** What a server says of a file. */
export type FileVersion = Omit<OriginFile, 'name' | 'sha256'> & { readonly headers: HeaderMap };

export interface RangedFileOptions {
  readonly transport: Transport;
  readonly authorize: Authorize;
  /** Of whom messages speak. */
  readonly shown?: string;
  /** false where the ETag is of whoever serves the bytes (the hub's redirects), and the URL names one version. */
  readonly comparesEtag?: boolean;
  /** How the version is asked for; by a read of one byte unless given, which works where HEAD does not. */
  readonly probe?: 'HEAD';
}

/** One file behind one URL: its version, and its bytes by range. Where redirects led to is asked again until it refuses. */
export class RangedFile {
  readonly #url: URL;
  readonly #options: RangedFileOptions;
  readonly #shown: string;
  #target: URL | null = null;

  constructor(url: URL, options: RangedFileOptions) {
    this.#url = url;
    this.#options = options;
    this.#shown = options.shown ?? shownUrl(url);
  }

  async version(signal?: AbortSignal): Promise<FileVersion> {
    const isHead = this.#options.probe === 'HEAD';
    const answer = isHead ? await this.#ask('HEAD', {}, signal) : await this.#firstByte(signal);
    await drain(answer.body);
    this.#refuseCoding(answer);
    const { status, headers } = answer;
    const total = status === 206 ? rangeOf(headers)?.total : lengthOf(headers);
    if (total === undefined) throw this.#bad('no length');
    return {
      bytes: total,
      etag: headers['etag'] ?? null,
      modifiedAtEpochMs: modifiedOf(headers),
      ranges: isHead ? headers['accept-ranges'] !== 'none' : status === 206,
      headers,
    };
  }

  /** See `Origin.read`. */
  async *read(file: OriginFile, from: number, to: number, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    if (from >= to) return;
    const whole = from === 0 && to === file.bytes;
    const answer = await this.#ask('GET', whole ? {} : { range: `bytes=${from}-${to - 1}` }, signal);
    let at = from;
    try {
      this.#refuseCoding(answer);
      this.#checkVersion(answer, file);
      if (!whole) this.#checkRange(answer, from, to);
      for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
        at += chunk.length;
        if (at > to) throw this.#bad(`more than the ${to - from} bytes that were asked for`);
        yield chunk;
      }
    } catch (error) {
      throw connectionFailure({ url: this.#url, shown: this.#shown, signal }, error);
    } finally {
      discard(answer.body);
    }
    if (at < to) {
      throw new SourceError(
        'network',
        `Cannot read "${this.#shown}": cut off after ${at - from} of ${to - from} bytes`,
      );
    }
  }

  #firstByte(signal: AbortSignal | undefined): Promise<Answer> {
    return this.#ask('GET', { range: 'bytes=0-0' }, signal).catch((error: unknown) => {
      // No byte to be read: an empty file (RFC 9110, 15.5.17).
      if (error instanceof SourceError && error.code === 'changed') return this.#ask('GET', {}, signal);
      throw error;
    });
  }

  async #ask(method: 'GET' | 'HEAD', headers: HeaderMap, signal: AbortSignal | undefined): Promise<Answer> {
    const { transport, authorize } = this.#options;
    const ask = { method, headers, authorize, signal, shown: this.#shown } as const;
    if (this.#target) {
      try {
        return await transport.send({ ...ask, url: this.#target });
      } catch (error) {
        // A signed address that has run out, say: the way to a new one leads over the first.
        this.#target = null;
        const isRefused = error instanceof SourceError && !error.isTransient && error.code !== 'cancelled';
        if (!isRefused) throw error;
      }
    }
    const answer = await transport.send({ ...ask, url: this.#url });
    this.#target = answer.url.href === this.#url.href ? null : answer.url;
    return answer;
  }

  #checkVersion({ status, headers }: Answer, file: OriginFile): void {
    const total = status === 206 ? rangeOf(headers)?.total : lengthOf(headers);
    if (total !== undefined && total !== file.bytes) {
      throw this.#changed(`expected ${file.bytes} bytes, got ${total}`);
    }
    if (this.#options.comparesEtag === false) return;
    const { etag = null } = headers;
    if (file.etag !== null && etag !== file.etag) throw this.#changed('its ETag is another one');
    const modified = modifiedOf(headers);
    if (file.etag === null && file.modifiedAtEpochMs !== null && modified !== file.modifiedAtEpochMs) {
      throw this.#changed('its time of modification is another one');
    }
  }

  #checkRange({ status, headers }: Answer, from: number, to: number): void {
    if (status !== 206) throw this.#bad('the whole file in place of a range');
    const range = rangeOf(headers);
    if (range?.from !== from || range.to !== to) throw this.#bad('another range than the one asked for');
  }

  #refuseCoding({ headers }: Answer): void {
    const coding = headers['content-encoding'] ?? 'identity';
    if (coding !== 'identity') throw this.#bad('encoded content, whose ranges are not those of the file');
  }

  #changed(how: string): SourceError {
    return new SourceError('changed', `Cannot read "${this.#shown}": another version is there now, ${how}`);
  }

  #bad(got: string): SourceError {
    return badAnswer({ url: this.#url, shown: this.#shown }, got);
  }
}

/** `bytes 0-99/1000`, as from, one past the last, and total. */
function rangeOf(headers: HeaderMap): { from: number; to: number; total: number } | undefined {
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(headers['content-range'] ?? '');
  return match ? { from: Number(match[1]), to: Number(match[2]) + 1, total: Number(match[3]) } : undefined;
}

function lengthOf(headers: HeaderMap): number | undefined {
  const text = headers['content-length'] ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function modifiedOf(headers: HeaderMap): number | null {
  const epochMs = Date.parse(headers['last-modified'] ?? '');
  return Number.isFinite(epochMs) ? epochMs : null;
}
