import { cors } from 'hono/cors';

/** What a page may read of an answer beside OpenAI's own fields. */
const EXPOSED_HEADERS = [
  'x-request-id',
  'x-client-request-id',
  'x-hearth-combo',
  'x-hearth-start',
  'x-hearth-joined',
  'x-hearth-runner',
  'x-hearth-ignored',
  'x-hearth-budget-warning',
  'x-hearth-idempotent-replay',
  'x-hearth-original-request-id',
  ...['limit', 'remaining', 'reset'].flatMap((what) => [
    `x-ratelimit-${what}-requests`,
    `x-ratelimit-${what}-tokens`,
  ]),
  'x-should-retry',
  'retry-after',
  'retry-after-ms',
  'server-timing',
  'openai-processing-ms',
];

/** How long a browser may remember an answer to its preflight. */
const PREFLIGHT_SECONDS = 600;

/** CORS for pages of these origins. Without cookies: the API key is all that counts. */
export function corsOf(origins: readonly string[]) {
  return cors({
    origin: origins.includes('*') ? '*' : [...origins],
    allowMethods: ['GET', 'POST'],
    exposeHeaders: EXPOSED_HEADERS,
    maxAge: PREFLIGHT_SECONDS,
  });
}
