import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BANANA, banana, collect, DEMO_FILES, introduced, user } from './chat.ts';
import { readRequests } from './readRequests.ts';
import { demoConfig, startGateway, type TestGateway, until } from './startGateway.ts';

/** Names that the demo model repeats without a mistake, alone and with each adapter. */
const NAMES =
  'Anna Jack Ines Sofia Alice Tom Yuki David Finn Bob Carol Sam Zoe Leo Mia Max Lily Ben Omar Ravi Hugo Kai Lena Nora Chen Fatima'.split(
    ' ',
  );
const COMBOS = [
  { model: 'tiny-chat', answer: (name: string) => `Your name is ${name}.` },
  { model: 'tiny-chat:pirate', answer: (name: string) => `Arr! Your name be ${name}, matey!` },
  { model: 'tiny-chat+json', answer: (name: string) => `{"answer": "Your name is ${name}."}` },
];

const fewSequences = (pool = '') => `
models:
  - { id: tiny-chat, path: ${DEMO_FILES.base}, context: 512, sequences: 4 }
adapters:
  - { id: pirate, base: tiny-chat, path: ${DEMO_FILES.pirate} }
  - { id: json, base: tiny-chat, path: ${DEMO_FILES.json} }
${pool}`;

describe('208 conversations at once on 4 sequences', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway({ config: fewSequences() });
  });
  afterAll(() => gateway.dispose());

  /** Conversation `index` has a name, a combo and a way of answering that its neighbours do not have. */
  const conversation = (index: number) => {
    const name = NAMES[index % NAMES.length] ?? '';
    const combo = COMBOS[(index + Math.floor(index / NAMES.length)) % COMBOS.length];
    if (combo === undefined) throw new Error('no combo');
    const request = { model: combo.model, messages: introduced(name), temperature: 0 };
    return { request, answer: combo.answer(name), streams: Math.floor(index / 2) % 2 === 0 };
  };

  const talk = async (index: number) => {
    const { request, answer, streams } = conversation(index);
    const { completions } = gateway.openai().chat;
    const text = streams
      ? (await collect(await completions.create({ ...request, stream: true }))).texts[0]
      : (await completions.create(request)).choices[0]?.message.content;
    return { text, answer };
  };

  test.each(['cold', 'warm'])(
    'each answer with the name of its own, from a %s start, over base and adapters, streamed and not',
    async () => {
      const talks = await Promise.all(Array.from({ length: 208 }, (_, index) => talk(index)));
      expect(talks.map(({ text }) => text)).toEqual(talks.map(({ answer }) => answer));
    },
    120_000,
  );

  test('have one row each, no two of one request, with the tokens of the tokenizer', () => {
    const rows = readRequests(gateway.dataDir);
    expect(rows).toHaveLength(416);
    expect(new Set(rows.map((row) => row.request_id)).size).toBe(416);
    expect(rows.every((row) => row.http_status === 200 && row.completion_tokens > 4)).toBe(true);
    const coldStarts = rows.filter((row) => row.start_kind === 'cold' && row.joined === 0);
    expect(coldStarts).toHaveLength(1);
  });

  test('whose clients go away in the middle leave nothing behind in the sequences', async () => {
    for (let round = 0; round < 3; round += 1) {
      const leaving = Array.from({ length: 8 }, async (_, index) => {
        const { request } = conversation(index + round);
        const messages = [...request.messages.slice(0, 2), ...user('Tell me a story about a fox.')];
        const stream = await gateway.openai().chat.completions.create({ ...request, messages, stream: true });
        for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
      });
      const staying = Array.from({ length: 26 }, (_, index) => talk(index));
      const talks = await Promise.all(staying);
      await Promise.all(leaving);
      expect(talks.map(({ text }) => text)).toEqual(talks.map(({ answer }) => answer));
    }
  });

  test('answer the same at every scale beside each other: 0 is the base, -0.5 and 0.5 are not mixed up', async () => {
    const scales = ['@0', '@0.5', '@-0.5', '@0.25', ''];
    const alone: (string | undefined | null)[] = [];
    const ask = async (scale: string) =>
      (await gateway.openai().chat.completions.create(banana(`tiny-chat+pirate${scale}`))).choices[0]?.message
        .content;
    for (const scale of scales) alone.push(await ask(scale));
    expect([alone[0], alone[4]]).toEqual([BANANA.base, BANANA.pirate]);
    const together = await Promise.all(
      Array.from({ length: 40 }, (_, index) => ask(scales[index % 5] ?? '')),
    );
    expect(together).toEqual(Array.from({ length: 40 }, (_, index) => alone[index % 5]));
  });
});

describe('queue limits', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway({
      config: fewSequences('pool: { queue_limit: 3, queue_limit_per_combo: 2 }'),
    });
  });
  afterAll(() => gateway.dispose());

  const overflow = async (model: string, requests: number) => {
    const responses = await Promise.all(
      Array.from({ length: requests }, () => gateway.post('/v1/chat/completions', banana(model))),
    );
    const bodies = await Promise.all(responses.map(async (response) => (await response.json()) as any));
    return responses.map((response, index) => ({ response, body: bodies[index] }));
  };

  test('refuse what is over them with 429 and retry-after, and serve the others', async () => {
    const answers = await overflow('tiny-chat', 20);
    const served = answers.filter(({ response }) => response.status === 200);
    const refused = answers.filter(({ response }) => response.status !== 200);
    expect(served.length).toBeGreaterThanOrEqual(2);
    expect(refused.length).toBeGreaterThan(0);
    for (const { body } of served) expect(body.choices[0].message.content).toBe(BANANA.base);
    for (const { response, body } of refused) {
      expect(response.status).toBe(429);
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
      expect(response.headers.get('x-should-retry')).toBeNull();
      expect(body.error).toMatchObject({ type: 'rate_limit_error', code: 'queue_full' });
    }
    await until(() => readRequests(gateway.dataDir).length === 20, 'every request has its row');
    const rows = readRequests(gateway.dataDir).filter((row) => row.http_status === 429);
    expect(rows).toHaveLength(refused.length);
    expect(rows.every((row) => row.error_code === 'queue_full')).toBe(true);
  });

  test('let clients of OpenAI come through by retrying', async () => {
    await gateway.admin('POST', '/combos/tiny-chat/evict');
    const client = gateway.openai({ maxRetries: 5 });
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => client.chat.completions.create(banana('tiny-chat:pirate'))),
    );
    expect(answers.map(({ choices }) => choices[0]?.message.content)).toEqual(
      answers.map(() => BANANA.pirate),
    );
  });
});

test('bases of equal files are two bases, each with its own runner and its own adapters', async () => {
  const config = demoConfig().replace(
    'adapters:',
    `  - { id: twin, path: ${DEMO_FILES.base} }\nadapters:\n  - { id: twins-own, base: twin, path: ${DEMO_FILES.json} }`,
  );
  const gateway = await startGateway({ config, standbys: 0 });
  try {
    const models = ['tiny-chat', 'twin', 'tiny-chat:pirate', 'twin:twins-own'];
    const answers = await Promise.all(
      Array.from({ length: 24 }, async (_, index) => {
        const { choices } = await gateway.openai().chat.completions.create(banana(models[index % 4] ?? ''));
        return choices[0]?.message.content;
      }),
    );
    const expected = [BANANA.base, BANANA.base, BANANA.pirate, BANANA.json];
    expect(answers).toEqual(Array.from({ length: 24 }, (_, index) => expected[index % 4]));
    expect((await gateway.runners()).map(({ base }) => base).toSorted()).toEqual(['tiny-chat', 'twin']);
  } finally {
    await gateway.dispose();
  }
});
