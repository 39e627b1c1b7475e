import { afterAll, beforeAll, expect, test } from 'vitest';
import { banana, rejection, user } from './chat.ts';
import { readRequests } from './readRequests.ts';
import { startGateway, type TestGateway, until } from './startGateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway({ standbys: 0 });
  await gateway.admin('POST', '/combos/tiny-chat/warm');
});
afterAll(() => gateway.dispose());

/** An answer that goes on for the whole context: one token, again and again. */
const endless = { model: 'tiny-chat', messages: user('Hello'), logit_bias: { 700: 100 } };
const counters = async () => (await gateway.admin('GET', '/runners')).json.data[0].counters;
const abortedRows = () => readRequests(gateway.dataDir).filter((row) => row.error_code === 'client_closed');

test('an abort of a stream stops the decoding within two tokens and is written as client_closed', async () => {
  const stream = await gateway.openai().chat.completions.create({ ...endless, stream: true });
  let chunks = 0;
  for await (const _ of stream) {
    chunks += 1;
    if (chunks === 5) stream.controller.abort();
  }
  await until(async () => (await counters()).active_sequences === 0, 'the sequence is free');
  const after = await counters();
  expect(after.cancelled_requests).toBe(1);
  expect(after.max_tokens_after_cancel).toBeLessThanOrEqual(2);
  expect(after.decoded_tokens).toBeLessThan(2000);
  await until(() => abortedRows().length === 1, 'the ledger has the row');
  expect(abortedRows()[0]).toMatchObject({
    http_status: 499,
    combo: 'tiny-chat',
    start_kind: 'warm',
    finish_reason: null,
    prompt_tokens: after.prompt_tokens,
    completion_tokens: after.decoded_tokens,
  });
  expect(after.decoded_tokens).toBeGreaterThanOrEqual(5);
});

test('an abort of a whole answer, and of many streams at once, leaves no sequence and no waiting request', async () => {
  const before = abortedRows().length;
  const controllers = Array.from({ length: 24 }, () => new AbortController());
  const client = gateway.openai();
  const answers = controllers.map(({ signal }, index) =>
    index % 2 === 0
      ? rejection(client.chat.completions.create(endless, { signal }))
      : client.chat.completions.create({ ...endless, stream: true }, { signal }).catch((error) => error),
  );
  await until(async () => (await counters()).active_sequences === 8, 'all sequences are taken');
  for (const controller of controllers) controller.abort();
  await Promise.all(answers);
  await until(async () => {
    const { active_sequences: active, waiting_requests: waiting } = await counters();
    return active === 0 && waiting === 0;
  }, 'nothing is left of them');
  await until(() => abortedRows().length === before + 24, 'the ledger has all rows');
  // Of all that were aborted until now; those that had no sequence have used nothing.
  const rows = abortedRows();
  const sumOf = (of: (row: (typeof rows)[number]) => number) => rows.reduce((sum, row) => sum + of(row), 0);
  const used = await counters();
  expect(sumOf((row) => row.completion_tokens)).toBe(used.decoded_tokens);
  expect(sumOf((row) => row.prompt_tokens)).toBe(used.prompt_tokens);
  expect(rows.filter((row) => row.completion_tokens > 0).length).toBeGreaterThanOrEqual(9);
  expect((await counters()).max_tokens_after_cancel).toBeLessThanOrEqual(2);
  const { choices } = await client.chat.completions.create(banana('tiny-chat'));
  expect(choices[0]?.message.content).toBe('A banana is yellow.');
});

test('an abort while the combo is being started leaves the start to others and writes the row', async () => {
  await gateway.admin('POST', '/combos/tiny-chat+json/evict');
  const before = abortedRows().length;
  const controller = new AbortController();
  const gone = rejection(
    gateway.openai().chat.completions.create(banana('tiny-chat:json'), { signal: controller.signal }),
  );
  const stays = gateway.openai().chat.completions.create(banana('tiny-chat:json'));
  controller.abort();
  await gone;
  expect((await stays).choices[0]?.message.content).toBe('{"answer": "A banana is yellow."}');
  // The abort may reach the gateway before the request does; then there is nothing to write.
  await until(async () => (await gateway.runners()).every(({ state }) => state === 'ready'), 'nothing runs');
  expect(abortedRows().length - before).toBeLessThanOrEqual(1);
});
