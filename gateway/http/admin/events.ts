import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Context, Hono } from 'hono';
import type { HttpDeps, HttpEnv } from '../deps.ts';
import { NodeSink } from '../nodeSink.ts';
import { sendFailure } from '../respond.ts';
import { readQuery } from './input.ts';
import { eventRowOf } from './rows.ts';
import { eventsQuery } from './schemas.ts';

/** Proxies end connections that say nothing. */
const ALIVE_EVERY_MS = 15_000;

const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  'x-accel-buffering': 'no',
};

/** What happened, and what happens. */
export function eventHandlers(app: Hono<HttpEnv>, deps: HttpDeps): void {
  app.get('/admin/v1/events', async (c) => {
    if (/\btext\/event-stream\b/i.test(c.req.header('accept') ?? '')) return stream(c, deps);
    const query = readQuery(c, eventsQuery);
    if (!query.ok) return sendFailure(c, query.error);
    const events = await deps.events.list(query.value.limit);
    return c.json({ object: 'list', data: events.map(eventRowOf) });
  });
}

/** Until the client leaves, reads too slowly, or the gateway ends. */
function stream(c: Context<HttpEnv>, { live, limits }: HttpDeps): Response {
  const { outgoing } = c.env;
  if (!outgoing) throw new Error('a stream of events needs a connection of node to go over');
  const sink = new NodeSink(outgoing, limits, { 'x-request-id': c.get('requestId') });
  sink.head(200, STREAM_HEADERS);
  const alive = setInterval(() => sink.write(': hearth\n\n'), ALIVE_EVERY_MS);
  const stop = live.listen({
    event: (event) => sink.write(`data: ${JSON.stringify(eventRowOf(event))}\n\n`),
    end: () => {
      clearInterval(alive);
      sink.end();
    },
  });
  sink.onGone(() => {
    clearInterval(alive);
    stop();
  });
  return RESPONSE_ALREADY_SENT;
}
