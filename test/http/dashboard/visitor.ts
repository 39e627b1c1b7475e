import { createApp } from '../../../gateway/http/app.ts';
import type { HttpApp } from '../../../gateway/http/deps.ts';
import { ADMIN_TOKEN, type FakeWorld, fakeWorld } from '../fakes.ts';

/** A browser as far as a server sees it: it keeps cookies and sends the forms that it got. */
export class Visitor {
  readonly world: FakeWorld;
  readonly app: HttpApp;
  readonly cookies = new Map<string, string>();

  constructor(world: FakeWorld = fakeWorld(), app: HttpApp = createApp(world.deps)) {
    this.world = world;
    this.app = app;
  }

  async get(path: string): Promise<{ answer: Response; html: string }> {
    return this.#ask(path, { headers: this.#headers() });
  }

  async post(
    path: string,
    fields: Record<string, string>,
    headers: Record<string, string> = { 'sec-fetch-site': 'same-origin' },
  ): Promise<{ answer: Response; html: string }> {
    const body = new URLSearchParams(fields);
    return this.#ask(path, { method: 'POST', body, headers: { ...this.#headers(), ...headers } });
  }

  async logIn(token: string = ADMIN_TOKEN): Promise<Response> {
    const { html } = await this.get('/dashboard');
    return (await this.post('/dashboard/login', { csrf: csrfOf(html), token })).answer;
  }

  #headers(): Record<string, string> {
    return { cookie: [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ') };
  }

  async #ask(path: string, init: RequestInit): Promise<{ answer: Response; html: string }> {
    const answer = await this.app.request(path, init);
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (/max-age=0/i.test(line)) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return { answer, html: await answer.text() };
  }
}

/** The token that the page's forms carry. */
export function csrfOf(html: string): string {
  return /name="csrf" value="([^"]+)"/.exec(html)?.[1] ?? '';
}

/** Text of the cells of the row that begins with it. */
export function row(html: string, first: string): string[] {
  const rows = html.split('<tr>').map((text) => [...text.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gs)]);
  const cells = rows.map((found) => found.map(([, inner = '']) => inner.replace(/<[^>]+>/g, '')));
  return cells.find(([heading]) => heading === first) ?? [];
}
