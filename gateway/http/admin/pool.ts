import type { Context, Hono } from 'hono';
import { type Combo, parseCombo } from '../../domain/combo.ts';
import type { Result } from '../../domain/errors.ts';
import type { HttpDeps, HttpEnv } from '../deps.ts';
import { sendFailure } from '../respond.ts';

/** Runners, standbys, combos and segments: what the pool is doing, and orders to it. */
export function poolHandlers(app: Hono<HttpEnv>, deps: HttpDeps): void {
  const comboOf = (c: Context<HttpEnv>): Result<Combo> =>
    parseCombo(c.req.param('combo') ?? '', [], deps.catalogue.current());

  app.get('/admin/v1/runners', async (c) => c.json({ object: 'list', data: await deps.pool.runners() }));

  app.post('/admin/v1/runners/:id/drain', async (c) => {
    const id = c.req.param('id');
    const drained = await deps.pool.drain(id);
    if (!drained.ok) return sendFailure(c, drained.error);
    return c.json({ object: 'runner', id, state: drained.value.state });
  });

  app.post('/admin/v1/runners/:id/sleep', async (c) => {
    const id = c.req.param('id');
    const slept = await deps.pool.sleep(id);
    if (!slept.ok) return sendFailure(c, slept.error);
    return c.json({ object: 'runner', id, state: slept.value.state });
  });

  app.post('/admin/v1/runners/:id/wake', async (c) => {
    const id = c.req.param('id');
    const woken = await deps.pool.wake(id);
    if (!woken.ok) return sendFailure(c, woken.error);
    return c.json({ object: 'runner', id, state: woken.value.state });
  });

  app.get('/admin/v1/standbys', async (c) => {
    const runners = await deps.pool.runners();
    return c.json({ object: 'list', data: runners.filter(({ base }) => base === null) });
  });

  app.post('/admin/v1/combos/:combo{.+}/warm', async (c) => {
    const combo = comboOf(c);
    if (!combo.ok) return sendFailure(c, combo.error);
    const warmed = await deps.pool.warm(combo.value);
    if (!warmed.ok) return sendFailure(c, warmed.error);
    const { runnerId, kind } = warmed.value;
    return c.json({ object: 'combo', combo: combo.value.name, runner: runnerId, start: kind });
  });

  app.post('/admin/v1/combos/:combo{.+}/evict', async (c) => {
    const combo = comboOf(c);
    if (!combo.ok) return sendFailure(c, combo.error);
    const evicted = await deps.pool.evict(combo.value);
    if (!evicted.ok) return sendFailure(c, evicted.error);
    return c.json({ object: 'combo', combo: combo.value.name, evicted: evicted.value.evicted });
  });

  app.get('/admin/v1/combos', (c) => c.json({ object: 'list', data: deps.pool.combos() }));

  app.get('/admin/v1/segments', (c) => c.json({ object: 'list', data: deps.pool.segments() }));

  app.delete('/admin/v1/quarantines/:combo{.+}', async (c) => {
    const combo = comboOf(c);
    if (!combo.ok) return sendFailure(c, combo.error);
    const lifted = await deps.pool.liftQuarantine(combo.value);
    if (!lifted.ok) return sendFailure(c, lifted.error);
    return c.json({ object: 'quarantine', combo: combo.value.name, lifted: lifted.value.lifted });
  });
}
