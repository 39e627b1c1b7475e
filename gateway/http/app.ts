import { Hono } from 'hono';
import { fail } from '../domain/errors.ts';
import { traceFields } from '../domain/trace.ts';
import { adminAuth } from './admin/auth.ts';
import { catalogueHandlers } from './admin/catalogue.ts';
import { eventHandlers } from './admin/events.ts';
import { keyHandlers } from './admin/keys.ts';
import { pinHandlers } from './admin/pins.ts';
import { poolHandlers } from './admin/pool.ts';
import { priceHandlers } from './admin/prices.ts';
import { reportHandlers } from './admin/reports.ts';
import { requestHandlers } from './admin/requests.ts';
import { corsOf } from './cors.ts';
import { dashboardHandlers } from './dashboard/routes.tsx';
import type { HttpApp, HttpDeps, HttpEnv } from './deps.ts';
import { healthHandlers } from './health.ts';
import { INFERENCE_PATHS } from './inferencePaths.ts';
import { inferenceRoute } from './inferenceRoute.ts';
import { keyAuth } from './keyAuth.ts';
import { getModel, listModels } from './openai/models.ts';
import { parseChat } from './openai/parseChat.ts';
import { parseCompletion } from './openai/parseCompletion.ts';
import { parseEmbedding } from './openai/parseEmbedding.ts';
import { requestContext } from './requestContext.ts';
import { sendFailure } from './respond.ts';
import { unknownRoute } from './unknownRoute.ts';

/** All of the gateway's doors. */
export function createApp(deps: HttpDeps): HttpApp {
  const app: HttpApp = new Hono<HttpEnv>();
  app.use('*', requestContext);
  if (deps.corsOrigins.length > 0) app.use('/v1/*', corsOf(deps.corsOrigins));
  app.use('/v1/*', keyAuth(deps));
  app.post(INFERENCE_PATHS.chat_completions, inferenceRoute(deps, 'chat_completions', parseChat));
  app.post(INFERENCE_PATHS.completions, inferenceRoute(deps, 'completions', parseCompletion));
  app.post(INFERENCE_PATHS.embeddings, inferenceRoute(deps, 'embeddings', parseEmbedding));
  app.get('/v1/models', listModels(deps));
  app.get('/v1/models/:model{.+}', getModel(deps));
  healthHandlers(app, deps);
  app.use('/admin/*', adminAuth(deps));
  catalogueHandlers(app, deps);
  keyHandlers(app, deps);
  pinHandlers(app, deps);
  poolHandlers(app, deps);
  eventHandlers(app, deps);
  reportHandlers(app, deps);
  requestHandlers(app, deps);
  priceHandlers(app, deps);
  dashboardHandlers(app, deps);
  app.notFound((c) => unknownRoute(app, c));
  app.onError((error, c) => {
    deps.log.error(
      { err: error, requestId: c.get('requestId'), ...traceFields(c.get('trace')) },
      'request failed',
    );
    // The message may hold anything; the client gets none of it.
    return sendFailure(c, fail('internal', 'Cannot answer request: internal error').error);
  });
  return app;
}
