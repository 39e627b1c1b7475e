import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parser } from '@prometheus-io/lezer-promql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { banana } from '../e2e/chat.ts';
import { ROOT, startGateway, type TestGateway } from '../e2e/startGateway.ts';

const rules: { groups: { rules: { alert: string; expr: string }[] }[] } = parseYaml(
  readFileSync(join(ROOT, 'deploy/prometheus/slo-rules.yaml'), 'utf8'),
);
const alerts = rules.groups.flatMap((group) => group.rules.map(({ alert, expr }) => [alert, expr] as const));

const SLOS = `
slos:
  - { id: answers, objective: availability, target: 0.9 }
  - { id: impossible, model: tiny-chat, objective: ttft_warm, threshold: 0ms, target: 0.5 }
  - { id: starts, objective: ttft_cold, threshold: 10m, target: 0.5 }
`;

let gateway: TestGateway;
let metrics: string;
const store = mkdtempSync(join(tmpdir(), 'hearth-slos-'));
beforeAll(async () => {
  const demo = readFileSync(join(ROOT, 'demo/hearth.yaml'), 'utf8');
  const config = demo.replaceAll(
    /(path: )(?!\/)(\S+)/g,
    (_, key, path) => `${key}${join(ROOT, 'demo', path)}`,
  );
  gateway = await startGateway({ config: config + SLOS, environment: { HEARTH_STORE_DIR: store } });
  for (const model of ['tiny-chat', 'tiny-chat', 'tiny-chat', 'tiny-chat+pirate', 'nothing']) {
    await (await gateway.post('/v1/chat/completions', { ...banana(model), stream: true })).text();
  }
  metrics = await (await fetch(`${gateway.url}/metrics`)).text();
});
afterAll(async () => {
  await gateway.dispose();
  rmSync(store, { recursive: true, force: true });
});

/** Of an expression, the names of the metrics it reads. */
function metricsOf(expr: string): string[] {
  const names: string[] = [];
  parser.parse(expr).iterate({
    enter: ({ type, from, to }) => {
      expect(type.isError).toBe(false);
      if (type.name === 'Identifier') names.push(expr.slice(from, to));
    },
  });
  return names;
}

describe('objectives on real traffic', () => {
  test('count each request once, starts by themselves, and not the client’s own fault', async () => {
    const { status, json } = await gateway.admin('GET', '/slos');
    expect(status).toBe(200);
    const byId = Object.fromEntries(json.data.map((row: any) => [row.id, row]));
    expect(byId.answers).toMatchObject({ good: 4, bad: 0, state: 'ok', is_complete: true });
    expect(byId.impossible).toMatchObject({ good: 0, bad: 2, state: 'exhausted' });
    expect(byId.impossible.with_starts.bad).toBe(4);
    expect(byId.starts).toMatchObject({ good: 2, bad: 0, without_starts: { good: 0, bad: 0 } });
    const report = await gateway.admin('GET', '/reports/slo?from=2020-01-01');
    expect(report.json.data.map((row: any) => [row.slo, row.requests, row.is_met])).toEqual([
      ['answers', 4, true],
      ['impossible', 2, false],
      ['starts', 2, true],
    ]);
  });

  test('replays what was recorded, in a thread', async () => {
    const { status, json } = await gateway.admin('GET', '/reports/keepwarm?from=2020-01-01');
    expect(status).toBe(200);
    const kept = json.data.filter((row: any) => row.ttl_s === null);
    expect(kept.map((row: any) => [row.combo, row.cold_starts, row.recorded.requests])).toEqual([
      ['tiny-chat', 1, 3],
      ['tiny-chat+pirate', 1, 1],
    ]);
    expect(json.data).toHaveLength(14);
  });

  test('are in OpenMetrics, too, before its end', async () => {
    const accept = 'application/openmetrics-text;version=1.0.0';
    const text = await (await fetch(`${gateway.url}/metrics`, { headers: { accept } })).text();
    expect(text).toMatch(/hearth_slo_state\{slo="impossible"\} 3\n/);
    expect(text.endsWith('# EOF\n')).toBe(true);
    expect(text).not.toContain('\n\n');
  });
});

describe('deploy/prometheus/slo-rules.yaml', () => {
  test.each(alerts)('%s reads metrics that a scrape has', (_alert, expr) => {
    const names = metricsOf(expr);
    expect(names.length).toBeGreaterThan(1);
    for (const name of names) expect(metrics).toContain(`\n${name}{slo="answers"}`);
  });
});
