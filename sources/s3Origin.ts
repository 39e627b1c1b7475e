import { AwsV4Signer } from 'aws4fetch';
import type { BucketAccess } from './credentials.ts';
import { SourceError } from './errors.ts';
import { byName, type Origin, type OriginFile, selection, shardNames } from './origin.ts';
import { type Pace, retrying } from './pace.ts';
import { RangedFile } from './rangedFile.ts';
import { readListing } from './s3Listing.ts';
import { type Authorize, readBody, type Transport } from './transport.ts';
import { isSafeName } from './uri.ts';

const ATTEMPTS = 3;
const MOST_OBJECTS = 10_000;
const MOST_LISTING_BYTES = 16 * 2 ** 20;

/** Objects of an S3-compatible store, requests signed with Signature Version 4 where there are keys. */
export class S3Origin implements Origin {
  readonly uri: string;
  readonly #bucket: string;
  readonly #key: string;
  readonly #base: URL;
  readonly #transport: Transport;
  readonly #authorize: Authorize;
  readonly #pace: Pace;
  readonly #files = new Map<string, RangedFile>();

  constructor(bucket: string, key: string, access: BucketAccess, transport: Transport, pace: Pace) {
    this.uri = `s3://${bucket}/${key}`;
    this.#bucket = bucket;
    this.#key = key;
    this.#base = bucketUrl(bucket, access);
    this.#transport = transport;
    this.#authorize = signing(this.#base, access);
    this.#pace = pace;
  }

  async files(signal?: AbortSignal): Promise<readonly OriginFile[]> {
    const chosen = selection(this.#key);
    if (chosen) return this.#listed(chosen, signal);
    const folder = this.#folder();
    const names = shardNames(this.#key.slice(folder.length));
    const files = await Promise.all(names.map((name) => this.#describe(name, signal)));
    return files.sort(byName);
  }

  read(file: OriginFile, from: number, to: number, signal?: AbortSignal): AsyncIterable<Uint8Array> {
    return this.#file(file.name).read(file, from, to, signal);
  }

  async #describe(name: string, signal: AbortSignal | undefined): Promise<OriginFile> {
    const options = { attempts: ATTEMPTS, pace: this.#pace, signal };
    const { headers, ...version } = await retrying(() => this.#file(name).version(signal), options);
    return { name, ...version, sha256: wholeChecksum(headers) };
  }

  async #listed(
    { folder, matches }: NonNullable<ReturnType<typeof selection>>,
    signal: AbortSignal | undefined,
  ): Promise<readonly OriginFile[]> {
    const files: OriginFile[] = [];
    let token: string | null = null;
    do {
      const options = { attempts: ATTEMPTS, pace: this.#pace, signal };
      const page = readListing(await retrying(() => this.#page(folder, token, signal), options));
      if (!page) throw this.#bad('no listing');
      for (const { key, ...rest } of page.objects) {
        // A key that ends in a slash is how consoles show a folder.
        if (!matches(key) || key.endsWith('/')) continue;
        const name = key.slice(folder.length);
        if (!isSafeName(name)) throw this.#bad('a key that cannot be the name of a file');
        files.push({ name, ...rest, sha256: null, ranges: true });
      }
      if (files.length > MOST_OBJECTS) throw this.#bad(`more than ${MOST_OBJECTS} objects`);
      token = page.next;
    } while (token !== null);
    if (files.length === 0)
      throw new SourceError('not_found', `Cannot read "${this.uri}": there is no such object`);
    return files.sort(byName);
  }

  async #page(prefix: string, token: string | null, signal: AbortSignal | undefined): Promise<string> {
    const url = new URL(this.#base);
    url.search = new URLSearchParams({
      'encoding-type': 'url',
      'list-type': '2',
      prefix,
      ...(token === null ? {} : { 'continuation-token': token }),
    }).toString();
    const ask = { method: 'GET', url, authorize: this.#authorize, signal, shown: this.uri } as const;
    const listing = await readBody(await this.#transport.send(ask), MOST_LISTING_BYTES, this.uri);
    return listing.toString('utf8');
  }

  #file(name: string): RangedFile {
    const known = this.#files.get(name);
    if (known) return known;
    const url = new URL(this.#base);
    const key = this.#folder() + name;
    url.pathname = `${url.pathname.replace(/\/$/, '')}/${encodeKey(key)}`;
    const file = new RangedFile(url, {
      transport: this.#transport,
      authorize: this.#authorize,
      shown: `s3://${this.#bucket}/${key}`,
      // A checksum comes with a whole object's headers alone.
      probe: 'HEAD',
    });
    this.#files.set(name, file);
    return file;
  }

  #folder(): string {
    return selection(this.#key)?.folder ?? this.#key.slice(0, this.#key.lastIndexOf('/') + 1);
  }

  #bad(got: string): SourceError {
    return new SourceError('bad_answer', `Cannot read "${this.uri}": got ${got}`);
  }
}

/** docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html */
function bucketUrl(bucket: string, { endpoint, region, pathStyle }: BucketAccess): URL {
  const url = new URL(endpoint ?? `https://s3.${region}.amazonaws.com`);
  if (pathStyle) url.pathname = `${url.pathname.replace(/\/$/, '')}/${bucket}`;
  else url.host = `${bucket}.${url.host}`;
  return url;
}

/** Signs what goes to the bucket's own address; a redirect elsewhere gets nothing. */
function signing(base: URL, { region, keys }: BucketAccess): Authorize {
  return async ({ method, url, headers }) => {
    if (!keys || url.origin !== base.origin) return headers;
    const signer = new AwsV4Signer({
      url: url.href,
      method,
      // A whole object's SHA-256, where the store keeps one.
      headers: { ...headers, 'x-amz-checksum-mode': 'ENABLED' },
      accessKeyId: keys.accessKey,
      secretAccessKey: keys.secretKey,
      ...(keys.sessionToken === undefined ? {} : { sessionToken: keys.sessionToken }),
      service: 's3',
      region,
    });
    const signed = await signer.sign();
    return Object.fromEntries(signed.headers);
  };
}

/** `x-amz-checksum-sha256` in base64; one of parts ends in `-N`. */
function wholeChecksum(headers: Readonly<Record<string, string>>): string | null {
  const text = headers['x-amz-checksum-sha256'] ?? '';
  const isWhole = (headers['x-amz-checksum-type'] ?? 'FULL_OBJECT') === 'FULL_OBJECT';
  return isWhole && /^[A-Za-z0-9+/]{43}=$/.test(text) ? Buffer.from(text, 'base64').toString('hex') : null;
}

/** As the signature counts it: everything but the unreserved characters, slashes kept. */
function encodeKey(key: string): string {
  return encodeURIComponent(key)
    .replaceAll('%2F', '/')
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
