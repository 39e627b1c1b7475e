import type { z } from '@hono/zod-openapi';
import type { Hono } from 'hono';
import type { Result } from '../../../domain/errors.ts';
import { STARTUP_DIMENSIONS, startupColumns, startupRows } from '../../../reports/startup.ts';
import type { HttpDeps, HttpEnv } from '../../deps.ts';
import { sendFailure } from '../../respond.ts';
import { readQuery } from '../input.ts';
import { type Report, sendReport } from './answer.ts';
import { readGroups } from './groups.ts';
import { comboShape, groupByShape, reportQuery } from './query.ts';

export const startupQuery = reportQuery({
  ...comboShape,
  ...groupByShape(STARTUP_DIMENSIONS, ['start_kind', 'tier']),
});

export function startupHandler(app: Hono<HttpEnv>, deps: HttpDeps): void {
  app.get('/admin/v1/reports/startup', async (c) => {
    const query = readQuery(c, startupQuery);
    if (!query.ok) return sendFailure(c, query.error);
    return sendReport(c, query.value.format, await startupReport(deps, query.value));
  });
}

export async function startupReport(
  deps: HttpDeps,
  query: z.output<typeof startupQuery>,
): Promise<Result<Report>> {
  const { group_by: groupBy } = query;
  const groups = await readGroups(deps, query, 'starts', groupBy);
  if (!groups.ok) return groups;
  return { ok: true, value: { rows: startupRows(groups.value, groupBy), columns: startupColumns(groupBy) } };
}
