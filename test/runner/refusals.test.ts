import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { RejectCode } from '../../native/addonTypes.ts';
import { FAKE_BASE } from './fakeEngine.ts';
import { type Serving, serveFake } from './serving.ts';
import { getJson, postJson } from './socketClient.ts';

const CHAT = '/v1/chat/completions';
const TEXT = '/v1/completions';
const messages = [{ role: 'user', content: 'secret words' }];
const chat = { model: 'm', messages };
const text = { model: 'm', prompt: 'secret words' };

let serving: Serving;
beforeAll(async () => {
  serving = await serveFake();
});
afterEach(() => {
  serving.engine.base = FAKE_BASE;
});
afterAll(() => serving.stop());

describe('a refused request', () => {
  test.each([
    [CHAT, 'secret words {', 400, null, 'invalid_json'],
    [CHAT, [], 400, null, 'invalid_value'],
    [CHAT, { ...chat, messages: [] }, 400, 'messages', 'invalid_value'],
    [
      CHAT,
      { ...chat, messages: [{ role: 'user', content: 7 }] },
      400,
      'messages[0].content',
      'invalid_value',
    ],
    [
      CHAT,
      { ...chat, messages: [{ role: 'wizard', content: 'secret words' }] },
      400,
      'messages[0].role',
      'invalid_value',
    ],
    [CHAT, { ...chat, temperature: 'hot' }, 400, 'temperature', 'invalid_value'],
    [CHAT, { ...chat, temperature: 3 }, 400, 'temperature', 'invalid_value'],
    [CHAT, { ...chat, n: 0 }, 400, 'n', 'invalid_value'],
    [CHAT, { ...chat, best_of: 2 }, 400, 'best_of', 'invalid_value'],
    [CHAT, { ...chat, max_tokens: 65 }, 400, 'max_tokens', 'invalid_value'],
    [CHAT, { ...chat, top_logprobs: 2 }, 400, 'top_logprobs', 'invalid_value'],
    [CHAT, { ...chat, logit_bias: { 100: 1 } }, 400, 'logit_bias', 'invalid_logit_bias'],
    [CHAT, { ...chat, tool_choice: 'required' }, 400, 'tool_choice', 'invalid_value'],
    [
      CHAT,
      {
        ...chat,
        tools: [{ type: 'function', function: { name: 'a' } }],
        tool_choice: { type: 'function', function: { name: 'b' } },
      },
      400,
      'tool_choice',
      'invalid_value',
    ],
    [CHAT, { ...chat, model: 'other' }, 404, 'model', 'combo_not_attached'],
    [TEXT, { ...text, echo: true, logprobs: 1 }, 400, 'echo', 'invalid_value'],
    [TEXT, { ...text, prompt: [1, 2], echo: true }, 400, 'echo', 'invalid_value'],
    [TEXT, { ...text, prompt: [[1], [100]] }, 400, 'prompt', 'invalid_value'],
    [TEXT, { ...text, prompt: [] }, 400, 'prompt', 'invalid_value'],
    ['/v1/embeddings', { model: 'm', input: '' }, 400, 'input', 'invalid_value'],
    ['/v1/embeddings', { model: 'm', input: [100] }, 400, 'input', 'invalid_value'],
    ['/v1/embeddings', { model: 'm', input: 'x', dimensions: 1 }, 400, 'dimensions', 'invalid_value'],
    ['/v1/embeddings', { model: 'x', input: 'x' }, 404, 'model', 'combo_not_attached'],
    ['/v1/nothing', chat, 404, null, 'unknown_route'],
  ])('route() refuses %s %j with %i, param %s and code %s', async (url, body, status, param, code) => {
    const answer = await postJson(serving.client, url, body);
    expect(answer.status).toBe(status);
    expect(answer.json).toEqual({
      error: { message: expect.any(String), type: 'invalid_request_error', param, code },
    });
    expect(answer.json.error.message).not.toMatch(/secret|\.$/);
  });

  test.each<[RejectCode, number, string | null]>([
    ['context_length_exceeded', 400, 'messages'],
    ['tools_unsupported', 400, 'tools'],
    ['chat_template_failed', 400, 'messages'],
    ['invalid_json_schema', 400, 'response_format'],
    ['invalid_prompt', 400, 'messages'],
    ['invalid_logit_bias', 400, 'logit_bias'],
    ['combo_not_attached', 404, 'model'],
    ['engine_failed', 500, null],
  ])('failureOfRejection() maps %s to %i and param %s', async (code, status, param) => {
    serving.engine.play = (generation) => generation.reject(code, 'Cannot do it');
    const answer = await postJson(serving.client, CHAT, chat);
    expect(answer.status).toBe(status);
    expect(answer.json.error).toMatchObject({ param, code, message: 'Cannot do it' });
  });

  test('failureOfRejection() names the prompt of a text completion', async () => {
    serving.engine.play = (generation) => generation.reject('context_length_exceeded', 'Cannot fit it');
    const answer = await postJson(serving.client, TEXT, text);
    expect(answer.json.error.param).toBe('prompt');
  });

  test('resolveCombo() answers 503 while no model is loaded', async () => {
    serving.engine.base = null;
    const answer = await postJson(serving.client, CHAT, chat);
    expect(answer.status).toBe(503);
    expect(answer.json.error.code).toBe('model_not_loaded');
    expect(await getJson(serving.client, '/v1/models')).toEqual({ object: 'list', data: [] });
  });

  test('readBody() refuses a body over 16 MiB by its announced length', async () => {
    const big = JSON.stringify({ ...chat, padding: 'x'.repeat(16 * 1024 * 1024) });
    const own = await serveFake();
    const answer = await postJson(own.client, CHAT, big).catch((error: Error) => error);
    // The server may close before the client has written all; what it must not do is take the request.
    if (!(answer instanceof Error)) expect(answer.status).toBe(413);
    expect(own.engine.generations).toEqual([]);
    await own.stop();
  });
});
