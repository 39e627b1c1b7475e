import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEMO_FILES, user } from './chat.ts';
import { startGateway, type TestGateway, until } from './startGateway.ts';

const CHAT = '/v1/chat/completions';
const SEQUENCES = 4;
/** Room for a stream that outlasts its test. */
const CONTEXT_TOKENS = 16384;
const CONFIG = `
models:
  - { id: tiny-chat, path: ${DEMO_FILES.base}, context: ${CONTEXT_TOKENS}, sequences: ${SEQUENCES}, max_sequences: ${SEQUENCES}, max_runners: 1 }
adapters:
  - { id: pirate, base: tiny-chat, path: ${DEMO_FILES.pirate} }
pool: { probe_every: 100ms }
`;
const QUESTIONS = ['What color is a banana?', 'Count to 12.', 'What is 7 plus 12?', 'Hello'];

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway({ config: CONFIG, standbys: 0 });
});
afterAll(() => gateway.dispose());

/** Tokens that were decoded for the answer: all but the one that was sampled last. */
async function ask(model: string, question: string): Promise<number> {
  const response = await gateway.post(CHAT, { model, messages: user(question), temperature: 0 });
  const { prompt_tokens: prompt, completion_tokens: completion } = ((await response.json()) as any).usage;
  return prompt + completion - 1;
}

async function runner(): Promise<any> {
  const { json } = await gateway.admin('GET', '/runners');
  expect(json.data).toHaveLength(1);
  return json.data[0];
}

/** A runner's sample of the scrape. */
async function sample(name: string): Promise<number | null> {
  const text = await (await fetch(`${gateway.url}/metrics`)).text();
  const [, value] =
    new RegExp(`^hearth_runner_${name}\\{runner="r_\\w+",base="tiny-chat"\\} (\\S+)$`, 'm').exec(text) ?? [];
  return value === undefined ? null : Number(value);
}

test('what a runner uses of its batches, sequences and KV cells is in the admin API and the metrics, by the arithmetic', async () => {
  const asked = ['tiny-chat', 'tiny-chat:pirate'].flatMap((model) =>
    QUESTIONS.map((question) => ask(model, question)),
  );
  const tokens = (await Promise.all(asked)).reduce((total, one) => total + one, 0);
  const { counters, occupancy, sequences } = await runner();
  expect(sequences).toEqual({ 'tiny-chat': SEQUENCES, 'tiny-chat+pirate': SEQUENCES });
  const calls = counters.decode_calls;
  const kvCells = 2 * SEQUENCES * CONTEXT_TOKENS;
  expect(counters).toMatchObject({ batch_tokens: tokens, possible_batch_tokens: calls * 512 });
  expect(occupancy).toMatchObject({
    sequences: { used: 0, possible: 2 * SEQUENCES },
    kv_cells: { used: 0, possible: kvCells },
    mean: { batch_tokens: { used: tokens / calls, possible: 512 }, sequences: { possible: SEQUENCES } },
  });
  const { mean } = occupancy;
  expect(mean.sequences.used).toBeGreaterThanOrEqual(1);
  expect(mean.sequences.used).toBeLessThanOrEqual(SEQUENCES);
  // The second context came later, so that some calls had one only.
  expect(mean.kv_cells.possible).toBeGreaterThanOrEqual(kvCells / 2);
  expect(mean.kv_cells.possible).toBeLessThanOrEqual(kvCells);
  expect(mean.kv_cells.used).toBeGreaterThan(mean.sequences.used);

  await until(async () => (await sample('batch_tokens_total')) === tokens, 'the runner was probed');
  expect(await sample('decode_calls_total')).toBe(calls);
  expect(await sample('possible_batch_tokens_total')).toBe(calls * 512);
  expect(await sample('batch_sequences_total')).toBe(counters.batch_sequences);
  expect(await sample('possible_batch_sequences_total')).toBe(calls * SEQUENCES);
  expect(await sample('kv_cell_steps_total')).toBe(counters.kv_cell_steps);
  expect(await sample('possible_kv_cell_steps_total')).toBe(counters.possible_kv_cell_steps);
  expect(await sample('kv_cells')).toBe(kvCells);
  expect(await sample('used_kv_cells')).toBe(0);
});

test('a stream shows its sequence and its cells while it runs, and leaves none behind when its client goes', async () => {
  const leaving = new AbortController();
  const body = {
    model: 'tiny-chat',
    messages: user('Count to 12.'),
    temperature: 1.5,
    stream: true,
    logit_bias: { 0: -100, 1: -100, 2: -100 },
  };
  const response = await gateway.post(CHAT, body, { signal: leaving.signal });
  const reader = response.body!.getReader();
  await reader.read();
  const { occupancy } = await runner();
  expect(occupancy.sequences).toEqual({ used: 1, possible: 2 * SEQUENCES });
  expect(occupancy.kv_cells.used).toBeGreaterThan(0);
  expect(occupancy.kv_cells.used).toBeLessThanOrEqual(CONTEXT_TOKENS);
  leaving.abort();
  await reader.closed.catch(() => {});
  await until(async () => (await runner()).occupancy.kv_cells.used === 0, 'the cells are free');
  expect((await runner()).occupancy.sequences.used).toBe(0);
});
