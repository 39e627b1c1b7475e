import { type Dirent, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { banana, rejection, user } from './chat.ts';
import { readRequests } from './readRequests.ts';
import { type TestGateway, until } from './startGateway.ts';
import { SAMPLED, TracedGateway } from './tracedRequests.ts';

/** Told to the gateway, in every place where a client may write text. */
const MARK = 'Xylophonquartz7531';
const KEY = 'sk-private-key-8642';
/** Secrets of API keys that were made, and one that nobody made. */
const secrets: string[] = ['hk_nobodysSecret-8642'];
/** Told by the model, and by nobody else. */
const ANSWER = 'a curious fox named';

let traced: TracedGateway;
let gateway: TestGateway;
beforeAll(async () => {
  traced = await TracedGateway.start({ environment: { HEARTH_LOG_LEVEL: 'trace' } });
  ({ gateway } = traced);
  await converse();
});
afterAll(() => traced.dispose());

/** Every kind of answer: whole, streamed, refused at the door and by the runner, aborted, of a runner that died. */
async function converse(): Promise<void> {
  const client = gateway.openai({ defaultHeaders: SAMPLED });
  client.apiKey = KEY;
  const story = { ...banana('tiny-chat'), messages: user('Tell me a story about a fox.') };
  const { choices } = await client.chat.completions.create(story);
  expect(choices[0]?.message.content).toContain(ANSWER);
  const made = await gateway.admin('POST', '/keys', { name: 'private' });
  const rotated = await gateway.admin('POST', `/keys/${made.json.id}/rotate`, { grace: '1h' });
  secrets.push(made.json.key, rotated.json.key);
  for (const secret of secrets) {
    client.apiKey = secret;
    // The one that nobody made opens nothing.
    const asked = client.chat.completions.create({ ...story, stream: true });
    if (secret === secrets[0]) await rejection(asked);
    else for await (const _ of await asked);
  }
  const marked = { ...banana('tiny-chat'), messages: user(MARK), user: MARK };
  await client.chat.completions.create({ ...marked, metadata: { a: MARK }, stop: [MARK] } as never);
  for await (const _ of await client.chat.completions.create({ ...marked, stream: true }));
  const keyed = { headers: { 'idempotency-key': `${MARK} key` } };
  for (let times = 0; times < 2; times += 1) await client.chat.completions.create(marked, keyed);
  await rejection(client.chat.completions.create({ ...marked, seed: 1 }, keyed));
  await client.completions.create({ model: 'tiny-chat:pirate', prompt: MARK, echo: true });
  await client.embeddings.create({ model: 'tiny-chat', input: MARK });
  await rejection(client.chat.completions.create({ ...marked, messages: user(`${MARK} `.repeat(900)) }));
  await rejection(client.chat.completions.create({ ...marked, temperature: 99 }));
  await rejection(
    client.chat.completions.create({ ...marked, messages: [{ role: MARK, content: MARK }] } as never),
  );
  await rejection(
    client.chat.completions.create({
      ...marked,
      tools: [{ type: 'function', function: { name: MARK, description: MARK, parameters: { type: MARK } } }],
    }),
  );
  await rejection(
    client.chat.completions.create({
      ...marked,
      response_format: { type: 'json_schema', json_schema: { name: 'x', schema: { $ref: `#/${MARK}` } } },
    }),
  );
  const headers = { 'x-api-key': made.json.key };
  await (
    await gateway.post('/v1/chat/completions', `{"model":"tiny-chat","messages":"${MARK}`, { headers })
  ).text();
  const endless = { ...marked, logit_bias: { 700: 100 }, stream: true as const };
  for await (const _ of await client.chat.completions.create(endless)) break;
  const dying = await client.chat.completions.create(endless);
  const [runner] = await gateway.runners();
  if (runner) process.kill(runner.pid, 'SIGKILL');
  await rejection(
    (async () => {
      for await (const _ of dying);
    })(),
  );
  await client.chat.completions.create(marked);
  await until(() => readRequests(gateway.dataDir).length === 18, 'every request has its row');
}

function filesBelow(directory: string): string[] {
  const entries: Dirent[] = readdirSync(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

const encoded = Buffer.from(MARK).toString('base64').slice(0, 20);
/** Of a secret what is not shown anyway. */
const words = () => [MARK, MARK.toLowerCase(), KEY, ANSWER, encoded, ...secrets.map((one) => one.slice(9))];

describe('what clients and models say', () => {
  test('is nowhere in the log, at its finest level', () => {
    const log = gateway.log();
    expect(log).toContain('tiny-chat');
    for (const word of words()) expect(log).not.toContain(word);
  });

  test('is nowhere in /metrics, the events or the lists of the admin API', async () => {
    const texts = [await (await fetch(`${gateway.url}/metrics`)).text()];
    for (const path of ['/events?limit=1000', '/runners', '/models', '/adapters', '/keys?deleted=true']) {
      texts.push(JSON.stringify(await gateway.admin('GET', path)));
    }
    expect(texts.join('')).toContain('tiny-chat');
    for (const word of words()) expect(texts.join('')).not.toContain(word);
  });

  test('is in no file of the data directory, while it runs and after its end', async () => {
    const check = () => {
      const files = filesBelow(gateway.directory);
      const inDatabase = files.filter((file) => /hearth\.db/.test(file));
      expect(inDatabase.length).toBeGreaterThan(0);
      expect(inDatabase.some((file) => readFileSync(file).includes('tiny-chat'))).toBe(true);
      for (const file of files) {
        const bytes = readFileSync(file);
        for (const word of words()) expect([file, bytes.includes(word)]).toEqual([file, false]);
      }
    };
    check();
    expect(await gateway.end()).toBe(0);
    check();
  });

  test('is in no trace, whose last spans the gateway sent at its end', () => {
    const { spans, bodies } = traced.collector;
    const statuses = new Set(spans.map(({ attributes }) => attributes['http.response.status_code']));
    expect([...statuses]).toEqual(expect.arrayContaining([200, 400, 401, 422]));
    expect(spans.some(({ attributes }) => 'hearth.replay_of' in attributes)).toBe(true);
    const sent = Buffer.concat(bodies);
    for (const word of words()) expect([word, sent.includes(word)]).toEqual([word, false]);
  });
});
