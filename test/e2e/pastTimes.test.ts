import { afterEach, expect, test } from 'vitest';
import { banana } from './chat.ts';
import { readRequests } from './readRequests.ts';
import { demoConfig, startGateway, type TestGateway } from './startGateway.ts';

const gateways: TestGateway[] = [];

afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.dispose();
});

async function start(directory?: string): Promise<TestGateway> {
  const gateway = await startGateway({ config: demoConfig(), standbys: 0, ...(directory && { directory }) });
  gateways.push(gateway);
  return gateway;
}

test('A gateway that has started again knows how long starts took: a deadline that they cannot meet is refused at once', async () => {
  const before = await start();
  await (await before.post('/v1/chat/completions', banana('tiny-chat'))).text();
  expect(await before.end()).toBe(0);
  const [row] = readRequests(before.dataDir);
  const coldMs = row!.spawn_ms! + row!.load_ms! + (row!.attach_ms ?? 0) + row!.context_ms!;

  const after = await start(before.directory);
  const response = await after.post('/v1/chat/completions', banana('tiny-chat'), {
    headers: { 'content-type': 'application/json', 'x-hearth-deadline-ms': '1' },
  });
  const { error } = (await response.json()) as any;
  expect([response.status, error.code]).toEqual([503, 'start_exceeds_deadline']);
  expect(error.message).toContain(`it takes ${Math.round(coldMs)} ms (start ${Math.round(coldMs)}, queue 0)`);
  expect(Number(response.headers.get('retry-after-ms'))).toBe(Math.ceil(coldMs));
});
