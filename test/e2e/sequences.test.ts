import { afterAll, beforeAll, expect, test } from 'vitest';
import { BANANA, banana, DEMO_FILES, user } from './chat.ts';
import { startGateway, type TestGateway, until } from './startGateway.ts';

const CHAT = '/v1/chat/completions';
/** Room for streams that outlast the test; another runner would be allowed. */
const CONFIG = `
models:
  - { id: tiny-chat, path: ${DEMO_FILES.base}, context: 16384, sequences: 1, max_sequences: 4, max_runners: 2 }
adapters:
  - { id: pirate, base: tiny-chat, path: ${DEMO_FILES.pirate} }
pool: { scale_up_delay: 50ms, scale_down_after: 200ms, stable_window: 200ms, panic_window: 50ms }
`;

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway({ config: CONFIG, standbys: 0 });
});
afterAll(() => gateway.dispose());

interface Stream {
  readonly kind: string | null;
  /** Its client leaves. */
  end(): Promise<void>;
}

/** A stream that does not end by itself, once it has its first token. */
async function endless(): Promise<Stream> {
  const body = {
    model: 'tiny-chat',
    messages: user('Count to 12.'),
    temperature: 0,
    stream: true,
    logit_bias: { 0: -100, 2: -100 },
  };
  const response = await gateway.post(CHAT, body);
  const reader = response.body!.getReader();
  const decoder = new TextDecoder();
  let text = '';
  while (!text.includes('"content":"')) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`the stream ended with ${text}`);
    text += decoder.decode(value, { stream: true });
  }
  // Read on, or the runner gives the reader up.
  const rest = (async () => {
    for (;;) if ((await reader.read()).done) return;
  })();
  return {
    kind: response.headers.get('x-hearth-start'),
    end: async () => {
      await reader.cancel();
      await rest;
    },
  };
}

async function ask(model: string): Promise<string> {
  const response = await gateway.post(CHAT, banana(model));
  return ((await response.json()) as any).choices[0].message.content;
}

async function eventsOf(type: string): Promise<any[]> {
  const { json } = await gateway.admin('GET', '/events?limit=1000');
  return json.data.filter((event: { type: string }) => event.type === type);
}

test('a hot combo serves four streams at a time on the runner that it is on, and cools down again', async () => {
  expect(await ask('tiny-chat')).toBe(BANANA.base);
  expect(await ask('tiny-chat:pirate')).toBe(BANANA.pirate);
  const [before, ...others] = await gateway.runners();
  expect(others).toEqual([]);

  const opening = [endless(), endless(), endless(), endless()];
  // Requests for another combo of the runner go on meanwhile, and are its own.
  const asked: string[] = [];
  const streaming = { isOpen: false };
  const asking = (async () => {
    while (!streaming.isOpen) asked.push(await ask('tiny-chat:pirate'));
  })();
  const streams = await Promise.all(opening);
  streaming.isOpen = true;
  await asking;
  expect(new Set(asked)).toEqual(new Set([BANANA.pirate]));
  expect(streams.map(({ kind }) => kind)).toEqual(['warm', 'warm', 'warm', 'warm']);
  const [row, ...more] = (await gateway.admin('GET', '/runners')).json.data;
  expect(more).toEqual([]);
  expect(row).toMatchObject({
    id: before?.id,
    state: 'busy',
    active_requests: 4,
    sequences: { 'tiny-chat': 4, 'tiny-chat+pirate': 1 },
  });
  expect((await eventsOf('combo_widened')).map(({ detail }) => [detail.from, detail.sequences])).toEqual(
    expect.arrayContaining([
      [1, 2],
      [2, 4],
    ]),
  );
  expect(await eventsOf('scaled_up')).toEqual([]);

  await streams[0]?.end();
  expect(await ask('tiny-chat')).toBe(BANANA.base);
  for (const stream of streams.slice(1)) await stream.end();
  await until(async () => (await eventsOf('combo_narrowed')).length > 0, 'the combo is narrowed');
  expect(await ask('tiny-chat')).toBe(BANANA.base);
  await until(async () => {
    const [{ counters }] = (await gateway.admin('GET', '/runners')).json.data;
    return counters.contexts === 2;
  }, 'only the contexts of the two combos are left');
  expect((await gateway.runners()).map(({ id }) => id)).toEqual([before?.id]);
});
