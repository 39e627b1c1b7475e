import type { z } from '@hono/zod-openapi';
import type { Hono } from 'hono';
import type { Result } from '../../../domain/errors.ts';
import { BILLING_DIMENSIONS, billingColumns, billingRows, billingSource } from '../../../reports/billing.ts';
import type { Report } from '../../../reports/table.ts';
import type { HttpDeps, HttpEnv } from '../../deps.ts';
import { sendFailure } from '../../respond.ts';
import { readQuery } from '../input.ts';
import { rangeOf, sendReport } from './answer.ts';
import { readGroups } from './groups.ts';
import { groupByShape, reportQuery } from './query.ts';

export const billingQuery = reportQuery(groupByShape(BILLING_DIMENSIONS, ['key']));

export function billingHandler(app: Hono<HttpEnv>, deps: HttpDeps): void {
  app.get('/admin/v1/reports/billing', async (c) => {
    const query = readQuery(c, billingQuery);
    if (!query.ok) return sendFailure(c, query.error);
    return sendReport(c, query.value.format, await billingReport(deps, query.value));
  });
}

export async function billingReport(
  deps: HttpDeps,
  query: z.output<typeof billingQuery>,
): Promise<Result<Report>> {
  const { group_by: groupBy } = query;
  const range = rangeOf(query);
  if (!range.ok) return range;
  const groups = await readGroups(deps, query, 'usage', billingSource(groupBy));
  if (!groups.ok) return groups;
  const corrections = await deps.reports.corrections(range.value);
  const tags = groupBy.includes('tag') ? await deps.reports.keyTags() : new Map();
  const rows = billingRows(groups.value, corrections, tags, groupBy);
  return { ok: true, value: { rows, columns: billingColumns(groupBy) } };
}
