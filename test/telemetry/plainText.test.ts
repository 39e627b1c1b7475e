import { Counter, Gauge, Histogram, type OpenMetricsContentType, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { plainText } from '../../gateway/telemetry/plainText.ts';

/** The same measurements in a registry of either format. */
function measure(registry: Registry, isOpenMetrics: boolean): Promise<string> {
  const registers = [registry];
  const counter = new Counter({ name: 'x_total', help: 'Of x.', labelNames: ['a'], registers });
  counter.inc({ a: 'model+adapter@0.5' }, 3);
  counter.inc({ a: 'with "quotes" and \\' });
  new Counter({ name: 'unused_total', help: 'Never counted.', registers });
  new Gauge({ name: 'x', help: 'A gauge of nearly the same name.', registers }).set(7);
  const histogram = new Histogram({
    name: 'y_seconds',
    help: 'Of y.',
    labelNames: ['a', 'trace_id'],
    buckets: [0.1, 1],
    enableExemplars: isOpenMetrics,
    registers,
  });
  for (const value of [0.05, 0.5, 50]) {
    if (!isOpenMetrics) histogram.observe({ a: 'b' }, value);
    else
      histogram.observe({
        labels: { a: 'b' },
        value,
        exemplarLabels: { trace_id: '4bf92f3577b34da6a3ce929d0e0e4736' },
      });
  }
  return registry.metrics();
}

function openMetricsRegistry(): Registry {
  const registry = new Registry<OpenMetricsContentType>();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  return registry as unknown as Registry;
}

test('plainText() gives what prom-client itself writes in the older format', async () => {
  const openMetrics = await measure(openMetricsRegistry(), true);
  expect(openMetrics).toContain('# {trace_id="4bf92f3577b34da6a3ce929d0e0e4736"}');
  expect(openMetrics).toContain('# EOF');
  const lines = (text: string) => text.split('\n').filter((line) => line !== '');
  expect(lines(plainText(openMetrics))).toEqual(lines(await measure(new Registry(), false)));
});

test('plainText() ends with a line feed, as the format wants it', async () => {
  expect(plainText(await measure(openMetricsRegistry(), true))).toMatch(/[^\n]\n$/);
});
