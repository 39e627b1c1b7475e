import type Sqlite from 'better-sqlite3';
import { and, asc, count, desc, eq, gte, isNotNull, isNull, sql } from 'drizzle-orm';
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3';
import type { ApiKey } from '../../gateway/domain/apiKey.ts';
import { adapterId, deviceName, modelId } from '../../gateway/domain/ids.ts';
import type { DemandSlot } from '../../gateway/pool/forecast.ts';
import type { PoolEvent } from '../../gateway/ports/eventLog.ts';
import { keyFromRow } from '../keyRows.ts';
import { recordFromRow } from '../requestRows.ts';
import {
  adapters,
  aliases,
  apiKeys,
  events,
  models,
  pins,
  requests,
  runners,
  sourceFacts,
} from '../schema.ts';
import { makeCostQueries } from './costQueries.ts';
import { lastDurations } from './durations.ts';
import { parseDetail, parseSourceFacts } from './jsonColumns.ts';
import { makeLedgerQueries } from './ledgerQueries.ts';
import { makeReportQueries } from './reportQueries.ts';

/** Most rows that one read returns. */
const MAX_ROWS = 10_000;

/**
 * Every read by name, as functions of one connection. They run in the reader thread; parameters and results cross
 * threads, so they are plain data.
 */
export function makeQueries(db: BetterSQLite3Database & { readonly $client: Sqlite.Database }) {
  return {
    ...makeReportQueries(db.$client),

    ...makeLedgerQueries(db),
    ...makeCostQueries(db),

    recentRequests: ({ limit }: { limit: number }) =>
      db
        .select()
        .from(requests)
        .orderBy(desc(requests.arrivedAtEpochMs), desc(requests.requestId))
        .limit(rowLimit(limit))
        .all()
        .map(recordFromRow),

    requestById: ({ id }: { id: string }) => {
      const row = db.select().from(requests).where(eq(requests.requestId, id)).get();
      return row ? recordFromRow(row) : null;
    },

    demandSince: ({ epochMs, slotMs }: { epochMs: number; slotMs: number }): DemandSlot[] => {
      // A bound number would be a real one, and so would be the quotient.
      const slot = sql<number>`${requests.arrivedAtEpochMs} / ${sql.raw(String(Math.max(1, Math.trunc(slotMs))))}`;
      return db
        .select({ combo: sql<string>`${requests.combo}`, slot, requests: count() })
        .from(requests)
        .where(and(gte(requests.arrivedAtEpochMs, epochMs), isNotNull(requests.combo)))
        .groupBy(requests.combo, slot)
        .all();
    },

    lastDurations: ({ perCombo }: { perCombo: number }) => lastDurations(db, perCombo),

    recentEvents: ({ limit }: { limit: number }): PoolEvent[] =>
      db
        .select()
        .from(events)
        .orderBy(desc(events.eventId))
        .limit(rowLimit(limit))
        .all()
        .map((row) => ({
          atEpochMs: row.atEpochMs,
          type: row.type,
          ...(row.runnerId === null ? {} : { runnerId: row.runnerId }),
          ...(row.combo === null ? {} : { combo: row.combo }),
          ...(row.detailJson === null ? {} : { detail: parseDetail(row.detailJson) }),
        })),

    livingRunners: (_none: Record<string, never>) =>
      db
        .select()
        .from(runners)
        .where(isNull(runners.exitedAtEpochMs))
        .orderBy(asc(runners.spawnedAtEpochMs))
        .all()
        .map(({ exitedAtEpochMs: _exited, exitReason: _reason, ...row }) => row),

    pins: (_none: Record<string, never>) =>
      db.select().from(pins).orderBy(asc(pins.createdAtEpochMs), asc(pins.combo)).all(),

    apiKeys: (_none: Record<string, never>): ApiKey[] =>
      db
        .select()
        .from(apiKeys)
        .orderBy(asc(apiKeys.createdAtEpochMs), asc(apiKeys.keyId))
        .all()
        .map(keyFromRow),

    sourceFacts: (_none: Record<string, never>) =>
      db
        .select()
        .from(sourceFacts)
        .all()
        .flatMap(({ factsJson }) => parseSourceFacts(factsJson)),

    catalogue: (_none: Record<string, never>) => ({
      models: db
        .select()
        .from(models)
        .orderBy(asc(models.createdAtEpochMs), asc(models.id))
        .all()
        .map(({ digest, ...row }) => ({
          ...row,
          ...(digest === null ? {} : { digest }),
          id: modelId(row.id),
          maxSequences: row.maxSequences ?? row.sequences,
          device: row.device === null ? null : deviceName(row.device),
          source: 'api' as const,
        })),
      adapters: db
        .select()
        .from(adapters)
        .orderBy(asc(adapters.createdAtEpochMs), asc(adapters.id))
        .all()
        .map(({ baseId, digest, ...row }) => ({
          ...row,
          ...(digest === null ? {} : { digest }),
          id: adapterId(row.id),
          base: modelId(baseId),
          source: 'api' as const,
        })),
      aliases: db
        .select()
        .from(aliases)
        .orderBy(asc(aliases.createdAtEpochMs), asc(aliases.name))
        .all()
        .map((row) => ({ ...row, source: 'api' as const })),
    }),
  };
}

export type Queries = ReturnType<typeof makeQueries>;
export type QueryName = keyof Queries;
export type QueryParams<N extends QueryName> = Parameters<Queries[N]>[0];
export type QueryResult<N extends QueryName> = ReturnType<Queries[N]>;

function rowLimit(limit: number): number {
  return Math.min(Math.max(Math.trunc(limit) || 0, 0), MAX_ROWS);
}
