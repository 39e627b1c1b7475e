import { stringify } from 'csv-stringify/sync';
import type { Context } from 'hono';
import { fail, type Result } from '../../../domain/errors.ts';
import { MOST_GROUPS } from '../../../domain/reportFigures.ts';
import type { Row } from '../../../reports/figures.ts';
import { listJson } from '../../../reports/grouped.ts';
import { type Column, cellsOf } from '../../../reports/table.ts';
import type { HttpEnv } from '../../deps.ts';
import { sendFailure } from '../../respond.ts';
import type { RangeQuery } from './query.ts';

export interface Report {
  readonly rows: readonly Row[];
  readonly columns: readonly Column[];
}

export const CSV_TYPE = 'text/csv; charset=utf-8; header=present';

/** Answers with the rows as JSON, or as a table by RFC 4180. */
export function sendReport(
  c: Context<HttpEnv>,
  format: RangeQuery['format'],
  report: Result<Report>,
): Response {
  if (!report.ok) return sendFailure(c, report.error);
  if (!isCsvWanted(c, format)) return sendList(c, listJson(report.value.rows));
  c.header('vary', 'accept', { append: true });
  c.header('content-type', CSV_TYPE);
  return c.body(csvOf(report.value));
}

/** Answers with what listJson() gave. */
export function sendList(c: Context<HttpEnv>, json: string): Response {
  c.header('vary', 'accept', { append: true });
  c.header('content-type', 'application/json');
  return c.body(json);
}

export function isCsvWanted(c: Context<HttpEnv>, format: RangeQuery['format']): boolean {
  return format === 'csv' || (format === undefined && wantsCsv(c.req.header('accept')));
}

function wantsCsv(accept = ''): boolean {
  return /\btext\/csv\b/i.test(accept) && !/\bapplication\/json\b/i.test(accept);
}

/** Texts that a spreadsheet would take for a formula get a quote before them (owasp.org, "CSV Injection"). */
export function csvOf({ rows, columns }: Report): string {
  return stringify([columns.map((column) => column.join('_')), ...rows.map((row) => cellsOf(row, columns))], {
    record_delimiter: 'windows',
    cast: { boolean: String },
    escape_formulas: true,
  });
}

/** `to` must come after `from`. */
export function rangeOf({ from, to }: RangeQuery): Result<{ fromEpochMs: number; toEpochMs: number | null }> {
  if (to === undefined || to > from) return { ok: true, value: { fromEpochMs: from, toEpochMs: to ?? null } };
  return fail('invalid_request', 'Cannot read request: `to`: expected a time after `from`', 'to');
}

/** Of groups that were more than a report may have. */
export function tooManyGroups() {
  const message = `Cannot make report: expected at most ${MOST_GROUPS} rows; group by less, or ask for a shorter time`;
  return fail('invalid_request', message, 'group_by');
}
