import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Agent } from 'undici';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { chatText, getJson, type Json, post, postJson, postStream } from './socketClient.ts';
import { DEMO_MODELS, demoModel, type StartedRunner, startRunner } from './startRunner.ts';

const CHAT = '/v1/chat/completions';
const COMBOS = { base: 'tiny-chat', pirate: 'tiny-chat+pirate', json: 'tiny-chat+json' } as const;
type Style = keyof typeof COMBOS;
const STYLES = Object.keys(COMBOS) as Style[];

interface Reference {
  greedy: Record<Style, Record<string, string>>;
  prompts: [role: string, content: string][][];
}
const reference: Reference = JSON.parse(readFileSync(path.join(DEMO_MODELS, 'reference.json'), 'utf8'));

/** Every prompt of the reference but the stories, for which Q8_0 may round to another equally likely name. */
const questions = reference.prompts
  .map((turns) => ({ turns, asked: turns.at(-1)?.[1] ?? '' }))
  .filter(({ asked }) => !asked.includes('story'));

function greedy(style: Style, turns: [string, string][], more: object = {}) {
  const messages = turns.map(([role, content]) => ({ role, content }));
  return { model: COMBOS[style], messages, temperature: 0, ...more };
}

async function attachAll(runner: StartedRunner): Promise<void> {
  const adapters = (id: string) => [{ id, path: path.join(DEMO_MODELS, `lora-${id}.gguf`), scale: 1 }];
  expect(await runner.order({ type: 'load', model: demoModel() })).toMatchObject({ type: 'loaded' });
  expect(await runner.order({ type: 'attach', combo: COMBOS.base, adapters: [] })).toMatchObject({
    type: 'attached',
  });
  for (const id of ['pirate', 'json'] as const) {
    expect(await runner.order({ type: 'attach', combo: COMBOS[id], adapters: adapters(id) })).toMatchObject({
      type: 'attached',
      combo: COMBOS[id],
    });
  }
}

/** Until the context is full: the tokens that end an answer are biased away. */
const endless = greedy('base', [['user', 'Count to 12.']], {
  stream: true,
  logit_bias: { 0: -100, 2: -100 },
});

const agentOf = (runner: StartedRunner) =>
  new Agent({ connect: { socketPath: runner.socketPath }, connections: 64 });
const at = (agent: Agent) =>
  ({
    request: (options: object) => agent.request({ origin: 'http://runner', ...options } as never),
  }) as never;

describe('a runner process with the demo model', () => {
  let runner: StartedRunner;
  let agent: Agent;
  let client: never;
  beforeAll(async () => {
    runner = await startRunner();
    await attachAll(runner);
    agent = agentOf(runner);
    client = at(agent);
  });
  afterAll(async () => {
    await agent.destroy();
    await runner.dispose();
  });

  test('Runner makes a socket that only its user may open', () => {
    expect(statSync(runner.socketPath).mode & 0o777).toBe(0o600);
    expect(runner.ready.pid).toBe(runner.child.pid);
  });

  test.each(STYLES)('LlamaEngine answers as the reference does, whole and streamed: %s', async (style) => {
    for (const { turns, asked } of questions) {
      const expected = reference.greedy[style][asked];
      const { json } = await postJson(client, CHAT, greedy(style, turns));
      expect(json.choices[0].message.content).toBe(expected);
      const stream = await postStream(client, CHAT, greedy(style, turns));
      expect(chatText(stream.chunks)).toBe(expected);
      expect(stream.chunks.at(-1).choices[0].finish_reason).toBe('stop');
    }
  });

  test('LlamaEngine keeps the combos apart when eight requests run at a time', async () => {
    const jobs = [1, 2, 3].flatMap(() =>
      questions.flatMap((question) => STYLES.map((style) => ({ ...question, style }))),
    );
    const worker = async () => {
      for (let job = jobs.pop(); job !== undefined; job = jobs.pop()) {
        const stream = await postStream(client, CHAT, greedy(job.style, job.turns));
        expect(chatText(stream.chunks)).toBe(reference.greedy[job.style][job.asked]);
      }
    };
    await Promise.all(Array.from({ length: 8 }, worker));
  });

  test('StreamOutlet reports the counts of the tokenizer beside a stream', async () => {
    const [question] = questions;
    const asked = greedy('base', question?.turns ?? []);
    const whole = await postJson(client, CHAT, asked);
    const stream = await postStream(client, CHAT, asked, { 'x-hearth-report': '1' });
    const report = JSON.parse(stream.trailers['x-hearth-report'] ?? '');
    expect(report).toMatchObject({
      promptTokens: whole.json.usage.prompt_tokens,
      completionTokens: whole.json.usage.completion_tokens,
      finishReason: 'stop',
    });
    expect(report.promptTokens).toBeGreaterThan(0);
  });

  test('Choices of one request come under their indexes', async () => {
    const turns = questions[0]?.turns ?? [];
    const { json } = await postJson(client, CHAT, { ...greedy('base', turns), n: 2 });
    expect(json.choices.map((choice: Json) => [choice.index, choice.message.content])).toEqual([
      [0, reference.greedy.base[questions[0]?.asked ?? '']],
      [1, reference.greedy.base[questions[0]?.asked ?? '']],
    ]);
  });

  test('LlamaEngine holds an answer to a JSON schema', async () => {
    const schema = {
      type: 'object',
      properties: { n: { type: 'integer' } },
      required: ['n'],
      additionalProperties: false,
    };
    const format = { type: 'json_schema', json_schema: { name: 'n', schema } };
    const { json } = await postJson(
      client,
      CHAT,
      greedy('base', [['user', 'What is 7 plus 12?']], { response_format: format, max_tokens: 32 }),
    );
    expect(JSON.parse(json.choices[0].message.content)).toEqual({ n: expect.any(Number) });
  });

  test('LlamaEngine gives the log probability of every token', async () => {
    const turns = questions[0]?.turns ?? [];
    const { json } = await postJson(client, CHAT, greedy('base', turns, { logprobs: true, top_logprobs: 2 }));
    const { content } = json.choices[0].logprobs;
    expect(content.map((token: Json) => token.token).join('')).toBe(json.choices[0].message.content);
    expect(content.every((token: Json) => token.logprob <= 0 && token.top_logprobs.length === 2)).toBe(true);
  });

  test('LlamaEngine refuses what does not fit, with both numbers', async () => {
    const long = 'word '.repeat(2000);
    const { status, json } = await postJson(client, CHAT, greedy('base', [['user', long]], { stream: true }));
    expect(status).toBe(400);
    expect(json.error).toMatchObject({ code: 'context_length_exceeded', param: 'messages' });
    expect(json.error.message).toMatch(/\d+.*512|512.*\d+/);
  });

  test('LlamaEngine refuses tools where the template has none', async () => {
    const tools = [{ type: 'function', function: { name: 'sum' } }];
    const { status, json } = await postJson(client, CHAT, greedy('base', [['user', 'Hello']], { tools }));
    expect([status, json.error.code, json.error.param]).toEqual([400, 'tools_unsupported', 'tools']);
  });

  test('serveCompletion() continues a text and serveEmbeddings() embeds one', async () => {
    const text = '<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n';
    const completion = await postJson(client, '/v1/completions', {
      model: COMBOS.base,
      prompt: text,
      temperature: 0,
      max_tokens: 64,
    });
    expect(completion.json.choices[0].text).toBe(reference.greedy.base.Hello);
    const { json } = await postJson(client, '/v1/embeddings', {
      model: COMBOS.base,
      input: ['a cat', 'a dog'],
    });
    const lengths = json.data.map((row: Json) => Math.hypot(...row.embedding));
    expect(lengths).toEqual([expect.closeTo(1, 3), expect.closeTo(1, 3)]);
  });

  test('Choices stop decoding within two tokens when their reader goes', async () => {
    const before = await getJson(client, '/counters');
    let counters = before;
    // On a busy machine an answer may be whole before its reader has got to leaving: that one does not count.
    for (let round = 0; round < 50 && counters.cancelledRequests - before.cancelledRequests < 5; round += 1) {
      const answer = await post(client, CHAT, endless);
      answer.body.on('error', () => {});
      answer.body.destroy();
      do counters = await getJson(client, '/counters');
      while (counters.activeSequences > 0);
    }
    expect(counters.cancelledRequests - before.cancelledRequests).toBe(5);
    expect(counters.maxTokensAfterCancel).toBeLessThanOrEqual(2);
  });

  test('Orders detach a combo, which is then not served, and attach it again', async () => {
    expect(await runner.order({ type: 'detach', combo: COMBOS.json })).toMatchObject({ type: 'done' });
    const refused = await postJson(client, CHAT, greedy('json', [['user', 'Hello']]));
    expect([refused.status, refused.json.error.code]).toEqual([404, 'combo_not_attached']);
    const adapters = [{ id: 'json', path: path.join(DEMO_MODELS, 'lora-json.gguf'), scale: 1 }];
    expect(await runner.order({ type: 'attach', combo: COMBOS.json, adapters })).toMatchObject({
      type: 'attached',
    });
    const { json } = await postJson(client, CHAT, greedy('json', [['user', 'Hello']]));
    expect(json.choices[0].message.content).toBe(reference.greedy.json.Hello);
  });

  test('Orders change threads and answer a ping with the counters', async () => {
    expect(await runner.order({ type: 'threads', threads: 1 })).toMatchObject({ type: 'done' });
    expect(await runner.order({ type: 'ping' })).toMatchObject({
      type: 'pong',
      counters: { threads: 1, residentBytes: expect.any(Number) },
    });
  });
});

describe('the life of a runner process', () => {
  let runner: StartedRunner | null = null;
  afterEach(async () => {
    await runner?.dispose();
    runner = null;
  });

  test('Runner says that a file is not a model, lives on and loads a good one', async () => {
    runner = await startRunner();
    const garbage = path.join(tmpdir(), `hearth-garbage-${process.pid}.gguf`);
    writeFileSync(garbage, Buffer.alloc(4096, 'GGUF'));
    const failed = await runner.order({ type: 'load', model: demoModel({ path: garbage }) });
    expect(failed).toMatchObject({ type: 'failed', failure: { code: 'model_load_failed', permanent: true } });
    expect(await runner.order({ type: 'ping' })).toMatchObject({ type: 'pong' });
    expect(await runner.order({ type: 'load', model: demoModel() })).toMatchObject({ type: 'loaded' });
  });

  test('Runner refuses an adapter that is not there, and serves the base', async () => {
    runner = await startRunner();
    await runner.order({ type: 'load', model: demoModel() });
    const adapters = [{ id: 'x', path: '/nonexistent.gguf', scale: 1 }];
    expect(await runner.order({ type: 'attach', combo: 'c', adapters })).toMatchObject({ type: 'failed' });
    expect(await runner.order({ type: 'attach', combo: COMBOS.base, adapters: [] })).toMatchObject({
      type: 'attached',
    });
  });

  test('Runner ends itself when its gateway has gone and the lease has run out', async () => {
    runner = await startRunner({ leaseMs: 200 });
    await attachAll(runner);
    runner.control.destroy();
    expect(await runner.exited).toBe(0);
    expect(existsSync(runner.socketPath)).toBe(false);
  });

  test('Runner finishes its streams on SIGTERM and exits 0', async () => {
    runner = await startRunner();
    await attachAll(runner);
    const agent = agentOf(runner);
    const asked = greedy('base', [['user', 'Tell me a story about a fox.']], { stream: true });
    const answer = await post(at(agent), CHAT, asked);
    runner.child.kill('SIGTERM');
    const text = await answer.body.text();
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
    expect(await runner.exited).toBe(0);
    await agent.destroy();
  });

  test('Runner tells a stream that it did not let finish, and exits 0', async () => {
    runner = await startRunner();
    await attachAll(runner);
    const agent = agentOf(runner);
    const answer = await post(at(agent), CHAT, endless);
    runner.tell({ type: 'shutdown', graceMs: 0 });
    expect(await answer.body.text()).toMatch(/"code":"runner_draining"\}\}\n\n$/);
    expect(await runner.exited).toBe(0);
    await agent.destroy();
  });

  test('Runner ignores SIGINT and ends by shutdown', async () => {
    runner = await startRunner();
    runner.child.kill('SIGINT');
    expect(await runner.order({ type: 'ping' })).toMatchObject({ type: 'pong' });
    runner.tell({ type: 'shutdown', graceMs: 1000 });
    expect(await runner.exited).toBe(0);
    expect(existsSync(runner.socketPath)).toBe(false);
  });

  test('Runner ends with a line on standard error when the gateway speaks nonsense', async () => {
    runner = await startRunner();
    runner.control.write('nonsense\n');
    expect(await runner.exited).toBe(76);
    expect(runner.log()).toContain('Cannot read the control pipe: expected a line of JSON');
  });
});
