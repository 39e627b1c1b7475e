import type { Hono } from 'hono';
import type { HttpDeps, HttpEnv } from './deps.ts';
import { openApiText } from './openapi.ts';

const METRICS_TYPES = {
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  plain: 'text/plain; version=0.0.4; charset=utf-8',
};

/** What needs no key: alive, ready, metrics, the document. */
export function healthHandlers(app: Hono<HttpEnv>, deps: HttpDeps): void {
  app.get('/healthz', (c) => c.json({ status: 'ok' }));
  app.get('/readyz', (c) => {
    const reason = deps.pool.notReadyReason();
    return reason === null ? c.json({ status: 'ready' }) : c.json({ status: 'not_ready', reason }, 503);
  });
  app.get('/metrics', async (c) => {
    const takesOpenMetrics = (c.req.header('accept') ?? '').includes('application/openmetrics-text');
    const format = takesOpenMetrics ? 'openmetrics' : 'plain';
    return c.text(await deps.metricsText(format), 200, { 'content-type': METRICS_TYPES[format] });
  });
  app.get('/openapi.json', (c) => c.body(openApiText(), 200, { 'content-type': 'application/json' }));
}
