import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { banana, rejection } from './chat.ts';
import { readRequests } from './readRequests.ts';
import { demoConfig, ROOT, startGateway, type TestGateway } from './startGateway.ts';

const open: TestGateway[] = [];
afterEach(async () => {
  for (const gateway of open.splice(0)) await gateway.dispose();
});

async function start(...options: Parameters<typeof startGateway>): Promise<TestGateway> {
  const gateway = await startGateway(...options);
  open.push(gateway);
  return gateway;
}

function clientOf(gateway: TestGateway, apiKey: string) {
  const client = gateway.openai();
  client.apiKey = apiKey;
  return client;
}

const EVERYWHERE = { HEARTH_HOST: '0.0.0.0' };

test('a key opens /v1 for its holder alone, is named in the ledger, and survives a restart', async () => {
  const gateway = await start();
  const { json } = await gateway.admin('POST', '/keys', { name: 'e2e', limits: { requests_per_minute: 3 } });
  const failed = await rejection(gateway.openai().chat.completions.create(banana('tiny-chat')));
  expect([failed.status, failed.code]).toEqual([401, 'invalid_api_key']);
  const client = clientOf(gateway, json.key);
  const answer = await client.chat.completions.create(banana('tiny-chat'));
  expect(answer.choices[0]?.message.content).toContain('yellow');
  for await (const _ of await client.chat.completions.create({ ...banana('tiny-chat'), stream: true }));
  await client.chat.completions.create(banana('tiny-chat'));
  const limited = await rejection(client.chat.completions.create(banana('tiny-chat')));
  expect([limited.status, limited.code]).toEqual([429, 'rate_limit_exceeded']);
  await gateway.admin('PATCH', `/keys/${json.id}`, { limits: {} });
  expect(await gateway.end()).toBe(0);
  expect(readRequests(gateway.dataDir).map((row) => [row.key_id, row.error_code])).toEqual([
    [json.id, null],
    [json.id, null],
    [json.id, null],
    [json.id, 'rate_limit_exceeded'],
  ]);
  expect(statSync(join(gateway.dataDir, 'key-secret')).mode & 0o777).toBe(0o600);

  const next = await start({ directory: gateway.directory });
  await rejection(next.openai().models.list());
  await clientOf(next, json.key).chat.completions.create(banana('tiny-chat'));
});

test('a budget holds the price of a start only where one is needed, and a correction counts at once', async () => {
  const prices =
    'prices: { default: { input_per_million: 1, start: { cold: 0.01, staged: 0.01, attach: 0.01 } } }\n';
  const gateway = await start({ config: demoConfig(prices) });
  const budget = { period: 'day', soft_micro_usd: null, hard_micro_usd: 15_000 };
  const { json: key } = await gateway.admin('POST', '/keys', { name: 'thrifty', budget });
  const client = clientOf(gateway, key.key);
  const first = await client.chat.completions.create(banana('tiny-chat')).withResponse();
  // The budget has no second start, and a warm answer needs none.
  await client.chat.completions.create(banana('tiny-chat'));
  const pirate = () => client.chat.completions.create(banana('tiny-chat:pirate'));
  const refused = await rejection(pirate());
  expect([refused.status, refused.code]).toEqual([429, 'budget_exceeded']);
  const id = first.response.headers.get('x-request-id');
  const account = (await gateway.admin('GET', `/requests/${id}`)).json;
  expect(account.cost_parts_micro_usd.start).toBe(10_000);
  expect(account.admission.reserved_micro_usd).toBeGreaterThanOrEqual(account.cost_micro_usd);
  const made = await gateway.admin('POST', `/requests/${id}/corrections`, {
    reason: 'our fault',
    cost_micro_usd: -10_000,
  });
  expect(made.status).toBe(201);
  expect((await pirate()).choices[0]?.message.content).toContain('Arr');
});

test('an address that is not loopback needs a key, and is not opened by its deletion', async () => {
  await expect(startGateway({ environment: EVERYWHERE })).rejects.toThrow(
    'Cannot listen on "0.0.0.0": it is not loopback and no API key exists, so whoever reaches it would be served; make one while listening on 127.0.0.1 ("hearth keys create NAME"), or allow it by HEARTH_ALLOW_ANONYMOUS=1',
  );
  const first = await start();
  const { json } = await first.admin('POST', '/keys', { name: 'first' });
  await first.end();
  const gateway = await start({ directory: first.directory, environment: EVERYWHERE });
  Object.assign(gateway, { url: gateway.url.replace('0.0.0.0', '127.0.0.1') });
  await clientOf(gateway, json.key).models.list();
  await gateway.admin('DELETE', `/keys/${json.id}`);
  for (const key of [json.key, 'anything']) {
    expect((await rejection(clientOf(gateway, key).models.list())).status).toBe(401);
  }
});

test('HEARTH_ALLOW_ANONYMOUS=1 serves everybody anywhere, and says so', async () => {
  const gateway = await start({ environment: { ...EVERYWHERE, HEARTH_ALLOW_ANONYMOUS: '1' } });
  Object.assign(gateway, { url: gateway.url.replace('0.0.0.0', '127.0.0.1') });
  await gateway.openai().models.list();
  expect(gateway.log()).toContain('whoever reaches this address is served, as it was allowed');
});

test('TLS is served from the files of the configuration, and read again on SIGHUP', async () => {
  const fixtures = join(ROOT, 'test/fixtures/tls');
  const config = demoConfig(`server: { tls: { cert: cert.pem, key: key.pem } }`);
  const gateway = await start({ config, directory: useCertificate('first') });
  expect(gateway.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
  useCertificate('second', gateway.directory);
  gateway.child.kill('SIGHUP');
  await expect.poll(() => gateway.log(), { timeout: 10_000 }).toContain('the certificate was read again');

  function useCertificate(name: string, directory = mkdtempSync(join(tmpdir(), 'hearth-e2e-'))): string {
    writeFileSync(join(directory, 'cert.pem'), readFileSync(join(fixtures, `${name}.crt`)));
    writeFileSync(join(directory, 'key.pem'), readFileSync(join(fixtures, `${name}.key`)));
    return directory;
  }
});
