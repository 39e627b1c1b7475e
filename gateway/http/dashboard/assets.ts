import { readFile } from 'node:fs/promises';
import type { Context } from 'hono';
import { fail } from '../../domain/errors.ts';
import type { HttpEnv } from '../deps.ts';
import { sendFailure } from '../respond.ts';

const TYPES: Readonly<Record<string, string>> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};

/** Where the files are that pages load, by their name under /dashboard/assets. */
export type AssetFiles = Readonly<Record<string, string>>;

/** Serves them, to anybody: they hold no data. Each is read once. */
export function assetHandler(files: AssetFiles) {
  const read = new Map<string, Promise<Buffer>>();
  return async (c: Context<HttpEnv>): Promise<Response> => {
    const name = c.req.param('name') ?? '';
    const path = Object.hasOwn(files, name) ? files[name] : undefined;
    if (path === undefined) return sendFailure(c, fail('not_found', 'Cannot find that asset').error);
    const bytes = read.get(name) ?? readFile(path);
    read.set(name, bytes);
    c.header('content-type', TYPES[name.split('.').at(-1) ?? ''] ?? 'application/octet-stream');
    c.header('cache-control', 'public, max-age=300');
    return c.body(new Uint8Array(await bytes));
  };
}
