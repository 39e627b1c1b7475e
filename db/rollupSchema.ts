import { blob, index, integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core';

/** The keys of CUBES in gateway/domain/reportFigures.ts. */
const ROLLUP_CUBES = ['latency', 'keyLatency', 'starts', 'usage'] as const;

/** One line of a cube: the values that its requests have in common. */
export const rollupSeries = sqliteTable(
  'rollup_series',
  {
    seriesId: integer('series_id').primaryKey(),
    cube: text('cube', { enum: ROLLUP_CUBES }).notNull(),
    /** JSON array of the values by the cube's dimensions, in their order; as text, nulls are equal in it. */
    valuesJson: text('values_json').notNull(),
  },
  (table) => [uniqueIndex('rollup_series_by_values').on(table.cube, table.valuesJson)],
);

/** Sums and sketches of one line over one minute, hour or day (UTC, by arrival), of all rows up to the mark. */
export const rollupCells = sqliteTable(
  'rollup_cells',
  {
    grain: text('grain', { enum: ['minute', 'hour', 'day'] }).notNull(),
    cube: text('cube', { enum: ROLLUP_CUBES }).notNull(),
    bucketEpochMs: integer('bucket_epoch_ms').notNull(),
    seriesId: integer('series_id').notNull(),
    /** db/rollups/cell.ts. */
    data: blob('data', { mode: 'buffer' }).notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.grain, table.cube, table.bucketEpochMs, table.seriesId] }),
    index('rollup_cells_by_age').on(table.grain, table.bucketEpochMs),
  ],
);

const PACKED_CUBES = [...ROLLUP_CUBES, 'latencyOverall'] as const;

/**
 * Cells of hours and days that are over, many of one bucket in one row, which is much faster to read, and sums of six hours
 * and of seven days. What comes late is in `rollup_cells`, and in a pack of its own later: what a bucket holds is the sum of them.
 */
export const rollupPacks = sqliteTable(
  'rollup_packs',
  {
    grain: text('grain', { enum: ['hour', 'quarter', 'day', 'week'] }).notNull(),
    cube: text('cube', { enum: PACKED_CUBES }).notNull(),
    bucketEpochMs: integer('bucket_epoch_ms').notNull(),
    /** From 1. */
    part: integer('part').notNull(),
    /** db/rollups/pack.ts. */
    data: blob('data', { mode: 'buffer' }).notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.grain, table.cube, table.bucketEpochMs, table.part] }),
    index('rollup_packs_by_age').on(table.grain, table.bucketEpochMs),
  ],
);

/** How far packs of hours are added up to quarters of days, and packs of days to weeks. */
export const rollupSums = sqliteTable(
  'rollup_sums',
  {
    grain: text('grain', { enum: ['quarter', 'week'] }).notNull(),
    cube: text('cube', { enum: PACKED_CUBES }).notNull(),
    toEpochMs: integer('to_epoch_ms').notNull(),
  },
  (table) => [primaryKey({ columns: [table.grain, table.cube] })],
);

/** How far the ledger is rolled up; one row, written in the transaction of the cells. */
export const rollupMark = sqliteTable('rollup_mark', {
  /** Always 1. */
  markId: integer('mark_id').primaryKey(),
  /** The last row of `requests`, by rowid, that the cells hold. Its rowid is looked up: VACUUM may change it. */
  requestId: text('request_id').notNull(),
  /** Minutes, and hours, are complete from these times on; before them there are none. */
  minutesFromEpochMs: integer('minutes_from_epoch_ms').notNull(),
  hoursFromEpochMs: integer('hours_from_epoch_ms').notNull(),
});
