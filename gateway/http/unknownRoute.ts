import type { Context } from 'hono';
import { fail } from '../domain/errors.ts';
import type { HttpApp, HttpEnv } from './deps.ts';
import { sendFailure } from './respond.ts';

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** 405 with `Allow` where the path is known for other methods, 204 for OPTIONS there, else 404. */
export function unknownRoute(app: HttpApp, c: Context<HttpEnv>): Response {
  const path = c.req.path;
  const known = METHODS.filter((method) =>
    app.router.match(method, path)[0].some((entry) => entry[0][1].method === method),
  );
  if (known.length === 0) {
    return sendFailure(c, fail('not_found', `Cannot find path "${shown(path)}"`).error);
  }
  const allow = known.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  c.header('allow', [...allow, 'OPTIONS'].join(', '));
  if (c.req.method === 'OPTIONS') return c.body(null, 204);
  const message = `Cannot use method ${shown(c.req.method)} on "${shown(path)}": expected ${allow.join(' or ')}`;
  return sendFailure(c, fail('method_not_allowed', message).error);
}

function shown(text: string): string {
  return text.slice(0, 128);
}
