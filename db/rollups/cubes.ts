import { ERROR_TABLE, type ErrorCode } from '../../gateway/domain/errors.ts';
import { PHASES } from '../../gateway/domain/phases.ts';
import { type Counter, CUBES, type Cube, type Dimension } from '../../gateway/domain/reportFigures.ts';
import type { FactsSink } from './cell.ts';
import type { LedgerRow } from './ledgerRow.ts';

/** Stands for the combos of a day past the most that are kept apart. No combo can have this name. */
export const OTHER_COMBOS = '(other)';

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

/** Tells `facts` what a row adds to a cell of the cube. */
export function tellFacts(cube: Cube, row: LedgerRow, facts: FactsSink): void {
  const outcome = outcomeOf(row);
  facts.count(outcome, 1);
  if (cube === 'starts') addStart(facts, row);
  else if (cube === 'usage') addUsage(facts, row);
  else if (outcome === 'answered') addTimes(facts, row);
}

const PHASE_COLUMNS = PHASES.map((phase) => [phase, `${phase}_ms`] as const);

function addTimes(facts: FactsSink, row: LedgerRow): void {
  facts.measure('ttft', row.ttft_ms);
  facts.measure('tpot', row.tpot_ms);
  facts.measure('total', row.total_ms);
  for (const [phase, column] of PHASE_COLUMNS) facts.measure(phase, row[column]);
}

const START_PHASES = ['spawn', 'stage', 'load', 'attach', 'context'] as const;
const START_DETAILS = ['staged', 'download', 'read', 'decrypt', 'verify', 'upload'] as const;

/** The wall time of a start: what its phases add up to. */
export function startMsOf(row: Pick<LedgerRow, `${(typeof START_PHASES)[number]}_ms`>): number {
  return START_PHASES.reduce((sum, phase) => sum + (row[`${phase}_ms`] ?? 0), 0);
}

function addStart(facts: FactsSink, row: LedgerRow): void {
  for (const phase of START_PHASES) facts.measure(phase, row[`${phase}_ms`]);
  for (const detail of START_DETAILS) facts.measure(detail, row[`${detail}_ms`]);
  facts.measure('start', startMsOf(row));
  facts.count('stagedBytes', row.staged_bytes ?? 0);
  facts.count('uploadBytes', row.upload_bytes ?? 0);
}

function addUsage(facts: FactsSink, row: LedgerRow): void {
  facts.count('promptTokens', row.prompt_tokens);
  facts.count('cachedTokens', row.cached_tokens);
  facts.count('completionTokens', row.completion_tokens);
  facts.count('responseBytes', row.response_bytes);
  facts.count('costMicroUsd', row.cost_micro_usd);
  facts.count('inputMicroUsd', row.input_micro_usd);
  facts.count('cachedMicroUsd', row.cached_micro_usd);
  facts.count('outputMicroUsd', row.output_micro_usd);
  facts.count('runnerMicroUsd', row.runner_micro_usd);
  facts.count('deviceMicroUsd', row.device_micro_usd);
  facts.count('startMicroUsd', row.start_micro_usd);
}
