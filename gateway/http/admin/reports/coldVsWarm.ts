import type { z } from '@hono/zod-openapi';
import type { Hono } from 'hono';
import { ok, type Result } from '../../../domain/errors.ts';
import { COLD_VS_WARM_DIMENSIONS } from '../../../reports/coldVsWarm.ts';
import type { GroupedPlan } from '../../../reports/grouped.ts';
import type { HttpDeps, HttpEnv } from '../../deps.ts';
import { sendFailure } from '../../respond.ts';
import { readQuery } from '../input.ts';
import { groupedText, sendGrouped } from './groups.ts';
import { comboShape, reportQuery } from './query.ts';

export const coldVsWarmQuery = reportQuery(comboShape);

const PLAN: GroupedPlan = {
  report: 'cold_vs_warm',
  cube: 'latency',
  groupBy: COLD_VS_WARM_DIMENSIONS,
};

export function coldVsWarmHandler(app: Hono<HttpEnv>, deps: HttpDeps): void {
  app.get('/admin/v1/reports/cold_vs_warm', async (c) => {
    const query = readQuery(c, coldVsWarmQuery);
    if (!query.ok) return sendFailure(c, query.error);
    return sendGrouped(c, deps, query.value, ok(PLAN));
  });
}

export function coldVsWarmCsv(
  deps: HttpDeps,
  query: z.output<typeof coldVsWarmQuery>,
): Promise<Result<string>> {
  return groupedText(deps, query, PLAN, 'csv');
}
