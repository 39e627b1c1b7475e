import { afterAll, beforeAll, expect, test } from 'vitest';
import { banana, user } from './chat.ts';
import { ledger, readRequests } from './readRequests.ts';
import { startGateway, type TestGateway } from './startGateway.ts';

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startGateway();
  await (await ask(null, banana('tiny-chat'))).text();
});

afterAll(() => gateway.dispose());

function ask(key: string | null, body: unknown, init: RequestInit = {}): Promise<Response> {
  const headers = {
    'content-type': 'application/json',
    ...(key === null ? {} : { 'idempotency-key': key }),
    ...init.headers,
  };
  return gateway.post('/v1/chat/completions', body, { ...init, headers });
}

/** An answer that goes on to its end: one token, again and again. */
const LONG = {
  model: 'tiny-chat',
  stream: true,
  messages: user('Hello'),
  logit_bias: { 700: 100 },
  max_tokens: 200,
  n: 8,
};

/** Reads the first bytes of a stream, so that the request runs, and gives the rest to whoever wants it. */
async function begun(key: string, ending: AbortController): Promise<Response> {
  const response = await ask(key, LONG, { signal: ending.signal });
  const reader = response.body!.getReader();
  await reader.read();
  reader.releaseLock();
  return response;
}

test.each([false, true])('a retry gets the very same bytes and is not run (stream: %s)', async (stream) => {
  const key = `"same-${stream}"`;
  const body = { ...banana('tiny-chat'), stream, temperature: 1 };
  const first = await ask(key, body);
  const bytes = await first.text();
  const rows = readRequests(gateway.dataDir).length;
  const again = await ask(key, JSON.stringify(body, null, 2));
  expect(again.status).toBe(200);
  expect(await again.text()).toBe(bytes);
  expect(again.headers.get('content-type')).toBe(first.headers.get('content-type'));
  expect(again.headers.get('x-hearth-combo')).toBe('tiny-chat');
  expect(again.headers.get('x-hearth-idempotent-replay')).toBe('true');
  expect(again.headers.get('x-hearth-original-request-id')).toBe(first.headers.get('x-request-id'));
  expect(again.headers.get('x-request-id')).not.toBe(first.headers.get('x-request-id'));
  expect(first.headers.has('x-hearth-idempotent-replay')).toBe(false);
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
  expect(metrics).toMatch(/^hearth_replays_total\{endpoint="chat_completions"\} \d+$/m);
  expect(readRequests(gateway.dataDir)).toHaveLength(rows);
});

test('a key with another body is a 422; another key, endpoint or credential is another scope', async () => {
  await (await ask('scoped', banana('tiny-chat'))).text();
  const other = await ask('scoped', { ...banana('tiny-chat'), seed: 2 });
  expect(other.status).toBe(422);
  expect(((await other.json()) as any).error.code).toBe('idempotency_key_reused');
  const owner = { authorization: 'Bearer somebody-else' };
  const elsewhere = await ask('scoped', { ...banana('tiny-chat'), seed: 2 }, { headers: owner });
  expect(elsewhere.status).toBe(200);
  expect(elsewhere.headers.has('x-hearth-idempotent-replay')).toBe(false);
  await elsewhere.text();
});

test('a key is 1 to 255 printable characters', async () => {
  const long = await ask('k'.repeat(256), banana('tiny-chat'));
  expect(long.status).toBe(400);
  expect(((await long.json()) as any).error.param).toBe('Idempotency-Key');
  const fits = await ask('k'.repeat(255), banana('tiny-chat'));
  expect(fits.status).toBe(200);
  await fits.text();
});

test('a key whose request still runs is a 409 that says when to come again', async () => {
  const ending = new AbortController();
  const first = await begun('running', ending);
  const second = await ask('running', LONG);
  expect(second.status).toBe(409);
  expect(Number(second.headers.get('retry-after-ms'))).toBeGreaterThan(0);
  expect(second.headers.has('x-should-retry')).toBe(false);
  expect(((await second.json()) as any).error.code).toBe('idempotency_conflict');
  expect(second.headers.get('x-hearth-original-request-id')).toBe(first.headers.get('x-request-id'));
  ending.abort();
});

test.each([
  ['at the door', null, { ...banana('nobody') }, 404],
  ['for its key', 'taken', { ...banana('tiny-chat'), seed: 3 }, 422],
])('what is refused %s is in the books when its client knows', async (_, key, body, status) => {
  if (key !== null) await (await ask(key, banana('tiny-chat'))).text();
  for (let at = 0; at < 10; at += 1) {
    const refused = await ask(key, body);
    const rows = readRequests(gateway.dataDir);
    const id = refused.headers.get('x-request-id');
    expect(rows.find((row) => row.request_id === id)).toMatchObject({ http_status: status });
    await refused.text();
  }
});

test('a retry of what its client cut off is run, and credits what the first has used', async () => {
  const ending = new AbortController();
  const first = await begun('cut-off', ending);
  const firstId = first.headers.get('x-request-id') ?? '';
  const before = readRequests(gateway.dataDir).length;
  ending.abort();
  const rows = await ledger(gateway, before + 1);
  const cut = rows.find((row) => row.request_id === firstId);
  expect(cut).toMatchObject({ http_status: 499, error_code: 'client_closed' });
  expect(cut?.completion_tokens).toBeGreaterThan(0);
  const retry = await ask('cut-off', LONG);
  expect(await retry.text()).toMatch(/\[DONE\]\n\n$/);
  const account = (await gateway.admin('GET', `/requests/${firstId}`)).json;
  expect(account).toMatchObject({ error_code: 'client_closed', admission: { most_completion_tokens: 1600 } });
  expect(account.corrections).toEqual([
    expect.objectContaining({
      id: `cor_${firstId}`,
      author: 'system',
      reason: expect.stringContaining(retry.headers.get('x-request-id') ?? '?'),
      prompt_tokens: -account.prompt_tokens,
      completion_tokens: -account.completion_tokens,
    }),
  ]);
});

test('what was refused does not bind its key', async () => {
  const deadline = { 'x-hearth-deadline-ms': '1' };
  const refused = await ask('refused', banana('tiny-chat:pirate@0.125'), { headers: deadline });
  expect(refused.status).toBeGreaterThanOrEqual(429);
  await refused.text();
  const retry = await ask('refused', { ...banana('tiny-chat'), seed: 5 });
  expect(retry.status).toBe(200);
  await retry.text();
});

test('after a restart the first request is named, and nothing is run', async () => {
  const own = await startGateway();
  const send = (to: TestGateway, body: unknown) =>
    to.post('/v1/chat/completions', body, {
      headers: { 'content-type': 'application/json', 'idempotency-key': 'kept' },
    });
  try {
    const first = await send(own, banana('tiny-chat'));
    await first.text();
    await own.end();
    const next = await startGateway({ directory: own.directory });
    const gone = await send(next, banana('tiny-chat'));
    expect(gone.status).toBe(409);
    expect(gone.headers.get('x-should-retry')).toBe('false');
    const firstId = first.headers.get('x-request-id') ?? '?';
    expect(((await gone.json()) as any).error).toMatchObject({
      code: 'idempotency_answer_gone',
      message: expect.stringContaining(firstId),
    });
    const other = await send(next, { ...banana('tiny-chat'), seed: 3 });
    expect(((await other.json()) as any).error.code).toBe('idempotency_key_reused');
    await next.end();
    const rows = readRequests(own.dataDir);
    expect(rows.map((row) => row.error_code)).toEqual([
      null,
      'idempotency_answer_gone',
      'idempotency_key_reused',
    ]);
  } finally {
    await own.dispose();
  }
});
