import { sql } from 'drizzle-orm';
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3';
import { admissionRow, CREDIT_REASON } from '../admissionRows.ts';
import { admissions, corrections, gatewayRuns, idempotencyKeys, requests } from '../schema.ts';
import type { WriteCommand } from './commands.ts';
import { insertInto } from './inserts.ts';

export type LedgerCommand = Extract<
  WriteCommand,
  { kind: 'openRequest' | 'openAttempt' | 'creditAttempts' | 'correct' | 'gatewayBegan' }
>;

const parameter = (name: string) => sql`${sql.placeholder(name)}`;
const left = (column: 'prompt_tokens' | 'cached_tokens' | 'completion_tokens' | 'cost_micro_usd') =>
  sql`r.${sql.identifier(column)} + coalesce(sum(c.${sql.identifier(column)}), 0)`;

/** The statements of the ledger beside `requests`. All of them insert. */
export function prepareLedger(db: BetterSQLite3Database): (command: LedgerCommand) => void {
  const openRequest = insertInto(db, admissions, ['admissionId']).onConflictDoNothing().prepare();
  const openAttempt = insertInto(db, idempotencyKeys).onConflictDoNothing().prepare();
  const credit = prepareCredit(db);
  const correct = prepareCorrect(db);
  const began = db
    .insert(gatewayRuns)
    .select(
      sql`select ${parameter('gatewayRun')}, ${parameter('atEpochMs')}, coalesce(max(${admissions.admissionId}), 0) from ${admissions} where true`,
    )
    .onConflictDoNothing()
    .prepare();
  return (command) => {
    switch (command.kind) {
      case 'openRequest':
        return void openRequest.run({ ...admissionRow(command.admission) });
      case 'openAttempt': {
        const { requestId, attempt, atEpochMs } = command;
        return void openAttempt.run({ ...attempt, requestId, openedAtEpochMs: atEpochMs });
      }
      case 'creditAttempts':
        return void credit.run({ ...command.order });
      case 'correct':
        if (correct.run({ ...command.correction }).changes === 1) return;
        throw new Error('the request would have used less than nothing');
      case 'gatewayBegan':
        return void began.run({ gatewayRun: command.gatewayRun, atEpochMs: command.atEpochMs });
    }
  };
}

/** One correction per attempt that did not end well, by what is left of its use; its id keeps it from a second one. */
function prepareCredit(db: BetterSQLite3Database) {
  return db
    .insert(corrections)
    .select(
      sql`select 'cor_' || r.request_id, r.request_id, ${parameter('madeAtEpochMs')},
            ${sql.raw(`'${CREDIT_REASON}'`)} || ${parameter('requestId')}, 'system',
            -(${left('prompt_tokens')}), -(${left('cached_tokens')}), -(${left('completion_tokens')}),
            -(${left('cost_micro_usd')})
          from ${idempotencyKeys} k
          join ${requests} r on r.request_id = k.request_id
          left join ${corrections} c on c.request_id = r.request_id
          where k.key_hash = ${parameter('keyHash')} and k.body_fingerprint = ${parameter('bodyFingerprint')}
            and k.opened_at_epoch_ms >= ${parameter('sinceEpochMs')}
            and k.request_id <> ${parameter('requestId')} and r.error_code is not null
          group by r.request_id
          having ${left('prompt_tokens')} > 0 or ${left('completion_tokens')} > 0 or ${left('cost_micro_usd')} <> 0`,
    )
    .onConflictDoNothing()
    .prepare();
}

/** Nothing is inserted when the request is unknown or would come to have used less than nothing. */
function prepareCorrect(db: BetterSQLite3Database) {
  return db
    .insert(corrections)
    .select(
      sql`select ${parameter('id')}, r.request_id, ${parameter('madeAtEpochMs')}, ${parameter('reason')},
            ${parameter('author')}, ${parameter('promptTokens')}, ${parameter('cachedTokens')},
            ${parameter('completionTokens')}, ${parameter('costMicroUsd')}
          from ${requests} r
          left join ${corrections} c on c.request_id = r.request_id
          where r.request_id = ${parameter('requestId')}
          group by r.request_id
          having ${left('prompt_tokens')} + ${parameter('promptTokens')} >= 0
            and ${left('cached_tokens')} + ${parameter('cachedTokens')} >= 0
            and ${left('completion_tokens')} + ${parameter('completionTokens')} >= 0
            and ${left('cost_micro_usd')} + ${parameter('costMicroUsd')} >= 0`,
    )
    .prepare();
}
