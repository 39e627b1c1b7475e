import type { Client } from 'undici';
import { SocketServer } from '../../runner/server/socketServer.ts';
import { FakeEngine } from './fakeEngine.ts';
import { clientOf, freshSocketPath } from './socketClient.ts';

export interface Serving {
  engine: FakeEngine;
  server: SocketServer;
  client: Client;
  socketPath: string;
  stop(): Promise<void>;
}

/** The runner's HTTP server over a fake engine, on a socket of its own. */
export async function serveFake(): Promise<Serving> {
  const engine = new FakeEngine();
  const socketPath = freshSocketPath();
  const server = new SocketServer(engine, socketPath);
  await server.listen();
  const client = clientOf(socketPath);
  const stop = async () => {
    await client.destroy();
    server.destroy();
  };
  return { engine, server, client, socketPath, stop };
}
