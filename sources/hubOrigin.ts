import type { HubAccess } from './credentials.ts';
import { SourceError } from './errors.ts';
import { byName, type Origin, type OriginFile, selection, shardNames } from './origin.ts';
import { type Pace, retrying } from './pace.ts';
import { RangedFile } from './rangedFile.ts';
import { type Ask, type Authorize, readBody, type Transport } from './transport.ts';
import { isSafeName } from './uri.ts';

const ATTEMPTS = 3;
const MOST_FILES = 10_000;
const MOST_ANSWER_BYTES = 64 * 2 ** 20;
const SHA256 = /^[0-9a-f]{64}$/;

interface Snapshot {
  readonly commit: string;
  readonly modifiedAtEpochMs: number | null;
}

/** What the hub's lists say of a path. */
interface HubEntry {
  readonly path: string;
  readonly type: string;
  readonly size: number;
  readonly oid?: string | undefined;
  readonly lfs?: { readonly oid: string; readonly size: number } | undefined;
}

/**
 * Files of a model repository on a hub (huggingface.co/docs/hub/api). The revision is resolved once to a commit, so that
 * all files and parts are of one version; the LFS object id is the file's SHA-256. Questions go through
 * @huggingface/hub over our transport, bytes over `resolve` by range.
 */
export class HubOrigin implements Origin {
  readonly uri: string;
  readonly #place: { readonly repo: string; readonly revision: string; readonly path: string };
  readonly #endpoint: string;
  readonly #transport: Transport;
  readonly #authorize: Authorize;
  readonly #pace: Pace;
  readonly #files = new Map<string, RangedFile>();
  #commit: string | null = null;

  constructor(
    place: { readonly repo: string; readonly revision: string; readonly path: string },
    access: HubAccess,
    transport: Transport,
    pace: Pace,
  ) {
    this.uri = `hf:${place.repo}@${encodeURIComponent(place.revision)}/${place.path}`;
    this.#place = place;
    this.#endpoint = access.endpoint.replace(/\/+$/, '');
    this.#transport = transport;
    this.#authorize = hubToken(access);
    this.#pace = pace;
  }

  async files(signal?: AbortSignal): Promise<readonly OriginFile[]> {
    const { commit, modifiedAtEpochMs } = await this.#snapshot(signal);
    if (commit !== this.#commit) this.#files.clear();
    this.#commit = commit;
    const chosen = selection(this.#place.path);
    const entries = chosen
      ? (await this.#list(commit, chosen.folder, signal)).filter(({ path }) => chosen.matches(path))
      : await this.#named(commit, signal);
    if (entries.length === 0)
      throw new SourceError('not_found', `Cannot read "${this.uri}": there is no such file`);
    const folder = chosen?.folder ?? this.#place.path.slice(0, this.#place.path.lastIndexOf('/') + 1);
    return entries.map((entry) => describe(entry, folder, commit, modifiedAtEpochMs)).sort(byName);
  }

  async *read(file: OriginFile, from: number, to: number, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const commit = this.#commit ?? (await this.#snapshot(signal)).commit;
    this.#commit = commit;
    const known = this.#files.get(file.name) ?? this.#fileOf(file.name, commit);
    this.#files.set(file.name, known);
    yield* known.read(file, from, to, signal);
  }

  #fileOf(name: string, commit: string): RangedFile {
    const { repo, path } = this.#place;
    const folder = selection(path)?.folder ?? path.slice(0, path.lastIndexOf('/') + 1);
    const url = new URL(`${this.#endpoint}/${repo}/resolve/${commit}/${encodePath(folder + name)}`);
    return new RangedFile(url, {
      transport: this.#transport,
      authorize: this.#authorize,
      shown: `hf:${repo}@${commit.slice(0, 12)}/${folder}${name}`,
      comparesEtag: false,
    });
  }

  async #snapshot(signal: AbortSignal | undefined): Promise<Snapshot> {
    const { modelInfo } = await import('@huggingface/hub');
    const { repo: name, revision } = this.#place;
    const info = await modelInfo({
      ...{ name, revision, hubUrl: this.#endpoint, fetch: this.#fetch(signal) },
      additionalFields: ['sha'],
    });
    if (typeof info.sha !== 'string' || !/^[0-9a-f]{7,64}$/.test(info.sha)) throw this.#bad('no commit');
    const modified = info.updatedAt.getTime();
    return { commit: info.sha, modifiedAtEpochMs: Number.isFinite(modified) ? modified : null };
  }

  async #list(commit: string, folder: string, signal: AbortSignal | undefined): Promise<HubEntry[]> {
    const { listFiles } = await import('@huggingface/hub');
    const entries: HubEntry[] = [];
    const path = encodePath(folder.replace(/\/$/, ''));
    const repo = { type: 'model', name: this.#place.repo } as const;
    const where = { repo, revision: commit, path, recursive: true, hubUrl: this.#endpoint };
    for await (const entry of listFiles({ ...where, fetch: this.#fetch(signal) })) {
      if (entry.type === 'file') entries.push(this.#checked(entry));
      if (entries.length > MOST_FILES) throw this.#bad(`more than ${MOST_FILES} files`);
    }
    return entries;
  }

  /** The one file, or all shards of it. */
  async #named(commit: string, signal: AbortSignal | undefined): Promise<HubEntry[]> {
    const { pathsInfo } = await import('@huggingface/hub');
    const { repo: name, path } = this.#place;
    const folder = path.slice(0, path.lastIndexOf('/') + 1);
    const paths = shardNames(path.slice(folder.length)).map((shard) => folder + shard);
    const where = { repo: { type: 'model', name } as const, revision: commit, hubUrl: this.#endpoint };
    const found = await pathsInfo({ ...where, paths, fetch: this.#fetch(signal) });
    const entries = found.filter(({ type }) => type === 'file').map((entry) => this.#checked(entry));
    const missing = paths.find((wanted) => !entries.some((entry) => entry.path === wanted));
    if (missing === undefined) return entries;
    const isFolder = found.some(({ type }) => type === 'directory');
    const hint = isFolder ? 'it is a folder, which is written with a / at its end' : 'there is no such file';
    throw new SourceError('not_found', `Cannot read "hf:${name}@${commit.slice(0, 12)}/${missing}": ${hint}`);
  }

  #checked(entry: HubEntry): HubEntry {
    if (typeof entry.path !== 'string' || !isSafeName(entry.path)) throw this.#bad('a path that is none');
    if (!Number.isSafeInteger(entry.size) || entry.size < 0) throw this.#bad('a file without a size');
    return entry;
  }

  /** What @huggingface/hub asks with: our transport, its retries and failures. Statuses from 300 on never reach it. */
  #fetch(signal: AbortSignal | undefined): typeof fetch {
    return async (input, init) => {
      const url = new URL(input instanceof Request ? input.url : input);
      const ask: Ask = {
        method: init?.method === 'POST' ? 'POST' : 'GET',
        url,
        headers: Object.fromEntries(new Headers(init?.headers)),
        body: typeof init?.body === 'string' ? init.body : undefined,
        authorize: this.#authorize,
        signal,
        shown: this.uri,
      };
      const options = { attempts: ATTEMPTS, pace: this.#pace, signal };
      return retrying(async () => {
        const answer = await this.#transport.send(ask);
        const body = await readBody(answer, MOST_ANSWER_BYTES, this.uri);
        return new Response(body, { status: answer.status, headers: new Headers(answer.headers) });
      }, options);
    };
  }

  #bad(got: string): SourceError {
    return new SourceError('bad_answer', `Cannot read "${this.uri}": got ${got}`);
  }
}

function describe(
  entry: HubEntry,
  folder: string,
  commit: string,
  modifiedAtEpochMs: number | null,
): OriginFile {
  const sha256 = entry.lfs && SHA256.test(entry.lfs.oid) ? entry.lfs.oid : null;
  const bytes = entry.lfs?.size ?? entry.size;
  // Of the content, not of the commit: another file's commit leaves it as it was.
  const etag = sha256 ?? entry.oid ?? commit;
  return { name: entry.path.slice(folder.length), bytes, etag, modifiedAtEpochMs, sha256, ranges: true };
}

/** The token goes to the hub itself and not to where it redirects. */
function hubToken({ endpoint, token }: HubAccess): Authorize {
  const { origin } = new URL(endpoint);
  return ({ url, headers }) =>
    token !== undefined && url.origin === origin ? { ...headers, authorization: `Bearer ${token}` } : headers;
}

function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}
