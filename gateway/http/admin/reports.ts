import type { Hono } from 'hono';
import type { HttpDeps, HttpEnv } from '../deps.ts';
import { billingHandler } from './reports/billing.ts';
import { coldVsWarmHandler } from './reports/coldVsWarm.ts';
import { evictionsHandler } from './reports/evictions.ts';
import { latencyHandler } from './reports/latency.ts';
import { startupHandler } from './reports/startup.ts';

/** What the books say, one file per report. */
export function reportHandlers(app: Hono<HttpEnv>, deps: HttpDeps): void {
  latencyHandler(app, deps);
  coldVsWarmHandler(app, deps);
  startupHandler(app, deps);
  billingHandler(app, deps);
  evictionsHandler(app, deps);
}
