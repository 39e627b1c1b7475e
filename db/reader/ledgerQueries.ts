import { and, asc, desc, eq, getTableColumns, gt, gte, isNull, lt, type SQL, sql } from 'drizzle-orm';
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3';
import type { PastAttempt } from '../../gateway/ports/ledger.ts';
import type { RequestAccount, RequestFilter, RequestPosition } from '../../gateway/ports/ledgerReads.ts';
import { admissionFromRow, correctionFromRow } from '../admissionRows.ts';
import { recordFromRow } from '../requestRows.ts';
import { admissions, corrections, gatewayRuns, idempotencyKeys, requests } from '../schema.ts';

/** Most rows of one page. */
const MAX_PAGE_ROWS = 1000;

/** Reads of the ledger, as makeQueries() has them. */
export function makeLedgerQueries(db: BetterSQLite3Database) {
  return {
    requestPage: ({
      filter,
      after,
      limit,
    }: {
      filter: RequestFilter;
      after: RequestPosition | null;
      limit: number;
    }) =>
      db
        .select()
        .from(requests)
        .where(and(...conditions(filter), after ? isAfter(after) : undefined))
        .orderBy(desc(requests.arrivedAtEpochMs), desc(requests.requestId))
        .limit(Math.min(limit, MAX_PAGE_ROWS))
        .all()
        .map(recordFromRow),

    requestAccount: ({ id }: { id: string }): RequestAccount | null => {
      const row = db.select().from(requests).where(eq(requests.requestId, id)).get();
      if (!row) return null;
      const admission = db.select().from(admissions).where(eq(admissions.requestId, id)).get();
      const made = db
        .select()
        .from(corrections)
        .where(eq(corrections.requestId, id))
        .orderBy(asc(corrections.madeAtEpochMs), asc(corrections.correctionId))
        .all();
      return {
        record: recordFromRow(row),
        admission: admission ? admissionFromRow(admission) : null,
        corrections: made.map(correctionFromRow),
      };
    },

    lastAttempt: ({ keyHash, sinceEpochMs }: { keyHash: string; sinceEpochMs: number }): PastAttempt | null =>
      db
        .select({
          requestId: idempotencyKeys.requestId,
          keyHash: idempotencyKeys.keyHash,
          bodyFingerprint: idempotencyKeys.bodyFingerprint,
          isAnswered: sql<boolean>`${requests.errorCode} is null`.mapWith(Boolean),
        })
        .from(idempotencyKeys)
        .innerJoin(requests, eq(requests.requestId, idempotencyKeys.requestId))
        .where(and(eq(idempotencyKeys.keyHash, keyHash), gte(idempotencyKeys.openedAtEpochMs, sinceEpochMs)))
        .orderBy(desc(idempotencyKeys.openedAtEpochMs), sql`${idempotencyKeys}.rowid desc`)
        .limit(1)
        .get() ?? null,

    unsettledAdmissions: (_none: Record<string, never>) => {
      const settled = db
        .select({ upTo: sql<number>`max(${gatewayRuns.settledUpTo})` })
        .from(gatewayRuns)
        .get();
      return db
        .select(getTableColumns(admissions))
        .from(admissions)
        .leftJoin(requests, eq(requests.requestId, admissions.requestId))
        .where(and(gt(admissions.admissionId, settled?.upTo ?? 0), isNull(requests.requestId)))
        .orderBy(asc(admissions.admissionId))
        .all()
        .map(admissionFromRow);
    },
  };
}

function conditions(filter: RequestFilter): SQL[] {
  const { fromEpochMs, toEpochMs, combo, keyId, httpStatus, errorCode, requestId } = filter;
  return [
    ...(fromEpochMs === undefined ? [] : [gte(requests.arrivedAtEpochMs, fromEpochMs)]),
    ...(toEpochMs === undefined ? [] : [lt(requests.arrivedAtEpochMs, toEpochMs)]),
    ...(combo === undefined ? [] : [eq(requests.combo, combo)]),
    ...(keyId === undefined ? [] : [eq(requests.keyId, keyId)]),
    ...(httpStatus === undefined ? [] : [eq(requests.httpStatus, httpStatus)]),
    ...(errorCode === undefined ? [] : [eq(requests.errorCode, errorCode)]),
    ...(requestId === undefined ? [] : [eq(requests.requestId, requestId)]),
  ];
}

function isAfter({ arrivedAtEpochMs, requestId }: RequestPosition): SQL {
  return sql`(${requests.arrivedAtEpochMs}, ${requests.requestId}) < (${arrivedAtEpochMs}, ${requestId})`;
}
