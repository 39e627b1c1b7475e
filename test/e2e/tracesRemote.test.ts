import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WeightServer } from '../sources/weightServer.ts';
import { banana } from './chat.ts';
import { ROOT, until } from './startGateway.ts';
import { expectPhasesOf, expectTree, MOST_APART_MS, sumMs, TracedGateway } from './tracedRequests.ts';

const DEMO = join(ROOT, 'demo/models');

let server: WeightServer;
let traced: TracedGateway;
const store = `/dev/shm/hearth-e2e-traces-${process.pid}-${Date.now()}`;
beforeAll(async () => {
  server = await WeightServer.start();
  server.put('/tiny.gguf', readFileSync(join(DEMO, 'tiny-chat-q8_0.gguf')));
  server.put('/pirate.gguf', readFileSync(join(DEMO, 'lora-pirate.gguf')));
  traced = await TracedGateway.start({
    config: `
models: [{ id: tiny, path: "${server.origin}/tiny.gguf", context: 512 }]
adapters: [{ id: pirate, base: tiny, path: "${server.origin}/pirate.gguf" }]
`,
    environment: { HEARTH_STORE_DIR: store },
  });
  // While a process comes up nobody waits for a download.
  const isUp = async () => (await traced.gateway.runners()).some(({ state }) => state === 'standby');
  await until(isUp, 'a process waits for a base');
});
afterAll(async () => {
  await traced.dispose();
  await server.close();
  rmSync(store, { recursive: true, force: true });
});

describe('traces of starts whose weights come over HTTP', () => {
  test.each([
    ['tiny', 'cold'],
    ['tiny+pirate', 'attach'],
  ])('have the staging, and in it the download, below the start: %s', async (model, kind) => {
    const response = await traced.post('/v1/chat/completions', banana(model));
    const { root, spans } = await traced.traceOf(response);
    expect([response.status, response.headers.get('x-hearth-start')]).toEqual([200, kind]);
    const row = traced.rowOf(response);
    expectTree({ root, spans });
    expectPhasesOf({ root, spans }, row);
    const start = spans.find(({ name }) => name === 'start');
    expect(start?.attributes).toMatchObject({
      'hearth.start.kind': kind,
      'hearth.start.tier': 'origin',
      'hearth.start.staged_bytes': row.staged_bytes,
      'hearth.start.download_ms': row.download_ms,
    });
    expect(row.stage_ms).toBeGreaterThan(0);
    const named = (name: string) =>
      spans.filter((span) => span.name === name && span.parentSpanId === start?.spanId);
    expect(Math.abs(sumMs(named('stage')) - (row.stage_ms ?? 0))).toBeLessThan(MOST_APART_MS);
    const downloads = named('download');
    expect(downloads).toHaveLength(1);
    expect(downloads[0]?.resource['service.name']).toBe('hearth');
    expect(Math.abs(sumMs(downloads) - (row.download_ms ?? 0))).toBeLessThan(MOST_APART_MS);
  });

  test('have none when the weights are here', async () => {
    const { spans } = await traced.traceOf(await traced.post('/v1/chat/completions', banana('tiny')));
    expect(spans.map(({ name }) => name)).not.toContain('download');
  });
});
