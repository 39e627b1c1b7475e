import type { ServerResponse } from 'node:http';
import { sha256, WeightServer } from './weightServer.ts';

const COMMIT = '1f0c5e3a9b7d2468ace013579bdf02468ace0135';
export const TOKEN = 'not-of-the-usual-form';

/** A hub as huggingface.co is one: its API, `resolve`, and a content server at another port that it redirects to. */
export class FakeHub {
  readonly api: WeightServer;
  readonly content: WeightServer;
  readonly files = new Map<string, { bytes: Buffer; lfs: boolean }>();
  commit = COMMIT;
  /** Files of one page of a list. */
  pageFiles = 1000;
  isPrivate = false;

  private constructor(api: WeightServer, content: WeightServer) {
    this.api = api;
    this.content = content;
    api.intercept = (request, response) => {
      const url = new URL(request.url ?? '/', api.origin);
      if (this.isPrivate && request.headers.authorization !== `Bearer ${TOKEN}`) {
        response.writeHead(401).end();
        return true;
      }
      const [, , , rest = ''] = /^\/(api\/models\/)?(acme\/tiny)\/(.*)$/.exec(url.pathname) ?? [];
      const [verb = '', ...segments] = rest.split('/').map(decodeURIComponent);
      if (verb === 'revision') this.#revision(segments[0] ?? '', response);
      else if (verb === 'tree') this.#tree(segments, url, response);
      else if (verb === 'paths-info') void this.#pathsInfo(request, response);
      else if (verb === 'resolve') this.#resolve(segments, response);
      else response.writeHead(404).end();
      return true;
    };
  }

  static async start(): Promise<FakeHub> {
    return new FakeHub(await WeightServer.start(), await WeightServer.start());
  }

  async close(): Promise<void> {
    await Promise.all([this.api.close(), this.content.close()]);
  }

  put(path: string, bytes: Buffer, lfs = true): void {
    this.files.set(path, { bytes, lfs });
    this.content.put(`/blobs/${sha256(bytes)}`, bytes, { etag: '"of the content server"' });
  }

  #revision(revision: string, response: ServerResponse): void {
    if (!['main', 'refs/pr/7', COMMIT].includes(revision)) return void response.writeHead(404).end();
    json(response, { _id: 'x', id: 'acme/tiny', sha: this.commit, lastModified: '2026-03-01T10:00:00.000Z' });
  }

  #tree([, ...folder]: string[], url: URL, response: ServerResponse): void {
    const prefix = folder.length > 0 ? `${folder.join('/')}/` : '';
    const all = [...this.files.keys()]
      .filter((path) => path.startsWith(prefix))
      .map((path) => this.#entry(path));
    const from = Number(url.searchParams.get('cursor') ?? 0);
    const to = from + this.pageFiles;
    url.searchParams.set('cursor', String(to));
    const link: Record<string, string> = to < all.length ? { link: `<${url.href}>; rel="next"` } : {};
    json(response, [{ type: 'directory', path: 'q8', size: 0, oid: 'd' }, ...all.slice(from, to)], link);
  }

  async #pathsInfo(request: AsyncIterable<Buffer>, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { paths } = JSON.parse(Buffer.concat(chunks).toString()) as { paths: string[] };
    const found = paths.flatMap((path) => {
      if (this.files.has(path)) return [this.#entry(path)];
      const isFolder = [...this.files.keys()].some((name) => name.startsWith(`${path}/`));
      return isFolder ? [{ type: 'directory', path, size: 0, oid: 'd' }] : [];
    });
    json(response, found);
  }

  #resolve([commit, ...segments]: string[], response: ServerResponse): void {
    const file = this.files.get(segments.join('/'));
    if (!file || commit !== this.commit) return void response.writeHead(404).end();
    response
      .writeHead(302, { location: `${this.content.origin}/blobs/${sha256(file.bytes)}?X-Amz-Signature=s` })
      .end();
  }

  #entry(path: string) {
    const { bytes, lfs } = this.files.get(path) ?? { bytes: Buffer.alloc(0), lfs: false };
    const entry = { type: 'file', path, size: bytes.length, oid: sha256(bytes).slice(0, 40) };
    return lfs ? { ...entry, lfs: { oid: sha256(bytes), size: bytes.length, pointerSize: 134 } } : entry;
  }
}

function json(response: ServerResponse, value: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
}
