import { once } from 'node:events';
import { expect, test } from 'vitest';
import { ADMIN_TOKEN } from './fakes.ts';
import { readAll, say, start } from './startServer.ts';

const REQUEST = `GET /admin/v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${ADMIN_TOKEN}\r\naccept: text/event-stream\r\n\r\n`;
const STAGING = { atEpochMs: 1000, type: 'segment_staging', detail: { key: 'k', bytes: 1, totalBytes: 2 } };

/** Resolves when all of the texts have come, in this order. */
async function until(socket: Awaited<ReturnType<typeof say>>, ...texts: string[]): Promise<string> {
  let heard = '';
  let from = 0;
  for (const text of texts) {
    while (!heard.slice(from).includes(text)) heard += String((await once(socket, 'data'))[0]);
    from = heard.indexOf(text, from) + text.length;
  }
  return heard;
}

test('GET /admin/v1/events streams what happens from now on, also what is not kept', async () => {
  const { world, server } = await start();
  world.feed.append({ atEpochMs: 0, type: 'before' });
  const socket = await say(server, REQUEST);
  const head = await until(socket, '\r\n\r\n');
  expect(head).toContain('HTTP/1.1 200');
  expect(head.toLowerCase()).toContain('content-type: text/event-stream; charset=utf-8');
  world.feed.append({ atEpochMs: 0, type: 'combo_ready', runnerId: 'r_1', combo: 'tiny-chat' });
  world.feed.tell(STAGING);
  const heard = await until(socket, 'combo_ready', 'segment_staging', '\n\n');
  const events = [...heard.matchAll(/^data: (.*)$/gm)].map(([, json]) => JSON.parse(json ?? ''));
  expect(events).toEqual([
    {
      object: 'event',
      at: '1970-01-01T00:00:00.000Z',
      type: 'combo_ready',
      runner: 'r_1',
      combo: 'tiny-chat',
      detail: {},
    },
    {
      object: 'event',
      at: '1970-01-01T00:00:01.000Z',
      type: 'segment_staging',
      runner: null,
      combo: null,
      detail: STAGING.detail,
    },
  ]);
  expect(world.events.map(({ type }) => type)).toEqual(['before', 'combo_ready']);
  socket.destroy();
});

test('GET /admin/v1/events ends its streams with the gateway', async () => {
  const { world, server } = await start();
  const socket = await say(server, REQUEST);
  const all = readAll(socket);
  await once(socket, 'data');
  world.feed.append({ atEpochMs: 0, type: 'runner_exited' });
  world.feed.close();
  await server.close(60_000);
  expect(await all).toContain('runner_exited');
  const late = world.feed.listen({ event: () => {}, end: () => {} });
  expect(late()).toBeUndefined();
});

test('GET /admin/v1/events leaves a reader behind that does not read', async () => {
  const { world, server } = await start({ streamBufferBytes: 1000 });
  const socket = await say(server, REQUEST);
  await once(socket, 'data');
  const closed = once(socket, 'close');
  // More than the system takes for it, all in one turn.
  for (let count = 0; count < 200_000; count += 1)
    world.feed.tell({ ...STAGING, detail: { text: 'x'.repeat(100) } });
  await closed;
  expect(socket.bytesRead).toBeLessThan(200_000 * 100);
});

test('GET /admin/v1/events streams to nobody without the admin token', async () => {
  const { server } = await start();
  const socket = await say(server, REQUEST.replace(ADMIN_TOKEN, 'another'));
  expect(await until(socket, '\r\n\r\n')).toContain('HTTP/1.1 401');
  socket.destroy();
});
