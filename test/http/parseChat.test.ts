import { expect, test } from 'vitest';
import { parseChat } from '../../gateway/http/openai/parseChat.ts';
import { accepted, refused } from './normalised.ts';

const user = { role: 'user', content: 'hi' };
const base = { model: 'tiny-chat', messages: [user] };
const tool = (name: string, more: object = {}) => ({ type: 'function', function: { name, ...more } });
const chat = (more: object) => accepted(parseChat({ ...base, ...more }), 'chat');
const bad = (more: object) => refused(parseChat({ ...base, ...more }));
const badMessage = (message: unknown) => bad({ messages: [message] });

test('parseChat() takes the smallest request and adds nothing', () => {
  expect(chat({})).toEqual({
    model: 'tiny-chat',
    lora: [],
    body: { messages: [user] },
    stream: false,
    includeUsage: false,
    legacyFunctions: false,
    keepAliveMs: undefined,
    serviceTier: null,
    maxTokens: undefined,
    maxTokensParam: 'max_tokens',
    ignored: [],
  });
});

test('parseChat() passes every sampling field on', () => {
  const sampling = {
    n: 2,
    temperature: 0.5,
    top_p: 0.9,
    top_k: 40,
    min_p: 0.05,
    seed: 7,
    presence_penalty: -2,
    frequency_penalty: 2,
    logit_bias: { 12: -100 },
    max_tokens: 5,
    stop: ['a', 'b'],
    logprobs: true,
    top_logprobs: 3,
  };
  expect(chat({ ...sampling, user: 'u', repetition_penalty: 1.1 }).body).toEqual({
    messages: [user],
    ...sampling,
    repeat_penalty: 1.1,
  });
});

test('parseChat() takes null for absent in every optional field', () => {
  const names = ['n', 'temperature', 'top_p', 'top_k', 'min_p', 'seed', 'stop', 'logit_bias', 'max_tokens'];
  const more = ['tools', 'tool_choice', 'functions', 'response_format', 'stream', 'stream_options', 'lora'];
  const rest = ['keep_alive', 'user', 'logprobs', 'modalities', 'audio', 'store', 'parallel_tool_calls'];
  const nulls = Object.fromEntries([...names, ...more, ...rest].map((name) => [name, null]));
  const parsed = chat(nulls);
  expect(parsed.body).toEqual({ messages: [user] });
  expect(parsed.ignored).toEqual([]);
});

test('parseChat() lets max_completion_tokens win over max_tokens', () => {
  const parsed = chat({ max_tokens: 5, max_completion_tokens: 9 });
  expect(parsed.maxTokens).toBe(9);
  expect(parsed.body['max_tokens']).toBe(9);
});

test('parseChat() makes a list of a lone stop string and drops empty ones', () => {
  expect(chat({ stop: 'x' }).body['stop']).toEqual(['x']);
  expect(chat({ stop: '' }).body).not.toHaveProperty('stop');
  expect(chat({ stop: ['', 'y'] }).body['stop']).toEqual(['y']);
});

test('parseChat() folds a seed beyond the safe integers into one', () => {
  const seed = chat({ seed: 2 ** 63 }).body['seed'];
  expect(Number.isSafeInteger(seed)).toBe(true);
  expect(seed).not.toBe(chat({ seed: 2 ** 62 }).body['seed']);
  expect(chat({ seed: -1 }).body['seed']).toBe(-1);
  expect(bad({ seed: 1.5 }).param).toBe('seed');
});

test('parseChat() reads stream and include_usage, and refuses stream_options without stream', () => {
  expect(
    chat({ stream: true, stream_options: { include_usage: true, include_obfuscation: false } }),
  ).toMatchObject({
    stream: true,
    includeUsage: true,
    body: { stream: true, stream_options: { include_usage: true } },
  });
  expect(bad({ stream_options: { include_usage: true } }).param).toBe('stream_options');
});

test('parseChat() turns the developer role into system', () => {
  const messages = [{ role: 'developer', content: 'Be brief' }, user];
  expect(chat({ messages }).body['messages']).toEqual([{ role: 'system', content: 'Be brief' }, user]);
});

test('parseChat() keeps text parts and reads refusals as text', () => {
  const messages = [
    { role: 'user', content: [{ type: 'text', text: 'a', cache_control: { type: 'ephemeral' } }] },
    { role: 'assistant', content: [{ type: 'refusal', refusal: 'no' }] },
    { role: 'assistant', content: null, refusal: 'never' },
    user,
  ];
  expect(chat({ messages }).body['messages']).toEqual([
    { role: 'user', content: [{ type: 'text', text: 'a' }] },
    { role: 'assistant', content: [{ type: 'text', text: 'no' }] },
    { role: 'assistant', content: 'never' },
    user,
  ]);
});

test('parseChat() translates function_call and function messages to a tool call and its answer', () => {
  const messages = [
    user,
    { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{}' } },
    { role: 'function', name: 'f', content: '42' },
  ];
  expect(chat({ messages }).body['messages']).toEqual([
    user,
    {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } }],
    },
    { role: 'tool', name: 'f', content: '42', tool_call_id: 'call_1' },
  ]);
});

test('parseChat() takes back an assistant message as the openai client returned it', () => {
  const message = {
    role: 'assistant',
    content: null,
    refusal: null,
    annotations: [],
    audio: null,
    tool_calls: [{ index: 0, id: 'c1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } }],
  };
  const parsed = chat({ messages: [user, message, { role: 'tool', tool_call_id: 'c1', content: 'x' }] });
  expect(parsed.ignored).toEqual([]);
  expect(parsed.body['messages']?.[1]).toEqual({
    role: 'assistant',
    content: null,
    tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } }],
  });
});

test('parseChat() translates functions and function_call to tools and remembers', () => {
  const parsed = chat({ functions: [{ name: 'f', parameters: {} }], function_call: { name: 'f' } });
  expect(parsed.legacyFunctions).toBe(true);
  expect(parsed.body).toMatchObject({
    tools: [tool('f', { parameters: {} })],
    tool_choice: { type: 'function', function: { name: 'f' } },
    parallel_tool_calls: false,
  });
});

test('parseChat() passes tools on without what runners do not know', () => {
  const tools = [tool('f', { description: 'd', parameters: { type: 'object' }, strict: true })];
  expect(chat({ tools, tool_choice: 'required', parallel_tool_calls: false }).body).toMatchObject({
    tools: [tool('f', { description: 'd', parameters: { type: 'object' } })],
    tool_choice: 'required',
    parallel_tool_calls: false,
  });
  expect(chat({ tools: [], tool_choice: 'auto', parallel_tool_calls: true }).body).toEqual({
    messages: [user],
  });
});

test('parseChat() honours allowed_tools by leaving the others out', () => {
  const tools = [tool('f'), tool('g')];
  const allowed = { mode: 'required', tools: [tool('g')] };
  expect(chat({ tools, tool_choice: { type: 'allowed_tools', allowed_tools: allowed } }).body).toMatchObject({
    tools: [tool('g')],
    tool_choice: 'required',
  });
});

test.each([
  ['an unknown tool', { tools: [tool('f')], tool_choice: tool('g') }, 'tool_choice.function.name'],
  ['a choice without tools', { tool_choice: 'required' }, 'tool_choice'],
  ['a name twice', { tools: [tool('f'), tool('f')] }, 'tools[1].function.name'],
  ['a bad name', { tools: [tool('a b')] }, 'tools[0].function.name'],
  ['a custom tool', { tools: [{ type: 'custom', custom: { name: 'x' } }] }, 'tools[0].type'],
  ['both tools and functions', { tools: [tool('f')], functions: [{ name: 'f' }] }, 'functions'],
  ['an unknown function', { functions: [{ name: 'f' }], function_call: { name: 'g' } }, 'function_call.name'],
  ['an unknown choice', { tools: [tool('f')], tool_choice: 'maybe' }, 'tool_choice'],
])('parseChat() refuses %s among tools', (_, more, param) => {
  expect(bad(more).param).toBe(param);
});

test('parseChat() takes all response formats', () => {
  const schema = { type: 'object', properties: { a: { enum: [1, 2] } } };
  const format = { type: 'json_schema', json_schema: { name: 'n', schema, strict: true } };
  expect(chat({ response_format: format }).body['response_format']).toEqual(format);
  expect(chat({ response_format: { type: 'text' } }).body['response_format']).toEqual({ type: 'text' });
  expect(chat({ response_format: { type: 'json_object', schema } }).body['response_format']).toEqual({
    type: 'json_schema',
    json_schema: { name: 'response', schema },
  });
  expect(bad({ response_format: { type: 'xml' } }).param).toBe('response_format.type');
});

test.each([
  ['5m', 300_000],
  ['1h30m', 5_400_000],
  ['1.5s', 1500],
  ['250ms', 250],
  ['-1', Number.POSITIVE_INFINITY],
  ['-1m', Number.POSITIVE_INFINITY],
  ['0', 0],
  [0, 0],
  [-1, Number.POSITIVE_INFINITY],
  [12.5, 12_500],
])('parseDuration() reads keep_alive %s as %d ms', (value, expected) => {
  expect(chat({ keep_alive: value }).keepAliveMs).toBe(expected);
});

test.each(['soon', '5', '5 m', '', 'm', '1h-30m', 'NaN', true, [], {}])(
  'parseDuration() refuses keep_alive %j unless it is seconds',
  (value) => {
    if (value === '5') expect(chat({ keep_alive: value }).keepAliveMs).toBe(5000);
    else expect(bad({ keep_alive: value }).param).toBe('keep_alive');
  },
);

test('parseChat() takes lora entries', () => {
  expect(chat({ lora: [{ id: 'pirate', scale: 0.5 }, { id: 'json' }] }).lora).toEqual([
    { id: 'pirate', scale: 0.5 },
    { id: 'json' },
  ]);
});

test.each([
  [[{ id: 'a', scale: 'NaN' }], 'lora[0].scale'],
  [[{ id: 'a', scale: null }], 'lora[0].scale'],
  [[{ id: 'a', scale: 1e9 }], 'lora[0].scale'],
  [[{ id: 0, scale: 1 }], 'lora[0].id'],
  [[{ scale: 1 }], 'lora[0].id'],
  [[{ id: 'a', weight: 1 }], 'lora[0].weight'],
  ['pirate', 'lora'],
  [{ id: 'a' }, 'lora'],
])('parseChat() refuses lora %j as invalid_lora', (lora, param) => {
  expect(bad({ lora })).toMatchObject({ code: 'invalid_lora', param });
});

test('parseChat() names what it ignores, safe for a header and bounded', () => {
  const advisory = {
    store: true,
    metadata: {},
    prompt_cache_key: 'k',
    reasoning_effort: 'low',
  };
  expect(chat({ ...advisory, user: 'u' }).ignored).toEqual(Object.keys(advisory));
  const hostile = chat({ 'x\r\nset-cookie: a': 1, ünï: 1 }).ignored;
  expect(hostile.every((name) => /^[\w.~-]+$/.test(name))).toBe(true);
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`field${index}`, 1]));
  expect(chat(many).ignored).toHaveLength(32);
});

test.each([
  ['modalities', ['text', 'audio']],
  ['audio', { voice: 'x' }],
  ['web_search_options', {}],
])('parseChat() refuses %s, which would change the output', (name, value) => {
  expect(bad({ [name]: value })).toMatchObject({ code: 'unsupported_parameter', param: name });
});

test('parseChat() takes modalities of text alone', () => {
  expect(chat({ modalities: ['text'] }).body).toEqual({ messages: [user] });
});

test.each(['image_url', 'input_audio', 'file'])(
  'parseChat() refuses a part of type %s by its place',
  (type) => {
    const failure = badMessage({ role: 'user', content: [{ type: 'text', text: 'a' }, { type }] });
    expect(failure).toMatchObject({ code: 'unsupported_parameter', param: 'messages[0].content[1].type' });
    expect(failure.message).toContain(type);
  },
);

test('failureOfIssues() tells what was expected where', () => {
  expect(badMessage({ role: 'user', content: 5 }).message).toBe(
    'Cannot read request: `messages[0].content`: expected string or array, got number',
  );
  expect(bad({ n: 500 }).message).toBe('Cannot read request: `n`: expected at most 128, got 500');
  expect(bad({ n: '2' }).message).toBe('Cannot read request: `n`: expected number, got string');
  expect(bad({ messages: [] }).message).toBe(
    'Cannot read request: `messages`: expected at least 1 entry, got 0',
  );
  expect(refused(parseChat({ messages: [user] }))).toEqual({
    code: 'invalid_request',
    message: 'Cannot read request: `model`: expected string, got nothing',
    param: 'model',
  });
});

test.each([
  [{ role: 'user' }, 'messages[0].content'],
  [{ role: 'user', content: null }, 'messages[0].content'],
  [{ role: 'user', content: [5] }, 'messages[0].content[0]'],
  [{ role: 'user', content: [{ type: 'text' }] }, 'messages[0].content[0].text'],
  [{ role: 'robot', content: 'x' }, 'messages[0].role'],
  [{ content: 'x' }, 'messages[0].role'],
  [{ role: 'assistant', content: null }, 'messages[0].content'],
  [{ role: 'tool', content: 'x' }, 'messages[0].tool_call_id'],
  [{ role: 'assistant', tool_calls: [{ id: 'a', function: {} }] }, 'messages[0].tool_calls[0].function.name'],
  ['hi', 'messages[0]'],
  [null, 'messages[0]'],
])('parseChat() refuses message %j', (message, param) => {
  expect(badMessage(message).param).toBe(param);
});

test.each([
  ['temperature', 2.1],
  ['temperature', 'hot'],
  ['temperature', true],
  ['top_p', -0.1],
  ['top_k', 1.5],
  ['max_tokens', 0],
  ['max_tokens', 1e300],
  ['n', 0],
  ['presence_penalty', 3],
  ['top_logprobs', 2],
  ['logprobs', 3],
  ['stop', 5],
  ['stop', Array.from({ length: 17 }, () => 'x')],
  ['stream', 'yes'],
  ['model', ''],
  ['model', 7],
  ['messages', {}],
  ['messages', 'hi'],
])('parseChat() refuses %s %j and names it', (name, value) => {
  expect(bad({ [name]: value })).toMatchObject({ code: 'invalid_request', param: name });
});

test('parseChat() refuses a bad logit_bias by its key', () => {
  expect(bad({ logit_bias: { a: 1 } }).param).toBe('logit_bias.a');
  expect(bad({ logit_bias: { 5: 101 } }).param).toBe('logit_bias.5');
});

test('parseChat() never repeats what a message says', () => {
  const secret = 'my-secret-prompt';
  const failures = [
    badMessage({ role: secret, content: 'x' }),
    badMessage({ role: 'user', content: [{ type: secret }] }),
    badMessage({ role: 'user', content: { [secret]: secret } }),
    badMessage({ role: 'assistant', content: [{ type: 'text', text: 1, secret }], tool_calls: secret }),
  ];
  for (const failure of failures) expect(JSON.stringify(failure)).not.toContain(secret);
});

test('parseChat() refuses a schema that nests without end, and leaves no stack behind', () => {
  const deep = JSON.parse(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`);
  expect(bad({ tools: [tool('f', { parameters: deep })] }).param).toBe('tools[0].function.parameters');
  expect(chat({ metadata: deep }).ignored).toEqual(['metadata']);
  expect(badMessage({ role: 'user', content: deep }).param).toBe('messages[0].content');
});

test('parseChat() refuses lists too long to look at, without looking', () => {
  const ones = Array.from({ length: 2_000_000 }, () => 1);
  expect(bad({ messages: ones }).param).toBe('messages');
  expect(badMessage({ role: 'user', content: ones }).param).toBe('messages');
  expect(bad({ tools: ones }).param).toBe('tools');
  expect(bad({ lora: ones })).toMatchObject({ param: 'lora' });
});

test('parseChat() is not moved by keys of the prototype', () => {
  const json = JSON.parse(
    '{"model":"m","messages":[{"role":"user","content":"x","__proto__":{"content":"y"}}],"__proto__":{"n":5},"constructor":1,"toString":2}',
  );
  const parsed = accepted(parseChat(json), 'chat');
  expect(parsed.body).toEqual({ messages: [{ role: 'user', content: 'x' }] });
  expect(parsed.ignored).toEqual(['__proto__', 'constructor', 'toString', 'messages.__proto__']);
});

test.each([null, [], 'x', 5, true])('parseChat() refuses %j as a body', (json) => {
  expect(refused(parseChat(json)).message).toMatch(/^Cannot read request: expected object, got /);
});
