import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseChat } from '../../gateway/http/openai/parseChat.ts';
import { parseCompletion } from '../../gateway/http/openai/parseCompletion.ts';
import { parseEmbedding } from '../../gateway/http/openai/parseEmbedding.ts';
import { accepted, RUNNER_SCHEMAS, refused } from './normalised.ts';

const completion = (more: object) =>
  accepted(parseCompletion({ model: 'm', prompt: 'x', ...more }), 'completion');
const badCompletion = (more: object) => refused(parseCompletion({ model: 'm', prompt: 'x', ...more }));
const embedding = (more: object) =>
  accepted(parseEmbedding({ model: 'm', input: 'x', ...more }), 'embedding');
const badEmbedding = (more: object) => refused(parseEmbedding({ model: 'm', input: 'x', ...more }));

const SHAPES = ['a', ['a', 'b'], [1, 2, 3], [[1], [2, 3]]];

test('parseCompletion() asks for 16 tokens unless told otherwise', () => {
  expect(completion({}).body['max_tokens']).toBe(16);
  expect(completion({}).maxTokens).toBeUndefined();
  expect(completion({ max_tokens: 3 })).toMatchObject({ maxTokens: 3, body: { max_tokens: 3 } });
});

test('parseCompletion() takes a prompt in all four shapes', () => {
  for (const prompt of SHAPES) expect(completion({ prompt }).body['prompt']).toEqual(prompt);
  expect(completion({ prompt: '' }).body['prompt']).toBe('');
});

test('parseCompletion() passes logprobs and echo on', () => {
  expect(completion({ logprobs: 5, echo: true, stream: true }).body).toMatchObject({
    logprobs: 5,
    echo: true,
    stream: true,
  });
});

test('parseCompletion() takes best_of and suffix where they ask for nothing', () => {
  expect(completion({ best_of: 1, suffix: '' }).body).not.toHaveProperty('best_of');
  expect(completion({ n: 3, best_of: 3 }).body['n']).toBe(3);
  expect(badCompletion({ best_of: 2 })).toMatchObject({ code: 'unsupported_parameter', param: 'best_of' });
  expect(badCompletion({ n: 2, best_of: 1 })).toMatchObject({ code: 'invalid_request', param: 'best_of' });
  expect(badCompletion({ suffix: 'z' })).toMatchObject({ code: 'unsupported_parameter', param: 'suffix' });
});

test.each([
  [[], 'prompt'],
  [5, 'prompt'],
  [null, 'prompt'],
  [['a', 1], 'prompt[1]'],
  [[1, 'a'], 'prompt[1]'],
  [[1, 1.5], 'prompt[1]'],
  [[-1], 'prompt[0]'],
  [[[]], 'prompt[0]'],
  [[[1], 'a'], 'prompt[1]'],
  [[{}], 'prompt[0]'],
])('parseCompletion() refuses prompt %j', (prompt, param) => {
  expect(badCompletion({ prompt }).param).toBe(param);
});

test('parseCompletion() bounds prompts times n', () => {
  expect(completion({ prompt: ['a', 'b'], n: 64 }).body['n']).toBe(64);
  expect(badCompletion({ prompt: ['a', 'b'], n: 65 }).param).toBe('prompt');
  expect(refused(parseCompletion({ model: 'm' })).param).toBe('prompt');
});

test('parseCompletion() takes a million token ids', () => {
  const prompt = Array.from({ length: 1_000_000 }, (_, index) => index);
  expect(parseCompletion({ model: 'm', prompt }).ok).toBe(true);
});

test('parseEmbedding() takes an input in all four shapes', () => {
  for (const input of SHAPES) expect(embedding({ input }).body['input']).toEqual(input);
});

test('parseEmbedding() passes its fields on', () => {
  expect(
    embedding({ encoding_format: 'base64', dimensions: 8, user: 'u', lora: [{ id: 'a' }] }),
  ).toMatchObject({
    body: { encoding_format: 'base64', dimensions: 8 },
    lora: [{ id: 'a' }],
    stream: false,
  });
  expect(embedding({ input_type: 'query' }).ignored).toEqual(['input_type']);
});

test.each([
  [{ input: '' }, 'input'],
  [{ input: ['a', ''] }, 'input[1]'],
  [{ input: [] }, 'input'],
  [{ input: Array.from({ length: 2049 }, () => 'a') }, 'input'],
  [{ encoding_format: 'hex' }, 'encoding_format'],
  [{ dimensions: 0 }, 'dimensions'],
])('parseEmbedding() refuses %j', (more, param) => {
  expect(badEmbedding(more).param).toBe(param);
});

/** Any JSON, half the time under the names of real fields, so that it gets past the first check. */
const names = [
  'model',
  'messages',
  'prompt',
  'input',
  'stop',
  'tools',
  'lora',
  'n',
  'keep_alive',
  'logit_bias',
];
const anyBody = fc.oneof(
  fc.jsonValue(),
  fc.dictionary(fc.constantFrom(...names, 'content', 'stream', '__proto__'), fc.jsonValue()),
  fc.record({
    model: fc.string(),
    messages: fc.array(
      fc.record(
        {
          role: fc.constantFrom('user', 'assistant', 'tool', 'system', 'function', 'developer'),
          content: fc.jsonValue(),
        },
        { requiredKeys: [] },
      ),
    ),
    prompt: fc.oneof(fc.string(), fc.array(fc.nat()), fc.array(fc.array(fc.nat()))),
    input: fc.jsonValue(),
    stop: fc.oneof(fc.string(), fc.array(fc.string())),
    temperature: fc.double(),
  }),
);

test('parse functions give a result for any JSON, and what they accept fits the runner', () => {
  fc.assert(
    fc.property(anyBody, (json) => {
      for (const [parse, schema] of [
        [parseChat, RUNNER_SCHEMAS.chat],
        [parseCompletion, RUNNER_SCHEMAS.completion],
        [parseEmbedding, RUNNER_SCHEMAS.embedding],
      ] as const) {
        const result = parse(json);
        if (result.ok) schema.parse({ model: 'base', ...result.value.body });
        else expect(result.error.message).toMatch(/^Cannot /);
      }
    }),
    { numRuns: 500 },
  );
});
