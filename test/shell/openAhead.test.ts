import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'undici';
import { afterEach, expect, test } from 'vitest';
import { openAhead } from '../../gateway/shell/openAhead.ts';

const directory = mkdtempSync(join(tmpdir(), 'hearth-ahead-'));
const socketPath = join(directory, 'runner.sock');
let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  rmSync(directory, { recursive: true, force: true });
});

test('openAhead() leaves a connection that the first request takes', async () => {
  const seen: string[] = [];
  let connections = 0;
  let answered = () => {};
  const wasAnswered = new Promise<void>((resolve) => {
    answered = resolve;
  });
  server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    response.end('{}', () => answered());
  });
  server.keepAliveTimeout = 0;
  server.on('connection', () => {
    connections += 1;
  });
  await once(server.listen(socketPath), 'listening');
  const client = new Pool('http://runner', { socketPath, connections: null });
  openAhead(client);
  await wasAnswered;
  await expect.poll(() => client.stats.free).toBe(1);
  const { statusCode } = await client.request({ path: '/v1/chat/completions', method: 'POST', body: '{}' });
  expect(statusCode).toBe(200);
  expect(seen).toEqual(['GET /health', 'POST /v1/chat/completions']);
  expect(connections).toBe(1);
  await client.destroy();
});

test('openAhead() keeps quiet when nobody listens', async () => {
  const client = new Pool('http://runner', { socketPath: join(directory, 'none.sock'), connections: null });
  const failed = once(client, 'connectionError');
  openAhead(client);
  await failed;
  expect(client.stats).toMatchObject({ connected: 0, pending: 0 });
  await client.destroy();
});
