import type { Context } from 'hono';
import { fail, ok, type Result } from '../../../domain/errors.ts';
import { MOST_GROUPS, type ReportFormat } from '../../../domain/reportFigures.ts';
import type { Report } from '../../../reports/table.ts';
import { textOf } from '../../../reports/text.ts';
import type { HttpEnv } from '../../deps.ts';
import { sendFailure } from '../../respond.ts';
import type { RangeQuery } from './query.ts';

export const CSV_TYPE = 'text/csv; charset=utf-8; header=present';

/** Answers with the rows as JSON, or as a table by RFC 4180. */
export function sendReport(
  c: Context<HttpEnv>,
  asked: RangeQuery['format'],
  report: Result<Report>,
): Response {
  const format = formatOf(c, asked);
  return sendText(c, format, report.ok ? ok(textOf(report.value, format)) : report);
}

/** Answers with a report that has its form already. */
export function sendText(c: Context<HttpEnv>, format: ReportFormat, text: Result<string>): Response {
  if (!text.ok) return sendFailure(c, text.error);
  c.header('vary', 'accept', { append: true });
  c.header('content-type', format === 'csv' ? CSV_TYPE : 'application/json');
  return c.body(text.value);
}

/** `?format=` goes before `Accept`. */
export function formatOf(c: Context<HttpEnv>, asked: RangeQuery['format']): ReportFormat {
  return asked ?? (wantsCsv(c.req.header('accept')) ? 'csv' : 'json');
}

function wantsCsv(accept = ''): boolean {
  return /\btext\/csv\b/i.test(accept) && !/\bapplication\/json\b/i.test(accept);
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
