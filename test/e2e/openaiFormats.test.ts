import type OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { collect, rejection, user } from './chat.ts';
import { startGateway, type TestGateway } from './startGateway.ts';

type Body = Omit<OpenAI.Chat.ChatCompletionCreateParamsNonStreaming, 'model' | 'stream' | 'messages'>;

let gateway: TestGateway;
let client: OpenAI;
beforeAll(async () => {
  gateway = await startGateway();
  client = gateway.openai();
});
afterAll(() => gateway.dispose());

const messages = user('Give me an animal.');
const ask = (body: Body) =>
  client.chat.completions.create({ model: 'tiny-chat', messages, max_tokens: 600, ...body });
const schemaOf = (schema: Record<string, unknown>): Body => ({
  response_format: { type: 'json_schema', json_schema: { name: 'reply', strict: true, schema } },
});
const object = (properties: Record<string, unknown>) => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
});

const CHECKS: [name: string, schema: Record<string, unknown>, check: (value: any) => void][] = [
  [
    'an enum',
    object({ color: { enum: ['red', 'green'] } }),
    ({ color }) => expect(['red', 'green']).toContain(color),
  ],
  ['a const', object({ kind: { const: 'an "animal"\n' } }), ({ kind }) => expect(kind).toBe('an "animal"\n')],
  [
    'an integer in bounds',
    object({ legs: { type: 'integer', minimum: 2, maximum: 8 } }),
    ({ legs }) => {
      expect(Number.isInteger(legs)).toBe(true);
      expect(legs).toBeGreaterThanOrEqual(2);
      expect(legs).toBeLessThanOrEqual(8);
    },
  ],
  [
    'nested objects and lists',
    object({
      pet: object({
        tame: { type: 'boolean' },
        toys: { type: 'array', items: { enum: ['ball', 'bone'] }, minItems: 1, maxItems: 3 },
      }),
      owner: { anyOf: [{ type: 'null' }, object({ id: { type: 'integer', minimum: 0, maximum: 99 } })] },
    }),
    ({ pet, owner }) => {
      expect(Object.keys(pet)).toEqual(['tame', 'toys']);
      expect(typeof pet.tame).toBe('boolean');
      expect(pet.toys.length).toBeGreaterThanOrEqual(1);
      expect(pet.toys.length).toBeLessThanOrEqual(3);
      for (const toy of pet.toys) expect(['ball', 'bone']).toContain(toy);
      if (owner !== null) expect(Number.isInteger(owner.id)).toBe(true);
    },
  ],
  [
    'a $ref',
    {
      ...object({ a: { $ref: '#/$defs/yes' }, b: { $ref: '#/$defs/yes' } }),
      $defs: { yes: { type: 'boolean' } },
    },
    (value) => expect([typeof value.a, typeof value.b]).toEqual(['boolean', 'boolean']),
  ],
];

describe('response_format json_schema', () => {
  test.each(CHECKS)('holds %s at every seed', async (_, schema, check) => {
    const { choices } = await ask({ ...schemaOf(schema), n: 4, seed: 1, temperature: 1 });
    for (const { message, finish_reason: reason } of choices) {
      expect(reason).toBe('stop');
      check(JSON.parse(message.content ?? ''));
    }
  });

  test('streams what it answers whole', async () => {
    const body = { ...schemaOf(object({ color: { enum: ['red', 'green'] } })), seed: 2 };
    const stream = await client.chat.completions.create({
      model: 'tiny-chat',
      messages,
      stream: true,
      ...body,
    });
    const { texts } = await collect(stream);
    expect(texts).toEqual([(await ask(body)).choices[0]?.message.content]);
  });

  test('is checked by parse(), the helper of the client', async () => {
    const completion = await client.chat.completions.parse({
      model: 'tiny-chat',
      messages,
      ...schemaOf(object({ color: { enum: ['red'] } })),
    });
    expect(completion.choices[0]?.message.parsed).toEqual({ color: 'red' });
  });

  test.each([
    ['an unknown type', { type: 'banana' }],
    ['a $ref to nowhere', { $ref: '#/$defs/nowhere' }],
  ])('of %s is a 400 that names `response_format`', async (_, schema) => {
    const error = await rejection(ask(schemaOf(schema)));
    expect(error.status).toBe(400);
    expect(error.param).toContain('response_format');
  });

  test('holds with an adapter too', async () => {
    const { choices } = await client.chat.completions.create({
      model: 'tiny-chat:pirate',
      messages,
      ...schemaOf(object({ legs: { type: 'integer', minimum: 0, maximum: 4 } })),
    });
    expect(Object.keys(JSON.parse(choices[0]?.message.content ?? ''))).toEqual(['legs']);
  });
});

test('response_format json_object gives one JSON object', async () => {
  const { choices } = await client.chat.completions.create({
    model: 'tiny-chat',
    messages: user('What color is a banana?'),
    temperature: 0,
    response_format: { type: 'json_object' },
  });
  const value = JSON.parse(choices[0]?.message.content ?? '');
  expect(typeof value === 'object' && value !== null && !Array.isArray(value)).toBe(true);
});

test('response_format text changes nothing', async () => {
  const { choices } = await ask({ response_format: { type: 'text' }, temperature: 0 });
  expect(choices[0]?.message.content).toBe((await ask({ temperature: 0 })).choices[0]?.message.content);
});
