import { join } from 'node:path';
import { expect, test } from 'vitest';
import { banana } from './chat.ts';
import { demoConfig, ROOT, startGateway } from './startGateway.ts';

test('an answered request is in the reports at once: by kind and combo, with its start and its use', async () => {
  const gateway = await startGateway();
  try {
    const combos = ['tiny-chat', 'tiny-chat', 'tiny-chat+pirate'];
    let [input, output] = [0, 0];
    for (const [at, combo] of combos.entries()) {
      const { usage } = (await (await gateway.post('/v1/chat/completions', banana(combo))).json()) as any;
      input += usage.prompt_tokens;
      output += usage.completion_tokens;
      const { data } = (await gateway.admin('GET', '/reports/billing?from=2020-01-01')).json;
      expect(data).toMatchObject([
        { key: null, requests: at + 1, input_tokens: input, output_tokens: output },
      ]);
      expect(data[0].total_tokens).toBe(input + output);
    }
    const latency = (await gateway.admin('GET', '/reports/latency?from=2020-01-01')).json;
    expect(latency).toMatchObject({
      object: 'list',
      data: [
        { combo: 'tiny-chat', start_kind: 'warm', count: 1 },
        { combo: 'tiny-chat', start_kind: 'cold', count: 1 },
        { combo: 'tiny-chat+pirate', start_kind: 'attach', count: 1 },
      ],
    });
    for (const row of latency.data) {
      expect(row.ttft_ms.p50).toBeGreaterThan(0);
      expect(row.total_ms.p99).toBeGreaterThanOrEqual(row.ttft_ms.p50);
      expect(row.phases_ms.prefill.count).toBe(1);
    }
    const starts = (await gateway.admin('GET', '/reports/startup?from=2020-01-01&group_by=start_kind')).json
      .data;
    expect(starts.map((row: any) => [row.start_kind, row.count])).toEqual([
      ['attach', 1],
      ['cold', 1],
    ]);
    const shares = Object.values<any>(starts[1].phases_ms).map(({ share }) => share);
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 3);
    expect((await gateway.admin('GET', '/reports/latency?from=never')).status).toBe(400);
    expect((await gateway.admin('GET', '/reports/evictions?from=2020-01-01')).json.data).toEqual([]);
  } finally {
    await gateway.dispose();
  }
});

test('what gave way for want of room is in the report of evictions, with what it took to get it back', async () => {
  const file = join(ROOT, 'demo/models/tiny-chat-q8_0.gguf');
  const gateway = await startGateway({
    config: demoConfig('pool: { max_runners: 1, max_combos_per_runner: 1 }\n').replace(
      'adapters:',
      `  - { id: other, path: ${file} }\nadapters:`,
    ),
  });
  try {
    for (const model of ['tiny-chat', 'tiny-chat:pirate', 'tiny-chat', 'other', 'tiny-chat'])
      await (await gateway.post('/v1/chat/completions', banana(model))).text();
    const rows = (await gateway.admin('GET', '/reports/evictions?from=2020-01-01')).json.data;
    const byName = Object.fromEntries(rows.map((row: any) => [`${row.what} ${row.name}`, row]));
    expect(byName['base tiny-chat']).toMatchObject({ evictions: 1, reloads: 1 });
    expect(byName['base other']).toMatchObject({ evictions: 1, reloads: 0 });
    expect(byName['combo tiny-chat+pirate']).toMatchObject({ evictions: 1, reloads: 0 });
    for (const row of rows) expect(row.evicted_bytes).toBeGreaterThan(0);
    expect(byName['base tiny-chat'].reload_ms).toBeGreaterThan(0);
    const { data: events } = (await gateway.admin('GET', '/events?limit=1000')).json;
    const told = events.filter(({ type }: any) => type === 'base_evicted' || type === 'combo_evicted');
    const counted = rows.reduce((sum: number, { evictions }: any) => sum + evictions, 0);
    expect(told).toHaveLength(counted);
  } finally {
    await gateway.dispose();
  }
});
