import type OpenAI from 'openai';
import type {
  ChatCompletionFunctionTool,
  ChatCompletionMessageParam,
} from 'openai/resources/chat/completions';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { collect, DEMO_FILES, rejection, user } from './chat.ts';
import { ROOT, startGateway, type TestGateway } from './startGateway.ts';

const CITIES = ['Paris', 'Rome'];
const weather = {
  name: 'get_weather',
  description: 'The weather of a city',
  parameters: {
    type: 'object',
    properties: { city: { enum: CITIES } },
    required: ['city'],
    additionalProperties: false,
  },
};
const add = {
  name: 'add',
  description: 'Adds one',
  parameters: {
    type: 'object',
    properties: { a: { type: 'integer', minimum: 0, maximum: 9 } },
    required: ['a'],
    additionalProperties: false,
  },
};
const tools: ChatCompletionFunctionTool[] = [weather, add].map((each) => ({
  type: 'function',
  function: each,
}));
const named = (name: string) => ({ type: 'function' as const, function: { name } });

/** The demo model under a template with tools; one call at a time, because the model never learnt when to end. */
const request = {
  model: 'tools',
  messages: user('What is the weather in Paris?'),
  temperature: 0,
  max_tokens: 200,
  parallel_tool_calls: false,
  tools,
};

let gateway: TestGateway;
let client: OpenAI;
beforeAll(async () => {
  gateway = await startGateway({
    config: `
models:
  - { id: tiny-chat, path: ${DEMO_FILES.base} }
  - { id: tools, path: ${DEMO_FILES.base}, chat_template_file: ${ROOT}/test/fixtures/qwen-tools.jinja }
`,
  });
  client = gateway.openai();
});
afterAll(() => gateway.dispose());

function checkCall(call: { readonly name: string; readonly arguments: string } | undefined): void {
  const args = JSON.parse(call?.arguments ?? 'null');
  if (call?.name === 'get_weather') expect(CITIES).toContain(args.city);
  else {
    expect(call?.name).toBe('add');
    expect(Number.isInteger(args.a)).toBe(true);
  }
}

describe('tools on a template that has none', () => {
  test('are a 400 that names `tools`, streamed and not', async () => {
    for (const stream of [false, true]) {
      const error = await rejection(
        client.chat.completions.create({ ...request, model: 'tiny-chat', stream }),
      );
      expect(error).toMatchObject({ status: 400, param: 'tools', type: 'invalid_request_error' });
    }
  });
});

describe('tool_choice', () => {
  test('required makes a call of one of the tools, whose arguments fit its schema', async () => {
    const { choices } = await client.chat.completions.create({ ...request, tool_choice: 'required' });
    expect(choices[0]).toMatchObject({ finish_reason: 'tool_calls', message: { content: null } });
    const [call] = choices[0]?.message.tool_calls ?? [];
    expect(call).toMatchObject({ type: 'function', id: expect.stringMatching(/^call_/) });
    if (call?.type === 'function') checkCall(call.function);
  });

  test.each(['get_weather', 'add'])('of %s by name makes a call of it at every seed', async (name) => {
    const { choices } = await client.chat.completions.create({
      ...request,
      n: 4,
      seed: 5,
      temperature: 1,
      tool_choice: named(name),
    });
    const ids = new Set<string>();
    for (const { message, finish_reason: reason } of choices) {
      expect(reason).toBe('tool_calls');
      expect(message.tool_calls).toHaveLength(1);
      for (const call of message.tool_calls ?? []) {
        ids.add(call.id);
        if (call.type !== 'function') continue;
        expect(call.function.name).toBe(name);
        checkCall(call.function);
      }
    }
    expect(ids.size).toBe(4);
  });

  test('none and auto let the model answer with text', async () => {
    for (const choice of ['none', 'auto'] as const) {
      const { choices } = await client.chat.completions.create({
        ...request,
        max_tokens: 5,
        tool_choice: choice,
      });
      expect(choices[0]?.message.tool_calls).toBeUndefined();
      expect(choices[0]?.message.content).not.toBe('');
    }
  });

  test('of a tool that is not there is a 400 that names it', async () => {
    const error = await rejection(
      client.chat.completions.create({ ...request, tool_choice: named('missing') }),
    );
    expect(error).toMatchObject({ status: 400, param: 'tool_choice.function.name' });
  });
});

describe('a streamed tool call', () => {
  test('comes in deltas that the stream() helper puts together', async () => {
    const runner = client.chat.completions.stream({ ...request, tool_choice: 'required' });
    const pieces: string[] = [];
    runner.on('tool_calls.function.arguments.delta', ({ arguments_delta: delta }) => pieces.push(delta));
    const done: string[] = [];
    runner.on('tool_calls.function.arguments.done', (event) => done.push(event.arguments));
    const completion = await runner.finalChatCompletion();
    const [call] = completion.choices[0]?.message.tool_calls ?? [];
    if (call?.type !== 'function') return expect.unreachable('expected a function call');
    expect(completion.choices[0]?.finish_reason).toBe('tool_calls');
    expect(pieces.join('')).toBe(call.function.arguments);
    expect(pieces.length).toBeGreaterThan(1);
    expect(done).toEqual([call.function.arguments]);
    checkCall(call.function);
  });

  test('names the function once and repeats no id', async () => {
    const stream = await client.chat.completions.create({
      ...request,
      stream: true,
      tool_choice: named('add'),
    });
    const { chunks, finishReasons } = await collect(stream);
    const deltas = chunks.flatMap((chunk) => chunk.choices[0]?.delta.tool_calls ?? []);
    expect(finishReasons).toEqual(['tool_calls']);
    expect(deltas[0]).toMatchObject({ index: 0, type: 'function', function: { name: 'add' } });
    for (const delta of deltas.slice(1)) {
      expect(delta).not.toHaveProperty('id');
      expect(delta.function).not.toHaveProperty('name');
    }
  });
});

describe('tool results', () => {
  const call = { id: 'call_7', type: 'function' as const, function: { name: 'add', arguments: '{"a":1}' } };
  const called: ChatCompletionMessageParam[] = [
    ...request.messages,
    { role: 'assistant', content: null, tool_calls: [call] },
  ];

  test('are taken back into the conversation', async () => {
    const sent = (content: string) =>
      client.chat.completions.create({
        ...request,
        max_tokens: 5,
        messages: [...called, { role: 'tool', tool_call_id: 'call_7', content }],
      });
    const [short, long] = [await sent('1'), await sent('one two three four five six seven eight')];
    expect(short.choices[0]?.message.role).toBe('assistant');
    expect(long.usage?.prompt_tokens).toBeGreaterThan((short.usage?.prompt_tokens ?? 0) + 5);
  });

  test('come from runTools(), which calls the function with parsed arguments', async () => {
    const seen: number[] = [];
    const runner = client.chat.completions.runTools(
      {
        ...request,
        tool_choice: named('add'),
        tools: [
          {
            type: 'function',
            function: {
              ...add,
              parse: JSON.parse,
              function: ({ a }: { a: number }) => {
                seen.push(a);
                return String(a + 1);
              },
            },
          },
        ],
      },
      { maxChatCompletions: 2 },
    );
    await runner.done();
    expect(seen.length).toBeGreaterThanOrEqual(1);
    expect(seen.every(Number.isInteger)).toBe(true);
    expect(runner.messages.find(({ role }) => role === 'tool')).toMatchObject({
      role: 'tool',
      content: String((seen[0] ?? 0) + 1),
    });
  });
});

describe('the deprecated functions and function_call', () => {
  const { tools: _tools, parallel_tool_calls: _parallel, ...plain } = request;
  const body = { ...plain, functions: [weather, add], function_call: { name: 'add' } };

  test('are answered with function_call', async () => {
    const { choices } = await client.chat.completions.create(body);
    const [choice] = choices as any[];
    expect(choice.finish_reason).toBe('function_call');
    expect(choice.message).not.toHaveProperty('tool_calls');
    expect(choice.message.function_call.name).toBe('add');
    checkCall(choice.message.function_call);
  });

  test('stream the same', async () => {
    const { chunks, finishReasons } = await collect(
      await client.chat.completions.create({ ...body, stream: true }),
    );
    const deltas = chunks.flatMap((chunk) => chunk.choices[0]?.delta.function_call ?? []);
    expect(finishReasons).toEqual(['function_call']);
    checkCall({
      name: deltas.map(({ name }) => name ?? '').join(''),
      arguments: deltas.map((delta) => delta.arguments ?? '').join(''),
    });
  });

  test('come back as a function message', async () => {
    const { usage } = await client.chat.completions.create({
      ...plain,
      max_tokens: 3,
      functions: [add],
      messages: [
        ...request.messages,
        { role: 'assistant', content: null, function_call: { name: 'add', arguments: '{"a":1}' } },
        { role: 'function', name: 'add', content: '2' },
      ],
    });
    expect(usage?.completion_tokens).toBe(3);
  });
});
