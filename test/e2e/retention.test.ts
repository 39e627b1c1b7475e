import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { banana } from './chat.ts';
import { demoConfig, startGateway, type TestGateway, until } from './startGateway.ts';

const DAY_MS = 86_400_000;
const TABLES = ['requests', 'admissions', 'idempotency_keys', 'corrections'] as const;

/** Rows by table, as somebody beside the gateway sees them. */
function rowsOf(dataDir: string): number[] {
  const database = new Database(join(dataDir, 'hearth.db'), { readonly: true });
  try {
    return TABLES.map((table) => database.prepare(`select count(*) from ${table}`).pluck().get() as number);
  } finally {
    database.close();
  }
}

function isRolledUp(dataDir: string): boolean {
  const database = new Database(join(dataDir, 'hearth.db'), { readonly: true });
  try {
    return database.prepare('select count(*) from rollup_cells').pluck().get() !== 0;
  } finally {
    database.close();
  }
}

const billingOf = async (gateway: TestGateway) =>
  (await gateway.admin('GET', '/reports/billing?from=2020-01-01')).json.data;

/** All that is in the ledger came so many days earlier. */
function age(dataDir: string, days: number): void {
  const database = new Database(join(dataDir, 'hearth.db'));
  for (const [table, column] of [
    ['requests', 'arrived_at_epoch_ms'],
    ['admissions', 'arrived_at_epoch_ms'],
    ['idempotency_keys', 'opened_at_epoch_ms'],
  ] as const)
    database.prepare(`update ${table} set ${column} = ${column} - ?`).run(days * DAY_MS);
  database.close();
}

test('old requests leave the ledger with all that belongs to them, and stay in the reports', async () => {
  const config = demoConfig('ledger: { retention: 33d }\n');
  const first = await startGateway({ config });
  try {
    for (const key of ['one', 'two', 'three'])
      await first
        .openai()
        .chat.completions.create(banana('tiny-chat'), { headers: { 'idempotency-key': key } });
    const { id } = (await first.admin('GET', '/requests')).json.data.at(-1);
    const made = await first.admin('POST', `/requests/${id}/corrections`, { reason: 'x', prompt_tokens: -1 });
    expect(made.status).toBe(201);
    await first.end();
    expect(rowsOf(first.dataDir)).toEqual([3, 3, 3, 1]);
    age(first.dataDir, 40);

    // The first start counts them, the next one may let them go.
    const second = await startGateway({ directory: first.directory });
    const [{ requests, total_tokens: tokens }] = await billingOf(second);
    expect(requests).toBe(3);
    await until(async () => isRolledUp(second.dataDir), 'the rows are rolled up');
    await second.end();
    expect(rowsOf(first.dataDir)).toEqual([3, 3, 3, 1]);

    const third = await startGateway({ directory: first.directory });
    await (await third.post('/v1/chat/completions', banana('tiny-chat'))).text();
    await until(async () => rowsOf(third.dataDir)[0] === 2, 'the old rows are removed');
    // The last row that was counted stays as the mark of how far.
    await until(async () => rowsOf(third.dataDir)[1] === 2, 'the admission of the new one is written');
    expect(rowsOf(third.dataDir)).toEqual([2, 2, 1, 0]);
    const [after] = await billingOf(third);
    expect(after.requests).toBe(4);
    expect(after.total_tokens).toBeGreaterThan(tokens);
    expect((await third.admin('GET', `/requests/${id}`)).status).toBe(404);
    await third.end();
  } finally {
    await first.dispose();
  }
});
