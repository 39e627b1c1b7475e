import type { Context, Hono } from 'hono';
import type { ModelSpec } from '../../catalogue/specs.ts';
import { fail, ok, type Result } from '../../domain/errors.ts';
import { adapterId, modelId } from '../../domain/ids.ts';
import type { HttpDeps, HttpEnv } from '../deps.ts';
import { parseDuration } from '../openai/keepAlive.ts';
import { sendFailure } from '../respond.ts';
import { readAdminBody } from './input.ts';
import { adapterRowOf, aliasRowOf, modelRowOf } from './rows.ts';
import { adapterBody, aliasBody, modelBody } from './schemas.ts';

/** Models, adapters and aliases: list, show, add or replace, remove. */
export function catalogueHandlers(app: Hono<HttpEnv>, deps: HttpDeps): void {
  modelHandlers(app, deps);
  adapterHandlers(app, deps);
  aliasHandlers(app, deps);
  app.post('/admin/v1/reload', async (c) => {
    const reloaded = await deps.catalogue.reload();
    return reloaded.ok ? c.json({ object: 'catalogue', reloaded: true }) : sendFailure(c, reloaded.error);
  });
}

function modelHandlers(app: Hono<HttpEnv>, deps: HttpDeps): void {
  const models = () => deps.catalogue.current().models;
  type Model = NonNullable<ReturnType<ReturnType<typeof models>['get']>>;
  const row = (model: Model) => modelRowOf(model, deps.pool.baseStatus(model.id));
  app.get('/admin/v1/models', (c) => c.json({ object: 'list', data: [...models().values()].map(row) }));
  app.get('/admin/v1/models/:id{.+}', (c) => {
    const model = models().get(modelId(c.req.param('id')));
    return model ? c.json(row(model)) : notThere(c, 'model', c.req.param('id'));
  });
  app.post('/admin/v1/models', async (c) => {
    const body = await readAdminBody(c, modelBody, deps.limits);
    const spec = body.ok ? modelSpecOf(body.value) : body;
    if (!spec.ok) return sendFailure(c, spec.error);
    const existed = models().has(modelId(spec.value.id));
    const added = await deps.catalogue.addModel(spec.value);
    return added.ok ? c.json(row(added.value), existed ? 200 : 201) : sendFailure(c, added.error);
  });
  app.delete('/admin/v1/models/:id{.+}', async (c) => {
    const id = c.req.param('id');
    const removed = await deps.catalogue.removeModel(id);
    return removed.ok ? c.json({ id, object: 'model', deleted: true }) : sendFailure(c, removed.error);
  });
}

function adapterHandlers(app: Hono<HttpEnv>, deps: HttpDeps): void {
  const adapters = () => deps.catalogue.current().adapters;
  app.get('/admin/v1/adapters', (c) =>
    c.json({ object: 'list', data: [...adapters().values()].map(adapterRowOf) }),
  );
  app.get('/admin/v1/adapters/:id{.+}', (c) => {
    const adapter = adapters().get(adapterId(c.req.param('id')));
    return adapter ? c.json(adapterRowOf(adapter)) : notThere(c, 'adapter', c.req.param('id'));
  });
  app.post('/admin/v1/adapters', async (c) => {
    const body = await readAdminBody(c, adapterBody, deps.limits);
    if (!body.ok) return sendFailure(c, body.error);
    const existed = adapters().has(adapterId(body.value.id));
    const added = await deps.catalogue.addAdapter(body.value);
    return added.ok ? c.json(adapterRowOf(added.value), existed ? 200 : 201) : sendFailure(c, added.error);
  });
  app.delete('/admin/v1/adapters/:id{.+}', async (c) => {
    const id = c.req.param('id');
    const removed = await deps.catalogue.removeAdapter(id);
    return removed.ok ? c.json({ id, object: 'adapter', deleted: true }) : sendFailure(c, removed.error);
  });
}

function aliasHandlers(app: Hono<HttpEnv>, deps: HttpDeps): void {
  const aliases = () => deps.catalogue.current().aliases;
  app.get('/admin/v1/aliases', (c) =>
    c.json({ object: 'list', data: [...aliases().values()].map(aliasRowOf) }),
  );
  app.get('/admin/v1/aliases/:name{.+}', (c) => {
    const alias = aliases().get(c.req.param('name'));
    return alias ? c.json(aliasRowOf(alias)) : notThere(c, 'alias', c.req.param('name'));
  });
  app.post('/admin/v1/aliases', async (c) => {
    const body = await readAdminBody(c, aliasBody, deps.limits);
    if (!body.ok) return sendFailure(c, body.error);
    const existed = aliases().has(body.value.name);
    const added = await deps.catalogue.addAlias(body.value);
    return added.ok ? c.json(aliasRowOf(added.value), existed ? 200 : 201) : sendFailure(c, added.error);
  });
  app.delete('/admin/v1/aliases/:name{.+}', async (c) => {
    const name = c.req.param('name');
    const removed = await deps.catalogue.removeAlias(name);
    return removed.ok ? c.json({ id: name, object: 'alias', deleted: true }) : sendFailure(c, removed.error);
  });
}

/** From the API's words to the use case's; a negative duration is for ever. */
function modelSpecOf(body: ReturnType<typeof modelBody.parse>): Result<ModelSpec> {
  const ttl = body.idle_ttl == null ? ok(body.idle_ttl) : parseDuration(body.idle_ttl, 'idle_ttl');
  if (!ttl.ok) return ttl;
  const after =
    body.sleep_after == null ? ok(body.sleep_after) : parseDuration(body.sleep_after, 'sleep_after');
  if (!after.ok) return after;
  return ok({
    id: body.id,
    path: body.path,
    digest: body.digest,
    contextTokens: body.context,
    sequences: body.sequences,
    maxSequences: body.max_sequences,
    maxThreads: body.threads,
    deviceLayers: body.device_layers,
    device: body.device,
    sleeps: body.sleep,
    sleepAfterMs: after.value === Number.POSITIVE_INFINITY ? null : after.value,
    useMmap: body.mmap,
    repack: body.repack,
    kvBudgetBytes: body.kv_budget_bytes,
    idleTtlMs: ttl.value === Number.POSITIVE_INFINITY ? null : ttl.value,
    minRunners: body.min_runners,
    maxRunners: body.max_runners,
    chatTemplate: body.chat_template,
    ownedBy: body.owned_by,
  });
}

function notThere(c: Context<HttpEnv>, kind: string, id: string): Response {
  return sendFailure(
    c,
    fail('not_found', `Cannot find ${kind} "${id.slice(0, 128)}": not in the catalogue`).error,
  );
}
