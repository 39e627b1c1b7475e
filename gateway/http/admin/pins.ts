import type { Context, Hono } from 'hono';
import { type Combo, parseCombo } from '../../domain/combo.ts';
import { fail, ok, type Result } from '../../domain/errors.ts';
import { comboName } from '../../domain/ids.ts';
import type { PinOrder } from '../../shell/pinControl.ts';
import type { HttpDeps, HttpEnv } from '../deps.ts';
import { sendFailure } from '../respond.ts';
import { readAdminBody } from './input.ts';
import { pinRowOf } from './rows.ts';
import { type PinBody, pinBody } from './schemas.ts';

/** Pins: list, show, make or change, end. */
export function pinHandlers(app: Hono<HttpEnv>, deps: HttpDeps): void {
  const written = (c: Context<HttpEnv>): string => c.req.param('combo') ?? '';
  const comboOf = (c: Context<HttpEnv>): Result<Combo> =>
    parseCombo(written(c), [], deps.catalogue.current());
  /** A pin outlives its model: then only the canonical name finds it. */
  const nameOf = (c: Context<HttpEnv>) => {
    const combo = comboOf(c);
    return combo.ok ? combo.value.name : comboName(written(c));
  };

  app.get('/admin/v1/pins', (c) => c.json({ object: 'list', data: deps.pins.list().map(pinRowOf) }));

  app.get('/admin/v1/pins/:combo{.+}', (c) => {
    const pin = deps.pins.get(nameOf(c));
    if (pin) return c.json(pinRowOf(pin));
    const combo = comboOf(c);
    return sendFailure(
      c,
      combo.ok
        ? fail('not_found', `Cannot find pin of "${combo.value.name}": it is not pinned`).error
        : combo.error,
    );
  });

  app.put('/admin/v1/pins/:combo{.+}', async (c) => {
    const body = await readAdminBody(c, pinBody, deps.limits);
    if (!body.ok) return sendFailure(c, body.error);
    const combo = comboOf(c);
    if (!combo.ok) return sendFailure(c, combo.error);
    const order = orderOf(body.value, deps.clock.epochMs());
    if (!order.ok) return sendFailure(c, order.error);
    const pinned = await deps.pins.put(combo.value, order.value);
    return pinned.ok ? c.json(pinRowOf(pinned.value)) : sendFailure(c, pinned.error);
  });

  app.delete('/admin/v1/pins/:combo{.+}', async (c) => {
    const name = nameOf(c);
    const removed = await deps.pins.remove(name);
    return removed.ok ? c.json({ id: name, object: 'pin', deleted: true }) : sendFailure(c, removed.error);
  });
}

function orderOf({ level, count, until }: PinBody, nowEpochMs: number): Result<PinOrder> {
  if (until === undefined || until === null) return ok({ level, count, untilEpochMs: null });
  const untilEpochMs = Date.parse(until);
  if (untilEpochMs > nowEpochMs) return ok({ level, count, untilEpochMs });
  return fail(
    'invalid_request',
    `Cannot pin until ${JSON.stringify(until)}: expected a time to come`,
    'until',
  );
}
