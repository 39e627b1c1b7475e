import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { banana } from './chat.ts';
import { readRequests } from './readRequests.ts';
import { startGateway, type TestGateway } from './startGateway.ts';

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startGateway();
});

afterAll(() => gateway.dispose());

/** Lets no file of the gateway grow past so many bytes (getrlimit(2), RLIMIT_FSIZE): a full disk without a disk. */
function limitFiles(bytes: number | 'unlimited'): void {
  execFileSync('prlimit', ['--pid', String(gateway.child.pid), `--fsize=${bytes}:unlimited`]);
}

test('a disk that takes no rows costs an answer its end, not the gateway its life', async () => {
  await (await gateway.post('/v1/chat/completions', banana('tiny-chat'))).text();
  // One token, again and again: it is on its way still when the disk is full.
  const endless = { ...banana('tiny-chat'), stream: true, n: 8, max_tokens: 200, logit_bias: { 700: 100 } };
  const begun = await gateway.post('/v1/chat/completions', endless);
  limitFiles(statSync(join(gateway.dataDir, 'hearth.db-wal')).size);
  const text = await begun.text();
  expect(begun.status).toBe(200);
  expect(text).not.toContain('[DONE]');
  expect(JSON.parse(text.split('\n\n').at(-2)!.replace('data: ', '')).error.code).toBe('ledger_failed');
  // The journal takes a line still, the database no row.
  const whole = await gateway.post('/v1/chat/completions', banana('tiny-chat'));
  expect([whole.status, ((await whole.json()) as any).error.code]).toEqual([500, 'ledger_failed']);
  limitFiles(1);
  for (const stream of [false, true]) {
    // What cannot be opened does not begin.
    const refused = await gateway.post('/v1/chat/completions', { ...banana('tiny-chat'), stream });
    expect(refused.status).toBe(500);
    expect(((await refused.json()) as any).error.code).toBe('ledger_failed');
  }
  expect(await (await fetch(`${gateway.url}/metrics`)).text()).toContain('error="ledger_failed"');
  limitFiles('unlimited');
  const next = await gateway.post('/v1/chat/completions', banana('tiny-chat'));
  expect(next.status).toBe(200);
  await next.text();
  const ids = readRequests(gateway.dataDir).map((row) => row.request_id);
  expect(ids).toHaveLength(2);
  expect(ids).toContain(next.headers.get('x-request-id'));
  expect(await gateway.end()).toBe(0);
});
