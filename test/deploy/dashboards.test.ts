import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parser } from '@prometheus-io/lezer-promql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { banana } from '../e2e/chat.ts';
import { ROOT, startGateway, type TestGateway, until } from '../e2e/startGateway.ts';

interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly targets: readonly { readonly expr: string }[];
  }[];
}
interface Alerts {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly alert: string;
      readonly expr: string;
      readonly annotations: object;
    }[];
  }[];
}

const dashboard: Dashboard = JSON.parse(readFileSync(join(ROOT, 'deploy/grafana/dashboard.json'), 'utf8'));
const alerts: Alerts = parseYaml(readFileSync(join(ROOT, 'deploy/prometheus/alerts.yaml'), 'utf8'));
/** Grafana puts durations and combos in their places. */
const filled = (expr: string) => expr.replaceAll('$__rate_interval', '1m').replaceAll('$combo', '.*');
const queries: [name: string, expr: string][] = [
  ...dashboard.panels.flatMap(({ title, targets }) =>
    targets.map(({ expr }): [string, string] => [title, filled(expr)]),
  ),
  ...alerts.groups.flatMap(({ rules }) => rules.map(({ alert, expr }): [string, string] => [alert, expr])),
];

/** Metrics by name, with the labels that their samples have. Those without a sample have none. */
let scraped: Map<string, Set<string>>;
let openMetrics: string;
let contentType: string | null;
let gateway: TestGateway;
const store = mkdtempSync(join(tmpdir(), 'hearth-dashboards-'));
beforeAll(async () => {
  // Nobody listens there: spans are lost, and counted.
  const environment = { HEARTH_STORE_DIR: store, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' };
  gateway = await startGateway({ environment });
  for (const model of ['tiny-chat', 'tiny-chat', 'tiny-chat+pirate', 'nothing'])
    await (await gateway.post('/v1/chat/completions', { ...banana(model), stream: true })).text();
  expect((await fetch(`${gateway.url}/admin/v1/models`)).status).toBe(401);
  await until(async () => (await scrape()).includes('hearth_runner_sequences{'), 'the runner was probed');
  scraped = samplesOf(await scrape());
  const accept = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5';
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  const headers = { 'content-type': 'application/json', traceparent };
  await (await gateway.post('/v1/chat/completions', banana('tiny-chat'), { headers })).text();
  const answer = await fetch(`${gateway.url}/metrics`, { headers: { accept } });
  contentType = answer.headers.get('content-type');
  openMetrics = await answer.text();
});
afterAll(async () => {
  await gateway.dispose();
  rmSync(store, { recursive: true, force: true });
});

async function scrape(): Promise<string> {
  return (await fetch(`${gateway.url}/metrics`)).text();
}

function samplesOf(text: string): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const line of text.split('\n')) {
    const [, described, kind] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
    const names =
      kind === 'histogram' ? ['_bucket', '_sum', '_count'].map((end) => described + end) : [described];
    for (const name of names) if (name !== undefined && !found.has(name)) found.set(name, new Set());
    const [, name, labels = ''] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+$/.exec(line) ?? [];
    if (name === undefined) continue;
    const known = found.get(name) ?? new Set();
    found.set(name, known);
    for (const [, label = ''] of labels.matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g)) known.add(label);
  }
  return found;
}

/** What of a query has to be there; throws on what is no PromQL. */
function usesOf(expr: string): { metrics: Set<string>; labels: Set<string> } {
  const uses = { metrics: new Set<string>(), labels: new Set<string>() };
  parser.parse(expr).iterate({
    enter: ({ type, from, to }) => {
      if (type.isError) throw new Error(`no PromQL at ${from}: ${expr}`);
      if (type.name === 'Identifier') uses.metrics.add(expr.slice(from, to));
      if (type.name === 'LabelName') uses.labels.add(expr.slice(from, to));
    },
  });
  return uses;
}

describe('deploy/', () => {
  test('the parser tells PromQL from what is none', () => {
    expect(() => usesOf('sum by (le (rate(x[5m]))')).toThrow('no PromQL');
    expect(usesOf('sum by (a) (rate(x{b="c"}[5m]))')).toEqual({
      metrics: new Set(['x']),
      labels: new Set(['a', 'b']),
    });
  });

  test.each(queries)('%s asks for metrics and labels that a gateway has: %s', (_name, expr) => {
    const { metrics, labels } = usesOf(expr);
    expect(metrics.size).toBeGreaterThan(0);
    const there = new Set<string>();
    for (const metric of metrics) {
      expect([...scraped.keys()]).toContain(metric);
      for (const label of scraped.get(metric) ?? []) there.add(label);
    }
    expect([...there]).toEqual(expect.arrayContaining([...labels]));
  });

  test('every metric of Hearth is in base units and has its samples under the name that describes it', () => {
    const ours = [...scraped.keys()].filter((name) => name.startsWith('hearth_'));
    expect(ours.length).toBeGreaterThan(40);
    for (const name of ours) expect(name).not.toMatch(/_(ms|milliseconds|kib|mib|mb)(_|$)/);
  });

  test('no label is made by clients or names a key', () => {
    const all = [...scraped.values()].flatMap((labels) => [...labels]);
    expect(all.filter((label) => /key|user/.test(label))).toEqual([]);
  });

  test('a scraper that takes OpenMetrics gets it, and counters keep their names for one that does not', async () => {
    expect(contentType).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
    expect(openMetrics.trimEnd().endsWith('# EOF')).toBe(true);
    expect(openMetrics).toMatch(/^hearth_requests_total\{/m);
    const plain = await scrape();
    expect(plain).toMatch(/^# TYPE hearth_requests_total counter$/m);
    expect(plain).toMatch(/^hearth_requests_total\{/m);
    expect(plain).not.toContain('# EOF');
    expect(plain).not.toContain('# {');
  });

  test('durations have the trace as their exemplar', () => {
    expect(openMetrics).toMatch(
      /^hearth_request_duration_seconds_bucket\{.*\} \d+ # \{trace_id="4bf92f3577b34da6a3ce929d0e0e4736"\}/m,
    );
  });
});
