import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { banana, user } from './chat.ts';
import { readRequests } from './readRequests.ts';
import { demoConfig, startGateway } from './startGateway.ts';

/** One token, again and again, for the whole context. */
const ENDLESS = { model: 'tiny-chat', messages: user('Hello'), logit_bias: { 700: 100 }, stream: true };

test('requests that kill -9 of the gateway cuts off are in the books, with what they have used where a runner knows', async () => {
  const config = demoConfig('pool: { max_runners: 1 }\n');
  const first = await startGateway({ config, standbys: 0, environment: { HEARTH_LEASE: '30s' } });
  try {
    await (await first.post('/v1/chat/completions', banana('tiny-chat'))).text();
    const running = await Promise.all(
      Array.from({ length: 8 }, () => first.post('/v1/chat/completions', ENDLESS)),
    );
    const ids = running.map(({ headers }) => headers.get('x-request-id') ?? '?');
    await first.end('SIGKILL');
    for (const { body } of running) void body?.cancel().catch(() => {});
    const next = await startGateway({ directory: first.directory, standbys: 0 });
    try {
      const rows = readRequests(next.dataDir).filter((row) => ids.includes(row.request_id));
      expect(rows.map(({ request_id: id }) => id).toSorted()).toEqual(ids.toSorted());
      for (const row of rows) {
        expect(row).toMatchObject({ error_code: 'interrupted', http_status: 500, finish_reason: null });
        expect(row.runner_id).toMatch(/^r_/);
        expect(row.prompt_tokens).toBeGreaterThan(0);
        expect(row.completion_tokens).toBeGreaterThan(0);
        expect(row.total_ms).toBe((row.prefill_ms ?? 0) + (row.decode_ms ?? 0));
      }
      const account = (await next.admin('GET', `/requests/${ids[0]}`)).json;
      expect(account.admission.gateway_run).toMatch(/^[0-9a-f]{16}$/);
      const listed = (await next.admin('GET', '/requests?status=500&error_code=interrupted&limit=1')).json;
      expect(listed.data).toHaveLength(1);
    } finally {
      await next.end();
    }
  } finally {
    await first.dispose();
  }
});

test('an admission is in the books as well when the gateway is killed while its database takes nothing', async () => {
  const first = await startGateway({ standbys: 0, environment: { HEARTH_LEASE: '30s' } });
  // Another process that writes keeps the gateway from committing, for 5 s at most.
  const database = new Database(join(first.dataDir, 'hearth.db'));
  try {
    await (await first.post('/v1/chat/completions', banana('tiny-chat'))).text();
    database.exec('begin immediate');
    const running = await first.post('/v1/chat/completions', ENDLESS);
    const id = running.headers.get('x-request-id');
    const begun = await running.body?.getReader().read();
    expect(begun?.value?.length).toBeGreaterThan(0);
    expect(database.prepare('select count(*) from admissions where request_id = ?').pluck().get(id)).toBe(0);
    await first.end('SIGKILL');
    database.exec('rollback');
    const next = await startGateway({ directory: first.directory, standbys: 0 });
    try {
      const [row] = readRequests(next.dataDir).filter((one) => one.request_id === id);
      expect(row).toMatchObject({ error_code: 'interrupted', http_status: 500 });
      expect(row?.completion_tokens).toBeGreaterThan(0);
    } finally {
      await next.end();
    }
  } finally {
    database.close();
    await first.dispose();
  }
});
