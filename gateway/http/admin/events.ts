import type { Hono } from 'hono';
import type { HttpDeps, HttpEnv } from '../deps.ts';
import { sendFailure } from '../respond.ts';
import { streamEvents } from './eventStream.ts';
import { readQuery } from './input.ts';
import { eventRowOf } from './rows.ts';
import { eventsQuery } from './schemas.ts';

/** What happened, and what happens. */
export function eventHandlers(app: Hono<HttpEnv>, deps: HttpDeps): void {
  app.get('/admin/v1/events', async (c) => {
    if (/\btext\/event-stream\b/i.test(c.req.header('accept') ?? '')) return streamEvents(c, deps);
    const query = readQuery(c, eventsQuery);
    if (!query.ok) return sendFailure(c, query.error);
    const events = await deps.events.list(query.value.limit);
    return c.json({ object: 'list', data: events.map(eventRowOf) });
  });
}
