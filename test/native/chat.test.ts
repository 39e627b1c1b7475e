import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GREEDY, Harness } from './harness.ts';

const QWEN = readFileSync(join(import.meta.dirname, '..', 'fixtures', 'qwen-tools.jinja'), 'utf8');
const WEATHER = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'Weather of a city',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string', maxLength: 12 }, unit: { enum: ['C', 'F'] } },
      required: ['city', 'unit'],
    },
  },
};
const HELLO = [{ role: 'user', content: 'Hello' }];
const toolsJson = JSON.stringify([WEATHER]);

describe('submit() with the model template', () => {
  const harness = new Harness();
  beforeAll(async () => {
    await harness.load({ contextTokens: 1024, sequences: 2 });
    await harness.attach('base');
  });
  afterAll(() => harness.engine.close());

  test('load() tells that the template has no tools', async () => {
    const other = new Harness();
    expect(await other.load()).toMatchObject({ hasChatTemplate: true, supportsTools: false });
    await other.engine.close();
  });

  test('submit() rejects tools that the template cannot express, unless they must not be used', async () => {
    for (const toolChoice of ['auto', 'required'] as const) {
      const refused = await harness.chatJson(HELLO, {}, { toolsJson, toolChoice });
      expect(refused.rejected?.code).toBe('tools_unsupported');
    }
    const none = await harness.chatJson(HELLO, {}, { toolsJson, toolChoice: 'none' });
    expect(none.text).toBe((await harness.chat('Hello')).text);
  });

  test('submit() reads parts, the developer role and null content', async () => {
    const plain = await harness.chatJson([
      { role: 'system', content: 'Talk like a pirate.' },
      { role: 'user', content: 'Hello' },
    ]);
    const shaped = await harness.chatJson([
      { role: 'developer', content: [{ type: 'text', text: 'Talk like a pirate.' }] },
      { role: 'user', content: [{ type: 'text', text: 'Hello' }] },
    ]);
    expect(shaped.text).toBe(plain.text);
    expect(shaped.done?.promptTokens).toBe(plain.done?.promptTokens);
    const silent = await harness.chatJson([HELLO[0], { role: 'assistant', content: null }, HELLO[0]]);
    expect(silent.done?.finishReason).toBe('stop');
  });

  test.each([
    ['not JSON', 'nonsense'],
    ['no list', '{}'],
    ['an empty list', '[]'],
    ['no role', '[{"content":"x"}]'],
    ['an unknown role', '[{"role":"<|im_end|>","content":"x"}]'],
    ['a number as content', '[{"role":"user","content":5}]'],
    ['an image', '[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]'],
    ['deep nesting', `[{"role":"user","content":${'['.repeat(100000)}${']'.repeat(100000)}}]`],
  ])('submit() rejects %s as messages without quoting them', async (_, messagesJson) => {
    const { rejected } = await harness.submit({ prompt: { kind: 'chat', messagesJson } }).answer;
    expect(rejected?.code).toBe('invalid_prompt');
    expect(rejected?.message).not.toContain('im_end');
  });

  test('submit() never lets content become special tokens', async () => {
    const count = async (content: string) => (await harness.chat(content)).accepted?.promptTokens ?? 0;
    const empty = await count('');
    for (const text of ['<|im_end|>', '<|im_start|>', '<|endoftext|>']) {
      expect((await count(text)) - empty).toBeGreaterThan(3);
      expect((await count(`${text}${text}`)) - empty).toBeGreaterThan(6);
    }
  });

  test('submit() breaks special texts that only the parts of a message form together', async () => {
    const parts = (...texts: string[]) => [
      { role: 'user', content: texts.map((text) => ({ type: 'text', text })) },
    ];
    const split = await harness.chatJson(parts('<|im_', 'end|>'));
    const control = await harness.chatJson(parts('<|im_', 'endx>'));
    const tokens = (answer: typeof split) => answer.accepted?.promptTokens ?? 0;
    expect(Math.abs(tokens(split) - tokens(control))).toBeLessThan(3);
  });

  test('submit() leaves private-use characters of the client alone', async () => {
    const content = '\uE000<|im_end|>\uE001';
    expect((await harness.chat(content)).done?.finishReason).toBe('stop');
  });

  test.each([
    ['an enum', { enum: ['red', 'green'] }],
    ['an integer', { type: 'integer', minimum: 3, maximum: 12 }],
    [
      'a nested object',
      {
        type: 'object',
        properties: {
          a: { type: 'array', items: { type: 'boolean' }, minItems: 1, maxItems: 3 },
          b: { const: 'x' },
        },
        required: ['a', 'b'],
        additionalProperties: false,
      },
    ],
  ])('submit() holds the answer to a schema of %s', async (_, schema) => {
    const answer = await harness.chat('Hello', { jsonSchema: JSON.stringify(schema) });
    expect(answer.done?.finishReason).toBe('stop');
    const value: unknown = JSON.parse(answer.text);
    if ('enum' in schema) expect(schema.enum).toContain(value);
    else if (schema.type === 'integer') expect(Number.isInteger(value)).toBe(true);
    else expect(value).toMatchObject({ a: expect.any(Array), b: 'x' });
  });

  test('submit() makes any schema an object, and a cut one ends with length', async () => {
    const cut = await harness.chat('Hello', { jsonSchema: '{}', maxTokens: 2 });
    expect(cut.done?.finishReason).toBe('length');
    expect(cut.text.startsWith('{')).toBe(true);
  });

  test('submit() holds plain completions to a schema too', async () => {
    const prompt = { kind: 'text' as const, text: 'The answer is ' };
    const { answer } = harness.submit({ prompt, jsonSchema: '{"type":"boolean"}' });
    expect(['true', 'false']).toContain((await answer).text);
  });

  test.each([
    'nonsense',
    '[]',
    '{"type":"nonsense"}',
    '{"$ref":"#/nowhere"}',
    `${'{"items":'.repeat(5000)}1${'}'.repeat(5000)}`,
  ])('submit() rejects the bad schema %#', async (jsonSchema) => {
    const refused = await harness.chat('Hello', { jsonSchema });
    expect(refused.rejected?.code).toBe('invalid_json_schema');
  });
});

describe('submit() with a Qwen-style template', () => {
  const harness = new Harness();
  beforeAll(async () => {
    expect(await harness.load({ contextTokens: 2048, sequences: 2, chatTemplate: QWEN })).toMatchObject({
      supportsTools: true,
    });
    await harness.attach('base');
  });
  afterAll(() => harness.engine.close());

  test('submit() answers plain chats as the model template does', async () => {
    expect((await harness.chat('What is 7 plus 12?')).text).toBe('7 plus 12 is 19.');
  });

  test('submit() forces a valid tool call with tool choice required', async () => {
    const before = harness.events.length;
    const answer = await harness.chatJson(HELLO, {}, { toolsJson, toolChoice: 'required' });
    expect(answer.done?.finishReason).toBe('tool_calls');
    expect(answer.toolCalls.length).toBeGreaterThan(0);
    for (const call of answer.toolCalls) {
      expect(call.name).toBe('get_weather');
      expect(call.id).toMatch(/^\S+$/);
      expect(JSON.parse(call.arguments)).toMatchObject({
        city: expect.any(String),
        unit: expect.stringMatching(/^[CF]$/),
      });
    }
    expect(answer.text).not.toContain('<tool_call>');
    const ids = harness.events
      .slice(before)
      .flatMap((event) => (event.type === 'delta' ? (event.toolCalls ?? []) : []));
    expect(ids.filter((call) => call.id !== undefined)).toHaveLength(answer.toolCalls.length);
  });

  test('submit() keeps tools out of a sampled answer with tool choice none', async () => {
    const answer = await harness.chatJson(HELLO, { maxTokens: 20 }, { toolsJson, toolChoice: 'none' });
    expect(answer.toolCalls).toHaveLength(0);
    expect(answer.rejected).toBeUndefined();
  });

  test('submit() takes the history of a tool call', async () => {
    const call = {
      id: 'call_1',
      type: 'function',
      function: { name: 'get_weather', arguments: '{"city":"Rome","unit":"C"}' },
    };
    const answer = await harness.chatJson(
      [
        ...HELLO,
        { role: 'assistant', content: null, tool_calls: [call] },
        { role: 'tool', tool_call_id: 'call_1', content: '21' },
      ],
      { maxTokens: 20 },
      { toolsJson },
    );
    expect(answer.done?.promptTokens).toBeGreaterThan(100);
  });

  test('submit() does not resolve escapes in tool call arguments into special tokens', async () => {
    const history = (text: string) => {
      const call = { id: 'c', type: 'function', function: { name: 'f', arguments: `{"a":"${text}"}` } };
      return [
        ...HELLO,
        { role: 'assistant', content: null, tool_calls: [call] },
        { role: 'tool', tool_call_id: 'c', content: 'x' },
      ];
    };
    const hidden = await harness.chatJson(history('\\u003c|im_end|\\u003e'), { maxTokens: 1 });
    const open = await harness.chatJson(history('<|im_end|>'), { maxTokens: 1 });
    const other = await harness.chatJson(history('<|im_endx>'), { maxTokens: 1 });
    expect(hidden.accepted?.promptTokens).toBe(open.accepted?.promptTokens);
    expect(Math.abs((open.accepted?.promptTokens ?? 0) - (other.accepted?.promptTokens ?? 0))).toBeLessThan(
      3,
    );
  });

  test('submit() takes a schema beside tools', async () => {
    const answer = await harness.chatJson(
      HELLO,
      { jsonSchema: '{"enum":["yes","no"]}', sampling: { ...GREEDY } },
      { toolsJson, toolChoice: 'auto' },
    );
    expect(answer.rejected).toBeUndefined();
    if (answer.toolCalls.length === 0) expect(['"yes"', '"no"']).toContain(answer.text.trim());
  });

  test('submit() rejects tools whose parameters are no schema', async () => {
    const bad = [{ type: 'function', function: { name: 'f', parameters: { type: 'nonsense' } } }];
    const refused = await harness.chatJson(HELLO, {}, { toolsJson: JSON.stringify(bad) });
    expect(refused.rejected?.code).toBe('invalid_json_schema');
  });
});

test('load() rejects a chat template that does not parse', async () => {
  const harness = new Harness();
  await expect(harness.load({ chatTemplate: '{% if %}' })).rejects.toMatchObject({
    code: 'model_load_failed',
  });
  await harness.engine.close();
});
