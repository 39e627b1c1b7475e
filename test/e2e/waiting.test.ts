import { afterEach, describe, expect, test } from 'vitest';
import { banana, DEMO_FILES, user } from './chat.ts';
import { freeze, signal, thawAll } from './frozenRunner.ts';
import { ledger, readRequests } from './readRequests.ts';
import { startGateway, type TestGateway, until } from './startGateway.ts';

const CHAT = '/v1/chat/completions';
const gateways: TestGateway[] = [];

/** One sequence, so that one request holds up all others. */
async function start(pool = '', sequences = 1): Promise<TestGateway> {
  const gateway = await startGateway({
    standbys: 0,
    config: `
models: [{ id: tiny-chat, path: ${DEMO_FILES.base}, context: 2048, sequences: ${sequences} }]
adapters: [{ id: pirate, base: tiny-chat, path: ${DEMO_FILES.pirate} }]
pool: { ${pool} }
`,
  });
  gateways.push(gateway);
  return gateway;
}

afterEach(async () => {
  thawAll();
  for (const gateway of gateways.splice(0)) await gateway.dispose();
});

const ask = (gateway: TestGateway, body: object, headers: Record<string, string> = {}): Promise<Response> =>
  gateway.post(CHAT, body, { headers: { 'content-type': 'application/json', ...headers } });

async function answered(gateway: TestGateway, model: string): Promise<void> {
  const response = await ask(gateway, banana(model));
  expect(response.status).toBe(200);
  await response.text();
}

/** Takes the one sequence on a runner that then stands still; the function that comes back gives it free again. */
async function occupy(gateway: TestGateway): Promise<() => void> {
  const abort = new AbortController();
  const endless = {
    model: 'tiny-chat',
    messages: user('Once upon a time'),
    max_tokens: 1900,
    temperature: 1.5,
    logit_bias: { '0': -100, '1': -100, '2': -100 },
    stream: true,
  };
  const headers = { 'content-type': 'application/json' };
  const response = await gateway.post(CHAT, endless, { headers, signal: abort.signal });
  expect(response.status).toBe(200);
  response.text().catch(() => {});
  const [runner] = await gateway.runners();
  freeze(runner!.pid);
  return () => {
    signal(runner!.pid, 'SIGCONT');
    abort.abort();
  };
}

async function waitingIs(gateway: TestGateway, count: number): Promise<void> {
  await until(
    async () =>
      (await (await fetch(`${gateway.url}/metrics`)).text()).includes(`hearth_waiting_requests ${count}\n`),
    `${count} wait`,
  );
}

describe('a deadline', () => {
  test('that the start of a combo cannot meet is a 503 at once, and the time to come again is that of its starts', async () => {
    const gateway = await start();
    await answered(gateway, 'tiny-chat');
    const [runner] = await gateway.runners();
    process.kill(runner!.pid, 'SIGKILL');
    const hasExited = async () =>
      (await gateway.admin('GET', '/events?limit=100')).json.data.some(
        ({ type }: any) => type === 'runner_exited',
      );
    await until(hasExited, 'the pool knows that the runner has gone');
    const refused = await ask(gateway, banana('tiny-chat'), { 'x-hearth-deadline-ms': '1' });
    expect([refused.status, await refused.json()]).toMatchObject([
      503,
      { error: { code: 'start_exceeds_deadline', type: 'service_unavailable' } },
    ]);
    const [first, second] = await ledger(gateway, 2);
    expect(second).toMatchObject({
      deadline_ms: 1,
      http_status: 503,
      error_code: 'start_exceeds_deadline',
      runner_id: null,
    });
    expect(first?.deadline_ms).toBeNull();
    const took = first!.spawn_ms! + first!.load_ms! + (first!.attach_ms ?? 0) + first!.context_ms!;
    const coldMs = Number(refused.headers.get('retry-after-ms'));
    expect(coldMs).toBeGreaterThan(took * 0.8);
    expect(coldMs).toBeLessThan(first!.total_ms + 1);
    expect(refused.headers.get('retry-after')).toBe(String(Math.ceil(coldMs / 1000)));
    expect(refused.headers.get('x-should-retry')).toBeNull();

    // It has begun for who comes again.
    const holds = ({ combos }: { combos: string[] }) => combos.includes('tiny-chat');
    await until(async () => (await gateway.runners()).some(holds), 'it is there for the next one');
    const again = await ask(gateway, banana('tiny-chat'), { 'x-hearth-deadline-ms': '60000' });
    expect([again.status, again.headers.get('x-hearth-start')]).toEqual([200, 'warm']);

    const isGone = async () =>
      (await gateway.runners()).every(({ combos }) => !combos.includes('tiny-chat+pirate'));
    await answered(gateway, 'tiny-chat:pirate');
    await gateway.admin('POST', '/combos/tiny-chat%2Bpirate/evict');
    await until(isGone, 'the adapter has gone');
    await answered(gateway, 'tiny-chat:pirate');
    await gateway.admin('POST', '/combos/tiny-chat%2Bpirate/evict');
    await until(isGone, 'the adapter has gone again');
    const attach = await ask(gateway, banana('tiny-chat:pirate'), { 'x-hearth-deadline-ms': '1' });
    expect(attach.status).toBe(503);
    expect(Number(attach.headers.get('retry-after-ms'))).toBeLessThan(coldMs);
  });

  test('that passes while a request waits for a sequence is a 429, from the configuration too', async () => {
    const gateway = await start('deadline: 300ms');
    await gateway.admin('POST', '/combos/tiny-chat/warm');
    const release = await occupy(gateway);
    const refused = await ask(gateway, banana('tiny-chat'));
    expect([refused.status, await refused.json()]).toMatchObject([
      429,
      { error: { code: 'queue_exceeds_deadline', type: 'rate_limit_error' } },
    ]);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(Number(refused.headers.get('retry-after-ms'))).toBeGreaterThanOrEqual(1);
    release();
    const rows = await ledger(gateway, 2);
    expect(rows.find(({ http_status }) => http_status === 429)).toMatchObject({ deadline_ms: 300 });
  });
});

test('a full queue says when to come again, from what was measured', async () => {
  const gateway = await start('queue_limit_per_combo: 1');
  await answered(gateway, 'tiny-chat');
  const release = await occupy(gateway);
  const waits = ask(gateway, banana('tiny-chat'));
  await waitingIs(gateway, 1);
  const refused = await ask(gateway, banana('tiny-chat'));
  expect([refused.status, await refused.json()]).toMatchObject([429, { error: { code: 'queue_full' } }]);
  const [first] = readRequests(gateway.dataDir);
  const ranMs = first!.prefill_ms! + (first!.decode_ms ?? 0);
  // The one that waits and this one: each after one that runs.
  const retryMs = Number(refused.headers.get('retry-after-ms'));
  expect(retryMs).toBeGreaterThan(ranMs);
  expect(retryMs).toBeLessThan(first!.total_ms * 4);
  release();
  expect((await waits).status).toBe(200);
});

test('a key that floods the queue does not keep another one waiting for all of it', async () => {
  const gateway = await start();
  await answered(gateway, 'tiny-chat');
  const release = await occupy(gateway);
  const short = async (name: string, key: string) => {
    const body = { ...banana('tiny-chat'), max_tokens: 4 };
    const response = await ask(gateway, body, { authorization: `Bearer ${key}` });
    await response.text();
    return { name, status: response.status, id: response.headers.get('x-request-id') };
  };
  const flood = [];
  for (let at = 0; at < 8; at += 1) {
    flood.push(short(`flood ${at}`, 'key-flood'));
    await waitingIs(gateway, at + 1);
  }
  const quiet = short('quiet', 'key-quiet');
  await waitingIs(gateway, 9);
  release();
  const answers = await Promise.all([...flood, quiet]);
  expect(answers.every(({ status }) => status === 200)).toBe(true);
  const names = new Map(answers.map(({ name, id }) => [id, name]));
  const order = (await ledger(gateway, 11)).flatMap(({ request_id }) => names.get(request_id) ?? []);
  expect(order).toHaveLength(9);
  expect(order.indexOf('quiet')).toBeLessThanOrEqual(1);
  const ofFlood = order.filter((name) => name !== 'quiet');
  expect(ofFlood).toEqual(ofFlood.toSorted());
});

test('flex work waits behind interactive requests that came later, and is told as flex', async () => {
  const gateway = await start();
  await answered(gateway, 'tiny-chat');
  const release = await occupy(gateway);
  const flex = gateway.openai().chat.completions.create({ ...banana('tiny-chat'), service_tier: 'flex' });
  const flexAnswer = flex.then((answer) => answer);
  await waitingIs(gateway, 1);
  const auto = gateway.openai().chat.completions.create({ ...banana('tiny-chat'), service_tier: 'auto' });
  const autoAnswer = auto.then((answer) => answer);
  await waitingIs(gateway, 2);
  release();
  const [behind, before] = await Promise.all([flexAnswer, autoAnswer]);
  expect([behind.service_tier, before.service_tier]).toEqual(['flex', 'default']);
  const rows = await ledger(gateway, 4);
  const at = (id: string) => rows.findIndex(({ request_id }) => id.endsWith(request_id));
  expect(at(before.id)).toBeGreaterThan(-1);
  expect(at(before.id)).toBeLessThan(at(behind.id));
});

test('a stream that waits for a sequence is kept alive by comments, then streams its tier in every chunk', async () => {
  const gateway = await start();
  await answered(gateway, 'tiny-chat');
  const release = await occupy(gateway);
  const response = await ask(gateway, {
    ...banana('tiny-chat'),
    stream: true,
    stream_options: { include_usage: true },
    service_tier: 'flex',
  });
  expect(response.headers.get('x-hearth-start')).toBe('warm');
  let text = '';
  let comments = 0;
  for await (const bytes of response.body!.pipeThrough(new TextDecoderStream())) {
    text += bytes;
    if (text.startsWith(': ') && ++comments === 2) release();
  }
  const frames = text.split('\n\n').filter((frame) => frame !== '');
  const heard = frames.filter((frame) => frame.startsWith(':'));
  expect(heard.length).toBeGreaterThanOrEqual(2);
  expect(new Set(heard)).toEqual(new Set([': hearth warm']));
  const chunks = frames
    .filter((frame) => frame.startsWith('data: {'))
    .map((frame) => JSON.parse(frame.slice(6)));
  expect(chunks.at(-1)).toMatchObject({ choices: [], service_tier: 'flex' });
  expect(chunks.every(({ service_tier }) => service_tier === 'flex')).toBe(true);
  expect(frames.at(-1)).toBe('data: [DONE]');
}, 30_000);
