import { desc, sql } from 'drizzle-orm';
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3';
import { comboName } from '../../gateway/domain/ids.ts';
import type { PastDuration } from '../../gateway/ports/durationHistory.ts';
import { isOwnStart, requests } from '../schema.ts';

/** How many of the newest rows are looked at: what a restart waits for must not grow with the ledger. */
const NEWEST_STARTS = 4_000;
const NEWEST_REQUESTS = 4_000;

/** What the query of either kind gives; the newest first. */
interface Row {
  readonly combo: string;
  readonly comboRevision: string;
  readonly kind: PastDuration['kind'];
  readonly tookMs: number;
}

const {
  combo,
  comboRevision,
  startKind,
  spawnMs,
  stageMs,
  loadMs,
  attachMs,
  contextMs,
  prefillMs,
  decodeMs,
} = requests;

/** ports/durationHistory.ts, `last`. */
export function lastDurations(db: BetterSQLite3Database, perCombo: number): PastDuration[] {
  return [...lastOfEach(startRows(db), perCombo), ...lastOfEach(serviceRows(db), perCombo)];
}

/** Out of an index that holds nothing else: requests_own_starts. */
function startRows(db: BetterSQLite3Database): Row[] {
  const tookMs = sql<number>`coalesce(${spawnMs}, 0) + coalesce(${stageMs}, 0) + coalesce(${loadMs}, 0) + coalesce(${attachMs}, 0) + coalesce(${contextMs}, 0)`;
  return db
    .select({
      combo: sql<string>`${combo}`,
      comboRevision: sql<string>`${comboRevision}`,
      kind: startKind,
      tookMs,
    })
    .from(requests)
    .where(isOwnStart(requests))
    .orderBy(desc(requests.arrivedAtEpochMs))
    .limit(NEWEST_STARTS)
    .all();
}

function serviceRows(db: BetterSQLite3Database): Row[] {
  const rows = db
    .select({
      combo,
      comboRevision,
      errorCode: requests.errorCode,
      tookMs: sql<number>`coalesce(${prefillMs}, 0) + coalesce(${decodeMs}, 0)`,
    })
    .from(requests)
    .orderBy(desc(requests.arrivedAtEpochMs))
    .limit(NEWEST_REQUESTS)
    .all();
  return rows.flatMap((row) =>
    row.combo !== null && row.comboRevision !== null && row.errorCode === null
      ? [{ combo: row.combo, comboRevision: row.comboRevision, kind: null, tookMs: row.tookMs }]
      : [],
  );
}

/** The oldest first. */
function lastOfEach(newestFirst: readonly Row[], perCombo: number): PastDuration[] {
  const counts = new Map<string, number>();
  const last: PastDuration[] = [];
  for (const row of newestFirst) {
    const key = `${row.kind} ${row.combo} ${row.comboRevision}`;
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    if (count <= perCombo) last.push({ ...row, combo: comboName(row.combo) });
  }
  return last.toReversed();
}
