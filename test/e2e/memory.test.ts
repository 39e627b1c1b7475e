import { afterAll, beforeAll, expect, test } from 'vitest';
import { BANANA, banana } from './chat.ts';
import { readRequests } from './readRequests.ts';
import { demoConfig, startGateway, type TestGateway } from './startGateway.ts';

/** The demo base takes 5.8 MB, a combo of 8 x 2,048 tokens 58.9 MB: room for three combos. */
const BUDGET_BYTES = 190_000_000;
const COMBOS = [
  ...['tiny-chat', 'tiny-chat:pirate', 'tiny-chat:json'],
  ...Array.from({ length: 7 }, (_, at) => `tiny-chat+pirate@0.9${at + 1}`),
];

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway({
    config: demoConfig(`pool: { memory: ${BUDGET_BYTES}, swap_after: 100ms }\n`).replace(
      'adapters:',
      `  - { id: huge, path: ${import.meta.dirname}/../../demo/models/tiny-chat-q8_0.gguf, sequences: 64 }\nadapters:`,
    ),
  });
});
afterAll(() => gateway.dispose());

test('a combo that can never fit is a 503 with the arithmetic that no client repeats, and starts nothing', async () => {
  const response = await gateway.post('/v1/chat/completions', banana('huge'));
  expect(response.status).toBe(503);
  expect(response.headers.get('x-should-retry')).toBe('false');
  expect(response.headers.get('retry-after')).toBeNull();
  const { error } = (await response.json()) as any;
  expect(error).toMatchObject({ code: 'no_capacity', budget_bytes: BUDGET_BYTES, in_use: [] });
  expect(error.needed_bytes).toBeGreaterThan(6 * 64 * 2 ** 20);
  const warm = await gateway.admin('POST', '/combos/huge/warm');
  expect([warm.status, warm.json.error.code]).toEqual([503, 'no_capacity']);
  expect((await gateway.runners()).filter(({ base }) => base !== null)).toEqual([]);
});

test('ten combos in room for three are all answered, and the budget is never exceeded', async () => {
  const client = gateway.openai();
  const requests = Array.from(
    { length: 120 },
    (_, at) => COMBOS[(at * at + at) % COMBOS.length] ?? '',
  ).entries();
  const held: number[] = [];
  const worker = async () => {
    for (const [index, model] of requests) {
      const { choices } = await client.chat.completions.create(banana(model));
      const answer = choices[0]?.message.content;
      if (model === 'tiny-chat') expect(answer).toBe(BANANA.base);
      if (model === 'tiny-chat:json') expect(answer).toBe(BANANA.json);
      if (index % 10 === 0) held.push(await heldBytes());
    }
  };
  await Promise.all(Array.from({ length: 12 }, worker));
  expect(Math.max(...held)).toBeGreaterThan(BUDGET_BYTES / 2);
  expect(Math.max(...held)).toBeLessThanOrEqual(BUDGET_BYTES);
  const rows = readRequests(gateway.dataDir).filter(({ http_status: status }) => status === 200);
  expect(rows).toHaveLength(120);
});

async function heldBytes(): Promise<number> {
  const { json } = await gateway.admin('GET', '/runners');
  let bytes = 0;
  for (const { memory } of json.data) bytes += memory.weight_bytes + memory.kv_bytes + memory.compute_bytes;
  return bytes;
}
