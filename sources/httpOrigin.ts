import type { HostAccess } from './credentials.ts';
import { byName, type Origin, type OriginFile, shardNames } from './origin.ts';
import { type Pace, retrying } from './pace.ts';
import { RangedFile } from './rangedFile.ts';
import type { Authorize, Transport } from './transport.ts';
import { shownUrl } from './uri.ts';

/** Attempts of a question about a file, before anything is downloaded. */
const ATTEMPTS = 3;

/** One file of any HTTP server, or all shards of a split model beside it. */
export class HttpOrigin implements Origin {
  readonly uri: string;
  readonly #url: URL;
  readonly #transport: Transport;
  readonly #authorize: Authorize;
  readonly #pace: Pace;
  readonly #files = new Map<string, RangedFile>();

  constructor(url: URL, hosts: Readonly<Record<string, HostAccess>>, transport: Transport, pace: Pace) {
    this.uri = shownUrl(url);
    this.#url = url;
    this.#transport = transport;
    this.#authorize = hostHeaders(hosts);
    this.#pace = pace;
  }

  async files(signal?: AbortSignal): Promise<readonly OriginFile[]> {
    const names = shardNames(this.#ownName());
    const files = await Promise.all(names.map((name) => this.#describe(name, signal)));
    return files.sort(byName);
  }

  read(file: OriginFile, from: number, to: number, signal?: AbortSignal): AsyncIterable<Uint8Array> {
    return this.#file(file.name).read(file, from, to, signal);
  }

  async #describe(name: string, signal: AbortSignal | undefined): Promise<OriginFile> {
    const options = { attempts: ATTEMPTS, pace: this.#pace, signal };
    const { headers: _headers, ...version } = await retrying(() => this.#file(name).version(signal), options);
    return { name, ...version, sha256: null };
  }

  #file(name: string): RangedFile {
    const known = this.#files.get(name);
    if (known) return known;
    const url = new URL(this.#url);
    url.pathname = url.pathname.replace(/[^/]*$/, encodeURIComponent(name));
    const own = name === this.#ownName() ? this.#url : url;
    const file = new RangedFile(own, { transport: this.#transport, authorize: this.#authorize });
    this.#files.set(name, file);
    return file;
  }

  /** The last segment of the path, as a name of a local file. */
  #ownName(): string {
    const last = this.#url.pathname.slice(this.#url.pathname.lastIndexOf('/') + 1);
    try {
      return decodeURIComponent(last).replaceAll(/[/\\\0]/g, '_') || 'file';
    } catch {
      return last || 'file';
    }
  }
}

/** The headers that the configuration has for exactly this host and port: who listens at another port is somebody else. */
export function hostHeaders(hosts: Readonly<Record<string, HostAccess>>): Authorize {
  return ({ url, headers }) => {
    const access = Object.hasOwn(hosts, url.host) ? hosts[url.host] : undefined;
    return access ? { ...headers, ...access.headers } : headers;
  };
}
