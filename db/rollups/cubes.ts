import { ERROR_TABLE, type ErrorCode } from '../../gateway/domain/errors.ts';
import { PHASES } from '../../gateway/domain/phases.ts';
import { type Counter, CUBES, type Cube, type Dimension } from '../../gateway/domain/reportFigures.ts';
import type { Cell } from './cell.ts';
import type { LedgerRow } from './ledgerRow.ts';

type Outcome = Extract<
  Counter,
  'answered' | 'failedByClient' | 'failedByGateway' | 'failedByRunner' | 'aborted'
>;
type SeriesDimension = Exclude<Dimension, 'hour' | 'day'>;
export type SeriesValue = string | boolean | null;

const ABORTED = new Set(['client_closed', 'slow_reader']);
const BY_SOURCE = { client: 'failedByClient', gateway: 'failedByGateway', runner: 'failedByRunner' } as const;

export const CUBE_NAMES = Object.keys(CUBES) as Cube[];

/** How a request ended. A code of an engine's own is a refusal of the request when its status says so. */
export function outcomeOf({ error_code: code, http_status: status }: LedgerRow): Outcome {
  if (code === null) return 'answered';
  if (ABORTED.has(code)) return 'aborted';
  if (Object.hasOwn(ERROR_TABLE, code)) return BY_SOURCE[ERROR_TABLE[code as ErrorCode].source];
  return status >= 400 && status < 500 ? 'failedByClient' : 'failedByRunner';
}

/** Whether the row counts in the cube. */
export function isIn(cube: Cube, row: LedgerRow): boolean {
  if (cube !== 'starts') return true;
  const { start_kind: kind, joined, error_code: code, combo } = row;
  return kind !== null && kind !== 'warm' && joined === 0 && code === null && combo !== null;
}

/** By the cube's dimensions, in their order. */
export function valuesOf(cube: Cube, row: LedgerRow): SeriesValue[] {
  return CUBES[cube].map((dimension) => valueOf(dimension, row));
}

function valueOf(dimension: SeriesDimension, row: LedgerRow): SeriesValue {
  switch (dimension) {
    case 'combo':
      return row.combo;
    case 'base':
      return row.base_id;
    case 'key':
      return row.key_id;
    case 'endpoint':
      return row.endpoint;
    case 'start_kind':
      return row.start_kind;
    case 'joined':
      return row.joined === 1;
    case 'tier':
      return row.start_tier;
  }
}

/** Adds what the cube has of the row. */
export function addRow(cell: Cell, cube: Cube, row: LedgerRow): void {
  const outcome = outcomeOf(row);
  cell.count(outcome, 1);
  switch (cube) {
    case 'latency':
    case 'keyLatency':
      if (outcome === 'answered') addTimes(cell, row);
      return;
    case 'starts':
      return addStart(cell, row);
    case 'usage':
      return addUsage(cell, row);
  }
}

function addTimes(cell: Cell, row: LedgerRow): void {
  cell.measure('ttft', row.ttft_ms);
  cell.measure('tpot', row.tpot_ms);
  cell.measure('total', row.total_ms);
  for (const phase of PHASES) cell.measure(phase, row[`${phase}_ms`]);
}

const START_PHASES = ['spawn', 'stage', 'load', 'attach', 'context'] as const;
const START_DETAILS = ['staged', 'download', 'read', 'decrypt', 'verify', 'upload'] as const;

/** The wall time of a start: what its phases add up to. */
export function startMsOf(row: Pick<LedgerRow, `${(typeof START_PHASES)[number]}_ms`>): number {
  return START_PHASES.reduce((sum, phase) => sum + (row[`${phase}_ms`] ?? 0), 0);
}

function addStart(cell: Cell, row: LedgerRow): void {
  for (const phase of START_PHASES) cell.measure(phase, row[`${phase}_ms`]);
  for (const detail of START_DETAILS) cell.measure(detail, row[`${detail}_ms`]);
  cell.measure('start', startMsOf(row));
  cell.count('stagedBytes', row.staged_bytes ?? 0);
  cell.count('uploadBytes', row.upload_bytes ?? 0);
}

function addUsage(cell: Cell, row: LedgerRow): void {
  cell.count('promptTokens', row.prompt_tokens);
  cell.count('cachedTokens', row.cached_tokens);
  cell.count('completionTokens', row.completion_tokens);
  cell.count('responseBytes', row.response_bytes);
  cell.count('costMicroUsd', row.cost_micro_usd);
}
