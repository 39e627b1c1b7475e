import { z } from '@hono/zod-openapi';
import type { Hono } from 'hono';
import type { Result } from '../../../domain/errors.ts';
import { evictionColumns, evictionRows } from '../../../reports/evictions.ts';
import type { Report } from '../../../reports/table.ts';
import type { HttpDeps, HttpEnv } from '../../deps.ts';
import { sendFailure } from '../../respond.ts';
import { readQuery } from '../input.ts';
import { rangeOf, sendReport } from './answer.ts';
import { reportQuery } from './query.ts';

export const evictionsQuery = reportQuery({
  limit: z.coerce.number().int().min(1).max(1000).default(50).openapi({ type: 'integer' }),
});

export function evictionsHandler(app: Hono<HttpEnv>, deps: HttpDeps): void {
  app.get('/admin/v1/reports/evictions', async (c) => {
    const query = readQuery(c, evictionsQuery);
    if (!query.ok) return sendFailure(c, query.error);
    return sendReport(c, query.value.format, await evictionsReport(deps, query.value));
  });
}

export async function evictionsReport(
  { reports }: HttpDeps,
  query: z.output<typeof evictionsQuery>,
): Promise<Result<Report>> {
  const range = rangeOf(query);
  if (!range.ok) return range;
  const [evictions, starts] = await Promise.all([
    reports.evictions(range.value),
    reports.ownStarts(range.value),
  ]);
  return {
    ok: true,
    value: { rows: evictionRows(evictions, starts, query.limit), columns: evictionColumns() },
  };
}
