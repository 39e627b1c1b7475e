import type { z } from '@hono/zod-openapi';
import type { Hono } from 'hono';
import { fail, type Result } from '../../../domain/errors.ts';
import { LATENCY_DIMENSIONS, latencyColumns, latencyCube, latencyRows } from '../../../reports/latency.ts';
import type { HttpDeps, HttpEnv } from '../../deps.ts';
import { sendFailure } from '../../respond.ts';
import { readQuery } from '../input.ts';
import { type Report, sendReport } from './answer.ts';
import { readGroups } from './groups.ts';
import { comboShape, groupByShape, reportQuery } from './query.ts';

export const latencyQuery = reportQuery({
  ...comboShape,
  ...groupByShape(LATENCY_DIMENSIONS, ['combo', 'start_kind']),
});

export function latencyHandler(app: Hono<HttpEnv>, deps: HttpDeps): void {
  app.get('/admin/v1/reports/latency', async (c) => {
    const query = readQuery(c, latencyQuery);
    if (!query.ok) return sendFailure(c, query.error);
    return sendReport(c, query.value.format, await latencyReport(deps, query.value));
  });
}

export async function latencyReport(
  deps: HttpDeps,
  query: z.output<typeof latencyQuery>,
): Promise<Result<Report>> {
  const { group_by: groupBy } = query;
  const cube = latencyCube(groupBy, query.combo !== undefined);
  if (!cube) {
    const message =
      'Cannot make report: `key` cannot be told apart together with `combo` or `base`: times are kept by one or the other';
    return fail('invalid_request', message, 'group_by');
  }
  const groups = await readGroups(deps, query, cube, groupBy);
  if (!groups.ok) return groups;
  return { ok: true, value: { rows: latencyRows(groups.value, groupBy), columns: latencyColumns(groupBy) } };
}
