import { stringify } from 'csv-stringify/sync';
import type { ReportFormat } from '../domain/reportFigures.ts';
import { cellsOf, type Report } from './table.ts';

/** A report as the body of its answer. */
export function textOf(report: Report, format: ReportFormat): string {
  return format === 'csv' ? csvOf(report) : JSON.stringify({ object: 'list', data: report.rows });
}

/** By RFC 4180. Texts that a spreadsheet would take for a formula get a quote before them (owasp.org, "CSV Injection"). */
function csvOf({ rows, columns }: Report): string {
  return stringify([columns.map((column) => column.join('_')), ...rows.map((row) => cellsOf(row, columns))], {
    record_delimiter: 'windows',
    cast: { boolean: String },
    escape_formulas: true,
  });
}
