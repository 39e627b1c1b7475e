import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { OTEL_ENVIRONMENT, traceSettings } from '../../gateway/otelEnvironment.ts';

const schema = z.object(OTEL_ENVIRONMENT);
const settingsOf = (environment: Record<string, string>, configured: string | null = null) =>
  traceSettings(schema.parse(environment), configured);

describe('traceSettings()', () => {
  test('is null without an endpoint', () => {
    expect(settingsOf({})).toBeNull();
  });

  test("takes a signal's endpoint as it is, and adds the path to the general one", () => {
    const general = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318/' };
    expect(settingsOf(general)?.url).toBe('http://c:4318/v1/traces');
    const own = { ...general, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://t:1/x' };
    expect(settingsOf(own, 'http://file:1')?.url).toBe('http://t:1/x');
    expect(settingsOf({}, 'http://file:1')?.url).toBe('http://file:1/v1/traces');
  });

  test('is null when exporting is switched off', () => {
    expect(settingsOf({ OTEL_SDK_DISABLED: 'true' }, 'http://file:1')).toBeNull();
    expect(settingsOf({ OTEL_TRACES_EXPORTER: 'none' }, 'http://file:1')).toBeNull();
  });

  test('reads the sampler, by parent unless said', () => {
    expect(settingsOf({}, 'http://file:1')?.sampler).toEqual({
      root: 'always_on',
      isParentBased: true,
      ratio: 1,
    });
    const named = { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.25' };
    expect(settingsOf(named, 'http://file:1')?.sampler).toEqual({
      root: 'traceidratio',
      isParentBased: false,
      ratio: 0.25,
    });
  });

  test('bounds what waits for the collector, and what is put together in one go', () => {
    expect(settingsOf({}, 'http://file:1')).toMatchObject({ queueSpans: 2048, batchSpans: 128 });
    const less = { OTEL_BSP_MAX_QUEUE_SIZE: '100' };
    expect(settingsOf(less, 'http://file:1')).toMatchObject({ queueSpans: 100, batchSpans: 100 });
    const own = { ...less, OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '10' };
    expect(settingsOf(own, 'http://file:1')).toMatchObject({ queueSpans: 100, batchSpans: 10 });
  });

  test.each([
    ['OTEL_BSP_MAX_QUEUE_SIZE', '0'],
    ['OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 'many'],
    ['OTEL_TRACES_SAMPLER', 'sometimes'],
    ['OTEL_TRACES_SAMPLER_ARG', '2'],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector'],
  ])('%s=%s is an error that names it', (name, value) => {
    const parsed = schema.safeParse({ [name]: value });
    expect(parsed.error?.issues[0]?.path).toEqual([name]);
  });
});
