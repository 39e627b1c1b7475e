import type { z } from '@hono/zod-openapi';
import type { Hono } from 'hono';
import { ok, type Result } from '../../../domain/errors.ts';
import type { GroupedPlan } from '../../../reports/grouped.ts';
import { STARTUP_DIMENSIONS } from '../../../reports/startup.ts';
import type { HttpDeps, HttpEnv } from '../../deps.ts';
import { sendFailure } from '../../respond.ts';
import { readQuery } from '../input.ts';
import { groupedText, sendGrouped } from './groups.ts';
import { comboShape, groupByShape, reportQuery } from './query.ts';

export const startupQuery = reportQuery({
  ...comboShape,
  ...groupByShape(STARTUP_DIMENSIONS, ['start_kind', 'tier']),
});

export function startupHandler(app: Hono<HttpEnv>, deps: HttpDeps): void {
  app.get('/admin/v1/reports/startup', async (c) => {
    const query = readQuery(c, startupQuery);
    if (!query.ok) return sendFailure(c, query.error);
    return sendGrouped(c, deps, query.value, ok(startupPlan(query.value)));
  });
}

type StartupQuery = z.output<typeof startupQuery>;

function startupPlan({ group_by: groupBy }: StartupQuery): GroupedPlan {
  return { report: 'startup', cube: 'starts', groupBy };
}

export function startupCsv(deps: HttpDeps, query: StartupQuery): Promise<Result<string>> {
  return groupedText(deps, query, startupPlan(query), 'csv');
}
