import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Agent } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chatText, postJson, postStream } from './socketClient.ts';
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
/** But the stories, for which Q8_0 may round to another equally likely name. */
const prompts = reference.prompts.filter((turns) => !turns.at(-1)?.[1].includes('story'));

describe('a runner whose combos begin with one sequence', () => {
  let runner: StartedRunner;
  let agent: Agent;
  let client: never;

  beforeAll(async () => {
    runner = await startRunner();
    await runner.order({ type: 'load', model: { ...demoModel(), sequences: 1 } });
    for (const style of STYLES) {
      const file = path.join(DEMO_MODELS, `lora-${style}.gguf`);
      const adapters = style === 'base' ? [] : [{ id: style, path: file, scale: 1 }];
      await runner.order({ type: 'attach', combo: COMBOS[style], adapters });
    }
    agent = new Agent({ connect: { socketPath: runner.socketPath }, connections: 64 });
    client = {
      request: (options: object) => agent.request({ origin: 'http://runner', ...options } as never),
    } as never;
  });
  afterAll(async () => {
    await agent.destroy();
    await runner.dispose();
  });

  const ask = async (style: Style, turns: [string, string][], isStream: boolean): Promise<string> => {
    const messages = turns.map(([role, content]) => ({ role, content }));
    const body = { model: COMBOS[style], messages, temperature: 0 };
    if (isStream) return chatText((await postStream(client, CHAT, body)).chunks);
    return (await postJson(client, CHAT, body)).json.choices[0].message.content;
  };
  const askAll = async (): Promise<void> => {
    const cases = prompts.flatMap((turns) => STYLES.map((style) => ({ turns, style })));
    const answers = await Promise.all(cases.map(({ turns, style }, at) => ask(style, turns, at % 2 === 0)));
    expect(answers).toEqual(
      cases.map(({ turns, style }) => reference.greedy[style][turns.at(-1)?.[1] ?? '']),
    );
  };
  const counters = async () => {
    const pong = await runner.order({ type: 'ping' });
    if (pong.type !== 'pong') throw new Error(`expected a pong, got ${pong.type}`);
    return pong.counters;
  };

  test('answers as the reference does before, while and after its combos are given other sizes', async () => {
    await askAll();
    for (const sequences of [4, 2]) {
      const during = askAll();
      for (const combo of Object.values(COMBOS)) {
        const resized = await runner.order({ type: 'resize', combo, sequences });
        expect(resized).toMatchObject({ type: 'resized', combo, sequences });
      }
      await during;
      await askAll();
    }
  });

  test('says when nothing of the sizes before is left, and counts what they held until then', async () => {
    const combo = COMBOS.pirate;
    expect(await runner.order({ type: 'retire', combo })).toMatchObject({ type: 'done' });
    const before = await counters();
    const endless = {
      model: combo,
      messages: [{ role: 'user', content: 'Count to 12.' }],
      temperature: 0,
      stream: true,
      logit_bias: { 0: -100, 2: -100 },
    };
    const held = await agent.request({
      origin: 'http://runner',
      path: CHAT,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(endless),
    });
    const reader = held.body[Symbol.asyncIterator]();
    await reader.next();
    const resized = await runner.order({ type: 'resize', combo, sequences: 3 });
    if (resized.type !== 'resized') throw new Error(`expected it resized, got ${resized.type}`);
    const retire = runner.order({ type: 'retire', combo });
    // Orders that come after it do not wait for it.
    const during = await counters();
    expect(during.contexts).toBe(before.contexts + 1);
    expect(during.kvBytes).toBe(before.kvBytes + resized.kvBytes);
    held.body.destroy();
    expect(await retire).toMatchObject({ type: 'done' });
    const after = await counters();
    expect(after.contexts).toBe(before.contexts);
    expect(after.kvBytes).toBe(before.kvBytes + resized.kvBytes - (resized.kvBytes / 3) * 2);
  });

  test('embeds the same vectors after as before', async () => {
    const embed = async () =>
      (await postJson(client, '/v1/embeddings', { model: COMBOS.base, input: 'A banana' })).json.data[0]
        .embedding;
    const before = await embed();
    await runner.order({ type: 'resize', combo: COMBOS.base, sequences: 8 });
    expect(await embed()).toEqual(before);
  });

  test('refuses what it does not hold', async () => {
    expect(await runner.order({ type: 'resize', combo: 'gone', sequences: 2 })).toMatchObject({
      type: 'failed',
      failure: {
        code: 'combo_not_attached',
        message: 'Cannot resize "gone": it is not attached',
        permanent: false,
      },
    });
  });
});
