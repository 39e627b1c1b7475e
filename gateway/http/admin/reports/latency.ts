import type { z } from '@hono/zod-openapi';
import type { Hono } from 'hono';
import { fail, ok, type Result } from '../../../domain/errors.ts';
import type { GroupedPlan } from '../../../reports/grouped.ts';
import { LATENCY_DIMENSIONS, latencyCube } from '../../../reports/latency.ts';
import type { HttpDeps, HttpEnv } from '../../deps.ts';
import { sendFailure } from '../../respond.ts';
import { readQuery } from '../input.ts';
import { groupedText, sendGrouped } from './groups.ts';
import { comboShape, groupByShape, reportQuery } from './query.ts';

export const latencyQuery = reportQuery({
  ...comboShape,
  ...groupByShape(LATENCY_DIMENSIONS, ['combo', 'start_kind']),
});

export function latencyHandler(app: Hono<HttpEnv>, deps: HttpDeps): void {
  app.get('/admin/v1/reports/latency', async (c) => {
    const query = readQuery(c, latencyQuery);
    if (!query.ok) return sendFailure(c, query.error);
    return sendGrouped(c, deps, query.value, latencyPlan(query.value));
  });
}

type LatencyQuery = z.output<typeof latencyQuery>;

function latencyPlan({ group_by: groupBy, combo }: LatencyQuery): Result<GroupedPlan> {
  const cube = latencyCube(groupBy, combo !== undefined);
  if (cube) return ok({ report: 'latency', cube, groupBy });
  const message =
    'Cannot make report: `key` cannot be told apart together with `combo` or `base`: times are kept by one or the other';
  return fail('invalid_request', message, 'group_by');
}

export async function latencyCsv(deps: HttpDeps, query: LatencyQuery): Promise<Result<string>> {
  const plan = latencyPlan(query);
  return plan.ok ? groupedText(deps, query, plan.value, 'csv') : plan;
}
