import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Context } from 'hono';
import type { HttpDeps, HttpEnv } from '../deps.ts';
import { NodeSink } from '../nodeSink.ts';
import { eventRowOf } from './rows.ts';

/** Proxies end connections that say nothing. */
const ALIVE_EVERY_MS = 15_000;

const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  'x-accel-buffering': 'no',
};

/**
 * Events from now on, until the client leaves, reads too slowly, or the gateway ends. `until` may end them before that: it
 * gets what ends the stream, and returns what is to be called when the stream has ended by itself.
 */
export function streamEvents(
  c: Context<HttpEnv>,
  { live, limits }: Pick<HttpDeps, 'live' | 'limits'>,
  until: (end: () => void) => () => void = () => () => {},
): Response {
  const { outgoing } = c.env;
  if (!outgoing) throw new Error('a stream of events needs a connection of node to go over');
  const sink = new NodeSink(outgoing, limits, { 'x-request-id': c.get('requestId') });
  sink.head(200, STREAM_HEADERS);
  const alive = setInterval(() => sink.write(': hearth\n\n'), ALIVE_EVERY_MS);
  const end = (): void => {
    clearInterval(alive);
    stop();
    forget();
    sink.end();
  };
  let forget: () => void = () => {};
  let stop: () => void = () => {};
  stop = live.listen({
    event: (event) => sink.write(`data: ${JSON.stringify(eventRowOf(event))}\n\n`),
    end,
  });
  forget = until(end);
  sink.onGone(() => {
    clearInterval(alive);
    stop();
    forget();
  });
  return RESPONSE_ALREADY_SENT;
}
