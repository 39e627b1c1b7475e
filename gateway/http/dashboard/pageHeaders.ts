import type { Context, Next } from 'hono';
import type { HttpEnv } from '../deps.ts';

/** Scripts, styles, pictures and connections of our own alone; nothing inline, and no page around ours. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': POLICY,
  'cache-control': 'no-store',
  // With none at all browsers send forms without an Origin.
  'referrer-policy': 'same-origin',
};

/** Of every answer below /dashboard; a route may say otherwise. */
export async function pageHeaders(c: Context<HttpEnv>, next: Next): Promise<void> {
  for (const [name, value] of Object.entries(HEADERS)) c.header(name, value);
  await next();
}
