import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BANANA, banana } from './chat.ts';
import { until } from './startGateway.ts';
import { TracedGateway } from './tracedRequests.ts';

const QUEUE_SPANS = 128;
const BATCH_SPANS = 32;
const REQUESTS = 200;
const CLIENTS = 16;
/** Longer than the test may take: a request that waited for the collector would never be answered. */
const EXPORT_TIMEOUT_MS = 600_000;

let traced: TracedGateway;
beforeAll(async () => {
  traced = await TracedGateway.start({
    environment: {
      OTEL_BSP_MAX_QUEUE_SIZE: String(QUEUE_SPANS),
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: String(BATCH_SPANS),
      OTEL_EXPORTER_OTLP_TIMEOUT: String(EXPORT_TIMEOUT_MS),
    },
  });
  await ask();
});
afterAll(async () => {
  traced.collector.become('takes');
  await traced.dispose();
});

/** The id of an answered request. */
async function ask(): Promise<string> {
  const response = await traced.post('/v1/chat/completions', banana('tiny-chat'));
  const { choices } = (await response.json()) as { choices: { message: { content: string } }[] };
  expect([response.status, choices[0]?.message.content]).toEqual([200, BANANA.base]);
  return response.headers.get('x-request-id') ?? '';
}

async function askOften(): Promise<Set<string>> {
  const ids = new Set<string>();
  const client = async (): Promise<void> => {
    for (let at = 0; at < REQUESTS / CLIENTS; at += 1) ids.add(await ask());
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return ids;
}

/** Spans by what became of them, as a scrape tells it. */
async function outcomes(): Promise<Record<string, number>> {
  const text = await (await fetch(`${traced.gateway.url}/metrics`)).text();
  const samples = text.matchAll(/^hearth_trace_spans_total\{outcome="(\w+)"\} (\d+)$/gm);
  return Object.fromEntries([...samples].map(([, outcome = '', count]) => [outcome, Number(count)]));
}

const received = (id: string): boolean =>
  traced.collector.spans.some(({ attributes }) => attributes['hearth.request.id'] === id);

/** New traces come. Some may be dropped while what had to wait is sent. */
async function comesAgain(): Promise<void> {
  const ids: string[] = [];
  await until(async () => {
    ids.push(await ask());
    return ids.some(received);
  }, 'traces come again');
}

describe('a collector in trouble', () => {
  test.each([['hangs'], [503]] as const)(
    'that %s fails and delays no request, keeps no more than the queue, and gets traces again',
    async (mood) => {
      const { collector } = traced;
      await comesAgain();
      await until(async () => (await outcomes())['sent'] === collector.spans.length, 'all was sent');
      const before = await outcomes();
      collector.become(mood);
      const asked = collector.asked;
      const ids = await askOften();
      await until(() => collector.asked > asked, 'the exporter has tried');
      expect([...ids].filter(received)).toEqual([]);
      const lost = (await outcomes())['queue_full'] ?? 0;
      expect(lost).toBeGreaterThan(before['queue_full'] ?? 0);

      collector.become('takes');
      const kept = collector.spans.length;
      await comesAgain();
      await until(async () => (await outcomes())['sent'] === collector.spans.length, 'the rest was sent');
      const roots = [...ids].filter(received);
      expect(roots.length).toBeGreaterThan(0);
      const traces = new Set(
        collector.spans
          .filter(({ attributes }) => ids.has(String(attributes['hearth.request.id'])))
          .map(({ traceId }) => traceId),
      );
      const late = collector.spans.slice(kept).filter(({ traceId }) => traces.has(traceId));
      expect(late.length).toBeLessThanOrEqual(QUEUE_SPANS + 2 * BATCH_SPANS);
    },
    60_000,
  );

  test('that refuses what it gets has its losses counted and told in the log', async () => {
    const { collector, gateway } = traced;
    const before = (await outcomes())['failed'] ?? 0;
    collector.become(400);
    await ask();
    await until(async () => ((await outcomes())['failed'] ?? 0) > before, 'a loss was counted');
    await until(() => gateway.log().includes('traces were not exported'), 'the log tells it');
    collector.become('takes');
    const kept = collector.spans.length;
    await comesAgain();
    expect(collector.spans.length).toBeGreaterThan(kept);
  });
});
