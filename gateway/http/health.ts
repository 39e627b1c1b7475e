import type { Hono } from 'hono';
import type { HttpDeps, HttpEnv } from './deps.ts';
import { openApiText } from './openapi.ts';

/** What needs no key: alive, ready, metrics, the document. */
export function healthHandlers(app: Hono<HttpEnv>, deps: HttpDeps): void {
  app.get('/healthz', (c) => c.json({ status: 'ok' }));
  app.get('/readyz', (c) => {
    const reason = deps.pool.notReadyReason();
    return reason === null ? c.json({ status: 'ready' }) : c.json({ status: 'not_ready', reason }, 503);
  });
  app.get('/metrics', async (c) =>
    c.text(await deps.metricsText(), 200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }),
  );
  app.get('/openapi.json', (c) => c.body(openApiText(), 200, { 'content-type': 'application/json' }));
}
