import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseConfig, readConfigFile } from '../../gateway/catalogue/configFile.ts';
import { configJsonSchema } from '../../gateway/catalogue/configJsonSchema.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const PATH = '/etc/hearth.yaml';

function refusal(text: string): string {
  const document = parseConfig(text, PATH);
  if (document.ok) throw new Error('was accepted');
  expect(document.error.code).toBe('invalid_request');
  return document.error.message;
}

describe('parseConfig() accepts', () => {
  test('an empty file, with every default', () => {
    const document = parseConfig('', PATH);
    expect(document.ok && document.value.config).toMatchObject({
      models: [],
      adapters: [],
      aliases: {},
      pool: {
        maxRunners: 4,
        maxCombosPerRunner: 16,
        queueLimit: 1024,
        queueLimitPerCombo: 256,
        queueShare: 0.5,
        fairWeights: { inputToken: 1, outputToken: 2, startSecond: 100 },
        deadlineMs: null,
        flexDeadlineMs: null,
        flexWaitMs: 1_800_000,
        flexSparesMs: 60_000,
        flexWatermarkMs: 1000,
        abandonedStarts: 'keep',
        startTimeoutMs: 300_000,
        spawnTimeoutMs: 30_000,
        cpuThreads: null,
        leaseMs: 30_000,
        drainTimeoutMs: 30_000,
      },
      limits: { bodyBytes: 8 * 2 ** 20, streamBufferBytes: 2 ** 20 },
      log: { level: 'info' },
    });
  });

  test('every key, durations in milliseconds and sizes in bytes', () => {
    const document = parseConfig(
      `
models:
  - { id: m, path: m.gguf, engine: llama, context: 4096, sequences: 2, max_sequences: 6, threads: 3, device_layers: 0, mmap: false,
      repack: false, kv_budget: 2GiB, idle_ttl: null, chat_template: "{{ x }}", owned_by: us }
adapters: [{ id: a, base: m, path: a.gguf, scale: -0.5 }]
aliases: { "gpt-4o:latest": m+a }
defaults: { idle_ttl: 10m, sequences: 4 }
pool:
  { lease: 2, start_timeout: 90s, queue_share: 0.25, fair_weights: { output_token: 4 }, deadline: 2s, flex_deadline: 1h,
    flex_wait: 2h, flex_spares: 5s, flex_watermark: 0, abandoned_starts: drop }
`,
      PATH,
    );
    expect(document.ok && document.value.config).toMatchObject({
      models: [
        {
          id: 'm',
          path: 'm.gguf',
          engine: 'llama',
          contextTokens: 4096,
          sequences: 2,
          maxSequences: 6,
          maxThreads: 3,
          deviceLayers: 0,
          useMmap: false,
          repack: false,
          kvBudgetBytes: 2 ** 31,
          idleTtlMs: null,
          chatTemplate: '{{ x }}',
          ownedBy: 'us',
        },
      ],
      adapters: [{ id: 'a', base: 'm', path: 'a.gguf', scale: -0.5 }],
      aliases: { 'gpt-4o:latest': 'm+a' },
      defaults: { idleTtlMs: 600_000, sequences: 4 },
      pool: {
        leaseMs: 2000,
        startTimeoutMs: 90_000,
        queueShare: 0.25,
        fairWeights: { inputToken: 1, outputToken: 4, startSecond: 100 },
        deadlineMs: 2000,
        flexDeadlineMs: 3_600_000,
        flexWaitMs: 7_200_000,
        flexSparesMs: 5000,
        flexWatermarkMs: 0,
        abandonedStarts: 'drop',
      },
    });
  });
});

describe('parseConfig() names file, line, column, path, what was expected and what was there', () => {
  test.each([
    ['models:\n  - id: m\n    path: 12', '3:11: models[0].path: expected a string, got 12'],
    ['models:\n  - id: m', '2:5: models[0].path: expected a string, got nothing'],
    ['models:\n  - { id: "a+b", path: p }', '2:11: models[0].id: expected an id of letters'],
    ['models:\n  - { id: m, pth: p, path: p }', '2:14: models[0].pth: unknown key, expected one of id, path'],
    ['model: []', '1:1: model: unknown key, expected one of models, adapters'],
    ['pool:\n  lease: 2x', '2:10: pool.lease: expected a duration such as "30s"'],
    ['pool:\n  lease: -1', '2:10: pool.lease: expected a duration such as "30s"'],
    ['limits: { body_bytes: 9XB }', '1:23: limits.body_bytes: expected a size such as "8MiB"'],
    ['defaults: { max_sequences: 257 }', 'expected a whole number from 1 to 256, got 257'],
    ['pool: { max_runners: 0 }', '1:22: pool.max_runners: expected a whole number from 1 to 4096, got 0'],
    ['pool: { max_runners: many }', 'expected a whole number from 1 to 4096, got "many"'],
    ['pool: { queue_share: 0 }', '1:22: pool.queue_share: expected a share above 0, at most 1, got 0'],
    ['pool: { queue_share: 1.5 }', 'expected a share above 0, at most 1, got 1.5'],
    [
      'pool: { fair_weights: { input_token: -1 } }',
      '1:38: pool.fair_weights.input_token: expected a number of 0 or more, got -1',
    ],
    ['log: { level: loud }', '1:15: log.level: expected one of "trace", "debug"'],
    ['aliases:\n  "a b": m', '2:3: aliases.a b: expected a name of letters'],
    [
      'adapters:\n  - { id: a, base: b, path: p, scale: .nan }',
      '2:39: adapters[0].scale: expected a number, got NaN',
    ],
    ['- a', '1:1: expected a map, got ["a"]'],
    ['models: &x\n  - { id: m }\nadapters: *x', '2:5: adapters[0].base'],
    ['models: [{ id: m, path: p, chat_template: a, chat_template_file: b }]', 'not both'],
  ])('%j', (text, message) => {
    expect(refusal(text)).toContain(`${PATH}:`);
    expect(refusal(text)).toContain(message);
  });

  test('for broken YAML too', () => {
    expect(refusal('a: [1, 2')).toMatch(
      /^Cannot use configuration "\/etc\/hearth.yaml": \/etc\/hearth.yaml:1:\d+: /,
    );
    expect(refusal('pool: {}\npool: {}')).toContain('/etc/hearth.yaml:2:1: Map keys must be unique');
    expect(refusal('pool: !!js/function x')).toContain('Unresolved tag');
  });

  test('one line for each issue, and a bound on their number', () => {
    expect(refusal('a: 1\nb: 2').split('\n')).toHaveLength(3);
    const many = Array.from({ length: 50 }, (_, index) => `k${index}: 1`).join('\n');
    expect(refusal(many)).toContain('and 40 more');
  });

  test('never throws, whatever the text', () => {
    const piece = fc.constantFrom(
      'models',
      'pool',
      ': ',
      '\n',
      '  - ',
      '{',
      '}',
      '[',
      '&a ',
      '*a',
      'id',
      '"',
      '1',
      '!t ',
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(piece).map((pieces) => pieces.join('')),
    );
    fc.assert(
      fc.property(text, (value) => {
        const document = parseConfig(value, PATH);
        expect(document.ok ? PATH : document.error.message).toContain(PATH);
      }),
    );
  });

  test('does not grow without bound over aliases of aliases', () => {
    const levels = Array.from({ length: 12 }, (_, index) => {
      const use =
        index === 0
          ? '[x]'
          : `[${Array(9)
              .fill(`*a${index - 1}`)
              .join(',')}]`;
      return `k${index}: &a${index} ${use}`;
    });
    expect(refusal(levels.join('\n'))).toContain('Excessive alias count');
  });
});

describe('readConfigFile()', () => {
  test('says that the file is not there', async () => {
    const document = await readConfigFile('/nowhere/hearth.yaml');
    expect(document).toMatchObject({
      ok: false,
      error: { message: 'Cannot use configuration "/nowhere/hearth.yaml": there is no such file' },
    });
  });

  test('reads the demo configuration', async () => {
    const document = await readConfigFile(join(ROOT, 'demo/hearth.yaml'));
    expect(document.ok && document.value.config.models.map(({ id }) => id)).toEqual(['tiny-chat']);
    expect(document.ok && document.value.config.adapters.map(({ id }) => id)).toEqual(['pirate', 'json']);
  });
});

test('configJsonSchema() is what docs/config.schema.json holds (npm run openapi writes it)', async () => {
  const kept = await readFile(join(ROOT, 'docs/config.schema.json'), 'utf8');
  expect(kept).toBe(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
});
