import type { Hono } from 'hono';
import { STARTUP_DIMENSIONS, startupColumns, startupRows } from '../../../reports/startup.ts';
import type { HttpDeps, HttpEnv } from '../../deps.ts';
import { sendFailure } from '../../respond.ts';
import { readQuery } from '../input.ts';
import { sendReport } from './answer.ts';
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
    const { group_by: groupBy, format } = query.value;
    const groups = await readGroups(deps, query.value, 'starts', groupBy);
    if (!groups.ok) return sendFailure(c, groups.error);
    const report = { rows: startupRows(groups.value, groupBy), columns: startupColumns(groupBy) };
    return sendReport(c, format, { ok: true, value: report });
  });
}
