import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach } from 'vitest';
import { createApp } from '../../gateway/http/app.ts';
import type { HttpLimits } from '../../gateway/http/deps.ts';
import { type HttpServer, listen } from '../../gateway/http/server.ts';
import { type FakeWorld, fakeWorld } from './fakes.ts';

const open: HttpServer[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close(0)));
});

export interface Started {
  readonly world: FakeWorld;
  readonly server: HttpServer;
  readonly url: string;
}

/** A real server on loopback over fakes; ends with its test. */
export async function start(limits: Partial<HttpLimits> = {}): Promise<Started> {
  const world = fakeWorld(limits);
  const options = { host: '127.0.0.1', port: 0, limits: world.deps.limits };
  const server = await listen(createApp(world.deps), options);
  open.push(server);
  return { world, server, url: `http://127.0.0.1:${server.port}` };
}

export const CHAT = JSON.stringify({
  model: 'tiny-chat',
  messages: [{ role: 'user', content: 'hi' }],
  stream: true,
});
export const CHAT_REQUEST = `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: ${CHAT.length}\r\n\r\n${CHAT}`;

/** A connection that says `text` at once. */
export async function say(server: HttpServer, text: string): Promise<Socket> {
  const socket = connect(server.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.on('error', () => {});
  socket.write(text);
  return socket;
}

/** All that comes over a connection until the other side ends it. */
export async function readAll(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk) => {
    text += String(chunk);
  });
  await once(socket, 'close');
  return text;
}

/** A promise and the way to fulfil it. */
export function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
