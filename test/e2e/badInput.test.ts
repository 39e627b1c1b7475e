import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { banana, DEMO_FILES, user } from './chat.ts';
import { readRequests } from './readRequests.ts';
import { demoConfig, startGateway, type TestGateway, until } from './startGateway.ts';

const CHAT = '/v1/chat/completions';
const TEXT = '/v1/completions';
const EMBED = '/v1/embeddings';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway({
    standbys: 0,
    config: demoConfig().replace(
      'adapters:',
      `  - { id: twin, path: ${DEMO_FILES.base} }\nadapters:\n  - { id: twins-own, base: twin, path: ${DEMO_FILES.json} }`,
    ),
  });
});
afterAll(() => gateway.dispose());

interface Expected {
  readonly status: number;
  readonly code: string;
  readonly param?: string | null;
}

/** All of an answer that a refusal is told by. */
const answerOf = async (response: Response) => ({
  status: response.status,
  contentType: response.headers.get('content-type'),
  requestId: response.headers.get('x-request-id'),
  body: await response.json(),
});

/** The envelope has these keys and no others. */
const refusal = ({ status, code, param }: Expected) => ({
  status,
  contentType: 'application/json',
  requestId: expect.stringMatching(/^req_/),
  body: {
    error: {
      message: expect.stringMatching(/^Cannot .*[^.]$/s),
      type: 'invalid_request_error',
      param: param === undefined ? null : param,
      code,
    },
  },
});

async function rowOf(response: Response) {
  const id = response.headers.get('x-request-id');
  const find = () => readRequests(gateway.dataDir).find((row) => row.request_id === id);
  await until(() => find() !== undefined, `the ledger has ${id}`);
  return find();
}

const refusedRow = ({ status, code }: Expected) => ({
  http_status: status,
  error_code: code,
  start_kind: null,
  runner_id: null,
  completion_tokens: 0,
});

const invalid = (param: string): Expected => ({ status: 400, code: 'invalid_request', param });
const badLora = (param: string): Expected => ({ status: 400, code: 'invalid_lora', param });
const unknown = (param: string): Expected => ({ status: 404, code: 'model_not_found', param });
const unsupported = (param: string): Expected => ({ status: 400, code: 'unsupported_parameter', param });
const brokenJson: Expected = { status: 400, code: 'invalid_json', param: null };

const chat = (extra: object) => ({ ...banana('tiny-chat'), ...extra });
const nested = (levels: number) => '{"a":'.repeat(levels) + '1' + '}'.repeat(levels);
const schema = (text: string) =>
  JSON.stringify(
    chat({ response_format: { type: 'json_schema', json_schema: { name: 'x', schema: 0 } } }),
  ).replace('"schema":0', `"schema":${text}`);
const said = (message: object) => chat({ messages: [message] });

const REFUSALS: [name: string, path: string, body: unknown, expected: Expected][] = [
  ['broken JSON', CHAT, '{"model": "tiny-chat", "messages": [', brokenJson],
  ['an empty body', CHAT, '', brokenJson],
  [
    'NaN, which is no JSON',
    CHAT,
    JSON.stringify(chat({ temperature: 0 })).replace('"temperature":0', '"temperature":NaN'),
    brokenJson,
  ],
  ['a body that is a list', CHAT, [], { status: 400, code: 'invalid_request', param: null }],
  ['a body that is null', EMBED, 'null', { status: 400, code: 'invalid_request', param: null }],
  ['no model', CHAT, { messages: user('Hello') }, invalid('model')],
  ['a model that is a number', CHAT, chat({ model: 7 }), invalid('model')],
  ['no messages', CHAT, { model: 'tiny-chat' }, invalid('messages')],
  ['an empty list of messages', CHAT, chat({ messages: [] }), invalid('messages')],
  ['messages that are text', CHAT, chat({ messages: 'Hello' }), invalid('messages')],
  ['a message of an unknown role', CHAT, said({ role: 'wizard', content: 'x' }), invalid('messages[0].role')],
  ['a message without content', CHAT, said({ role: 'user' }), invalid('messages[0].content')],
  ['content that is a number', CHAT, said({ role: 'user', content: 7 }), invalid('messages[0].content')],
  [
    'a tool message without its call',
    CHAT,
    said({ role: 'tool', content: 'x' }),
    invalid('messages[0].tool_call_id'),
  ],
  [
    'an image part',
    CHAT,
    said({
      role: 'user',
      content: [
        { type: 'text', text: 'x' },
        { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } },
      ],
    }),
    unsupported('messages[0].content[1].type'),
  ],
  [
    'an audio part',
    CHAT,
    said({ role: 'user', content: [{ type: 'input_audio', input_audio: { data: 'AA==', format: 'wav' } }] }),
    unsupported('messages[0].content[0].type'),
  ],
  ['audio output', CHAT, chat({ modalities: ['text', 'audio'] }), unsupported('modalities')],
  ['an unknown model', CHAT, banana('gpt-17'), unknown('model')],
  ['an unknown model for completions', TEXT, { model: 'gpt-17', prompt: 'x' }, unknown('model')],
  ['an unknown model for embeddings', EMBED, { model: 'gpt-17', input: 'x' }, unknown('model')],
  ['an unknown adapter in the name', CHAT, banana('tiny-chat+parrot'), unknown('model')],
  ['an unknown adapter in `lora`', CHAT, chat({ lora: [{ id: 'parrot' }] }), unknown('lora')],
  ['an adapter of another base', CHAT, banana('tiny-chat:twins-own'), badLora('model')],
  [
    'an adapter of another base with equal files',
    CHAT,
    chat({ model: 'twin', lora: [{ id: 'pirate' }] }),
    badLora('lora'),
  ],
  ['a NaN scale', CHAT, banana('tiny-chat+pirate@NaN'), badLora('model')],
  ['a scale in exponents', CHAT, banana('tiny-chat+pirate@1e1'), badLora('model')],
  ['an empty scale', CHAT, banana('tiny-chat+pirate@'), badLora('model')],
  ['a huge scale', CHAT, banana('tiny-chat+pirate@100000'), badLora('model')],
  ['a scale that is text', CHAT, chat({ lora: [{ id: 'pirate', scale: '0.5' }] }), badLora('lora[0].scale')],
  ['an adapter without an id', CHAT, banana('tiny-chat+'), badLora('model')],
  ['the same adapter twice', CHAT, banana('tiny-chat+pirate+pirate@0.5'), badLora('model')],
  [
    'the same adapter in name and `lora`',
    CHAT,
    chat({ model: 'tiny-chat:pirate', lora: [{ id: 'pirate' }] }),
    badLora('lora'),
  ],
  [
    'an unknown field of `lora`',
    CHAT,
    chat({ lora: [{ id: 'pirate', weight: 1 }] }),
    badLora('lora[0].weight'),
  ],
  ['1e6 max_tokens', CHAT, chat({ max_tokens: 1e6 }), invalid('max_tokens')],
  ['1e6 max_completion_tokens', CHAT, chat({ max_completion_tokens: 1e6 }), invalid('max_completion_tokens')],
  [
    '1e6 max_tokens of completions',
    TEXT,
    { model: 'tiny-chat', prompt: 'x', max_tokens: 1e6 },
    invalid('max_tokens'),
  ],
  ['0 max_tokens', CHAT, chat({ max_tokens: 0 }), invalid('max_tokens')],
  ['max_tokens that is no integer', CHAT, chat({ max_tokens: 1.5 }), invalid('max_tokens')],
  ['a temperature above 2', CHAT, chat({ temperature: 2.1 }), invalid('temperature')],
  ['a temperature that is text', CHAT, chat({ temperature: '0' }), invalid('temperature')],
  ['top_p above 1', CHAT, chat({ top_p: 1.1 }), invalid('top_p')],
  ['top_k of -2', CHAT, chat({ top_k: -2 }), invalid('top_k')],
  ['min_p below 0', CHAT, chat({ min_p: -0.1 }), invalid('min_p')],
  ['n of 0', CHAT, chat({ n: 0 }), invalid('n')],
  ['n of 1000', CHAT, chat({ n: 1000 }), invalid('n')],
  ['a seed that is text', CHAT, chat({ seed: 'lucky' }), invalid('seed')],
  ['a presence_penalty of 3', CHAT, chat({ presence_penalty: 3 }), invalid('presence_penalty')],
  ['a frequency_penalty of -3', CHAT, chat({ frequency_penalty: -3 }), invalid('frequency_penalty')],
  ['logit_bias beyond 100', CHAT, chat({ logit_bias: { 5: 101 } }), invalid('logit_bias.5')],
  ['logit_bias of a word', CHAT, chat({ logit_bias: { yes: 1 } }), invalid('logit_bias.yes')],
  ['21 top_logprobs', CHAT, chat({ logprobs: true, top_logprobs: 21 }), invalid('top_logprobs')],
  ['logprobs of chat that is a number', CHAT, chat({ logprobs: 5 }), invalid('logprobs')],
  ['stop that is a number', CHAT, chat({ stop: 5 }), invalid('stop')],
  ['stream that is text', CHAT, chat({ stream: 'yes' }), invalid('stream')],
  [
    'stream_options without stream',
    CHAT,
    chat({ stream_options: { include_usage: true } }),
    invalid('stream_options'),
  ],
  [
    'an unknown response format',
    CHAT,
    chat({ response_format: { type: 'xml' } }),
    invalid('response_format.type'),
  ],
  [
    'a json_schema without a name',
    CHAT,
    chat({ response_format: { type: 'json_schema', json_schema: {} } }),
    invalid('response_format.json_schema.name'),
  ],
  ['a tool without a function', CHAT, chat({ tools: [{ type: 'function' }] }), invalid('tools[0].function')],
  ['tool_choice required without tools', CHAT, chat({ tool_choice: 'required' }), invalid('tool_choice')],
  ['a keep_alive that is no duration', CHAT, chat({ keep_alive: 'soon' }), invalid('keep_alive')],
  ['a schema of 10,000 levels', CHAT, schema(nested(10_000)), invalid('response_format.json_schema.schema')],
  [
    'messages of 100,000 levels',
    CHAT,
    `{"model":"tiny-chat","messages":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
    invalid('messages[0]'),
  ],
  ['a prompt of mixed kinds', TEXT, { model: 'tiny-chat', prompt: ['x', 1] }, invalid('prompt[1]')],
  ['no prompt', TEXT, { model: 'tiny-chat' }, invalid('prompt')],
  ['a suffix', TEXT, { model: 'tiny-chat', prompt: 'x', suffix: 'y' }, unsupported('suffix')],
  ['best_of above n', TEXT, { model: 'tiny-chat', prompt: 'x', best_of: 3 }, unsupported('best_of')],
  ['an empty input', EMBED, { model: 'tiny-chat', input: '' }, invalid('input')],
  ['an empty list of inputs', EMBED, { model: 'tiny-chat', input: [] }, invalid('input')],
  [
    'an unknown encoding_format',
    EMBED,
    { model: 'tiny-chat', input: 'x', encoding_format: 'hex' },
    invalid('encoding_format'),
  ],
];

describe('a refusal at the door', () => {
  test.each(REFUSALS)('of %s has its status, envelope and ledger row', async (_, path, body, expected) => {
    const response = await gateway.post(path, body);
    expect(await answerOf(response)).toEqual(refusal(expected));
    expect(await rowOf(response)).toMatchObject(refusedRow(expected));
  });

  test('tells what it cost, and the combo where it is known, in headers as every inference answer does', async () => {
    const headersOf = async (extra: object) => {
      const { headers } = await gateway.post(CHAT, chat(extra));
      expect(headers.get('openai-processing-ms')).toMatch(/^\d+$/);
      expect(headers.get('server-timing')).toMatch(/^queue;dur=\d/);
      return headers.get('x-hearth-combo');
    };
    expect(await headersOf({ temperature: 3 })).toBeNull();
    expect(await headersOf({ model: 'tiny-chat:pirate', max_tokens: 1e6 })).toBe('tiny-chat+pirate');
  });

  test('of a body that is not UTF-8 is invalid_json', async () => {
    const body = Buffer.concat([Buffer.from('{"model":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]);
    expect(await answerOf(await gateway.post(CHAT, '', { body }))).toEqual(refusal(brokenJson));
  });

  test('of a 10 MB body is 413, with a length and chunked', async () => {
    const expected = { status: 413, code: 'request_too_large', param: null };
    const body = JSON.stringify(chat({ messages: user('x'.repeat(10 * 1024 * 1024)) }));
    const announced = await gateway.post(CHAT, body);
    expect(await answerOf(announced)).toEqual(refusal(expected));
    expect(await rowOf(announced)).toMatchObject(refusedRow(expected));
    const pieces = Array.from({ length: 11 }, (_, index) =>
      body.slice(index * 1_000_000, (index + 1) * 1_000_000),
    );
    const stream = new Blob(pieces).stream();
    const chunked = await gateway.post(CHAT, '', { body: stream, duplex: 'half' });
    expect(await answerOf(chunked)).toEqual(refusal(expected));
    expect(await rowOf(chunked)).toMatchObject(refusedRow(expected));
  });

  test('of another content type or encoding is 415', async () => {
    const form = await gateway.post(CHAT, 'model=tiny-chat', {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(await answerOf(form)).toEqual(
      refusal({ status: 415, code: 'unsupported_media_type', param: null }),
    );
    const packed = await gateway.post(CHAT, banana('tiny-chat'), { headers: { 'content-encoding': 'gzip' } });
    expect(await answerOf(packed)).toEqual(
      refusal({ status: 415, code: 'unsupported_media_type', param: null }),
    );
  });

  test('of an unknown path is 404, of an unknown method 405 with `allow`', async () => {
    expect(await answerOf(await fetch(`${gateway.url}/v1/nothing`))).toEqual(
      refusal({ status: 404, code: 'not_found' }),
    );
    expect(await answerOf(await fetch(`${gateway.url}/`))).toEqual(
      refusal({ status: 404, code: 'not_found' }),
    );
    const get = await fetch(`${gateway.url}${CHAT}`);
    expect(await answerOf(get)).toEqual(refusal({ status: 405, code: 'method_not_allowed' }));
    expect(get.headers.get('allow')).toBe('POST, OPTIONS');
    const put = await fetch(`${gateway.url}/v1/models`, { method: 'PUT', body: '{}' });
    expect(await answerOf(put)).toEqual(refusal({ status: 405, code: 'method_not_allowed' }));
  });

  test('never repeats what the client wrote into messages', async () => {
    for (const body of [
      said({ role: 'user', content: [{ type: 'secret-kind', text: 'secret-text' }] }),
      said({ role: 'secret-role', content: 'secret-text' }),
      `{"model":"tiny-chat","messages":[{"role":"user","content":"secret-text"`,
      { model: 'tiny-chat', prompt: ['x', { secret: 'secret-text' }] },
    ]) {
      const path = typeof body === 'object' && 'prompt' in body ? TEXT : CHAT;
      const text = await (await gateway.post(path, body)).text();
      expect(text).toContain('"error"');
      expect(text).not.toContain('secret-');
    }
  });

  test('starts nothing', async () => {
    expect(await gateway.runners()).toEqual([]);
    const { json } = await gateway.admin('GET', '/events?limit=1000');
    expect(json.data.filter((event: { runner: unknown }) => event.runner !== null)).toEqual([]);
  });
});
