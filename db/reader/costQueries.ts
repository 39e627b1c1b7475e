import { and, asc, eq, gt, gte, isNotNull, lt, sql } from 'drizzle-orm';
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3';
import { type Cost, costOf, factsOf, NO_COST } from '../../gateway/domain/cost.ts';
import type { PriceBook, PriceVersion } from '../../gateway/domain/prices.ts';
import type { RequestRecord } from '../../gateway/domain/requestRecord.ts';
import type { KeySpend, Recheck, RecheckOrder } from '../../gateway/ports/costReads.ts';
import type { CreditOrder } from '../../gateway/ports/ledger.ts';
import { CREDIT_REASON } from '../admissionRows.ts';
import { recordFromRow } from '../requestRows.ts';
import { corrections, idempotencyKeys, priceVersions, requests } from '../schema.ts';

/** Rows that are looked at in one go: what a read holds is bounded, however long the time span. */
const PAGE = 5_000;
const MOST_EXAMPLES = 20;
const DAY_MS = 86_400_000;

/** Reads of amounts. */
export function makeCostQueries(db: BetterSQLite3Database) {
  return {
    priceVersions: (_none: Record<string, never>): PriceVersion[] =>
      db
        .select()
        .from(priceVersions)
        .orderBy(asc(priceVersions.version))
        .all()
        // Only this program writes there.
        .map(({ bookJson, ...row }) => ({ ...row, book: JSON.parse(bookJson) as PriceBook })),

    spentSince: ({ epochMs }: { epochMs: number }): KeySpend[] => spentSince(db, epochMs),

    creditsOf: (order: Pick<CreditOrder, 'keyHash' | 'requestId'>): KeySpend[] => creditsOf(db, order),

    recheck: (order: RecheckOrder): Recheck => recheck(db, order),
  };
}

/** First millisecond of the UTC day. */
function dayOfArrival() {
  const day = sql.raw(String(DAY_MS));
  return sql<number>`${requests.arrivedAtEpochMs} / ${day} * ${day}`;
}

function spentSince(db: BetterSQLite3Database, epochMs: number): KeySpend[] {
  const day = dayOfArrival();
  const since = and(gte(requests.arrivedAtEpochMs, epochMs), isNotNull(requests.keyId));
  const keyId = sql<string>`${requests.keyId}`;
  const charged = db
    .select({ keyId, dayEpochMs: day, microUsd: sql<number>`sum(${requests.costMicroUsd})` })
    .from(requests)
    .where(since)
    .groupBy(requests.keyId, day)
    .all();
  const corrected = db
    .select({ keyId, dayEpochMs: day, microUsd: sql<number>`sum(${corrections.costMicroUsd})` })
    .from(corrections)
    .innerJoin(requests, eq(requests.requestId, corrections.requestId))
    .where(since)
    .groupBy(requests.keyId, day)
    .all();
  return [...charged, ...corrected];
}

/** What an order has credited, of the day of each attempt. */
function creditsOf(
  db: BetterSQLite3Database,
  { keyHash, requestId }: Pick<CreditOrder, 'keyHash' | 'requestId'>,
): KeySpend[] {
  return db
    .select({
      keyId: sql<string>`${requests.keyId}`,
      dayEpochMs: dayOfArrival(),
      microUsd: corrections.costMicroUsd,
    })
    .from(idempotencyKeys)
    .innerJoin(corrections, eq(corrections.requestId, idempotencyKeys.requestId))
    .innerJoin(requests, eq(requests.requestId, corrections.requestId))
    .where(
      and(
        eq(idempotencyKeys.keyHash, keyHash),
        eq(corrections.author, 'system'),
        eq(corrections.reason, `${CREDIT_REASON}${requestId}`),
        isNotNull(requests.keyId),
      ),
    )
    .all();
}

interface StartSeen {
  readonly of: number;
  readonly indices: Set<number>;
  isBad: boolean;
}

function recheck(db: BetterSQLite3Database, { fromEpochMs, toEpochMs, books }: RecheckOrder): Recheck {
  const sums = { requests: 0, recordedMicroUsd: 0, recomputedMicroUsd: 0, differing: 0 };
  const examples: Recheck['examples'][number][] = [];
  const starts = new Map<string, StartSeen>();
  for (const record of recordsOf(db, fromEpochMs, toEpochMs)) {
    const cost = recomputed(record, books);
    sums.requests += 1;
    sums.recordedMicroUsd += record.cost.totalMicroUsd;
    sums.recomputedMicroUsd += cost.totalMicroUsd;
    see(starts, record);
    if (isSame(cost, record.cost)) continue;
    sums.differing += 1;
    if (examples.length < MOST_EXAMPLES) {
      const recordedMicroUsd = record.cost.totalMicroUsd;
      examples.push({
        requestId: record.requestId,
        recordedMicroUsd,
        recomputedMicroUsd: cost.totalMicroUsd,
      });
    }
  }
  const startsDiffering = [...starts.values()].filter(({ isBad }) => isBad).length;
  return { ...sums, examples, starts: starts.size, startsDiffering };
}

/** In the order of their arrival, page by page. */
function* recordsOf(
  db: BetterSQLite3Database,
  fromEpochMs: number,
  toEpochMs: number,
): Generator<RequestRecord> {
  let after: { arrivedAtEpochMs: number; requestId: string } = {
    arrivedAtEpochMs: fromEpochMs,
    requestId: '',
  };
  for (;;) {
    const { arrivedAtEpochMs, requestId } = after;
    const page = db
      .select()
      .from(requests)
      .where(
        and(
          gte(requests.arrivedAtEpochMs, arrivedAtEpochMs),
          lt(requests.arrivedAtEpochMs, toEpochMs),
          sql`(${gt(requests.arrivedAtEpochMs, arrivedAtEpochMs)} or ${gt(requests.requestId, requestId)})`,
        ),
      )
      .orderBy(asc(requests.arrivedAtEpochMs), asc(requests.requestId))
      .limit(PAGE)
      .all();
    for (const row of page) yield recordFromRow(row);
    const last = page.at(-1);
    if (!last || page.length < PAGE) return;
    after = last;
  }
}

/** A row without a version costs nothing by any; one whose version is gone differs. */
function recomputed(record: RequestRecord, books: RecheckOrder['books']): Cost {
  if (record.priceVersion === null) return NO_COST;
  const book = books[record.priceVersion];
  return book ? costOf(factsOf(record), book) : { ...NO_COST, totalMicroUsd: Number.NaN };
}

function isSame(one: Cost, other: Cost): boolean {
  return (Object.keys(NO_COST) as (keyof Cost)[]).every((part) => one[part] === other[part]);
}

function see(starts: Map<string, StartSeen>, { startShare }: RequestRecord): void {
  if (startShare === null) return;
  const { startId, of, index } = startShare;
  const seen = starts.get(startId) ?? { of, indices: new Set<number>(), isBad: false };
  if (seen.of !== of || index >= of || seen.indices.has(index)) seen.isBad = true;
  seen.indices.add(index);
  starts.set(startId, seen);
}
