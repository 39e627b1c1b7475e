import type { z } from '@hono/zod-openapi';
import type { Hono } from 'hono';
import type { Result } from '../../../domain/errors.ts';
import { COLD_VS_WARM_DIMENSIONS, coldVsWarmColumns, coldVsWarmRows } from '../../../reports/coldVsWarm.ts';
import type { HttpDeps, HttpEnv } from '../../deps.ts';
import { sendFailure } from '../../respond.ts';
import { readQuery } from '../input.ts';
import { type Report, sendReport } from './answer.ts';
import { readGroups } from './groups.ts';
import { comboShape, reportQuery } from './query.ts';

export const coldVsWarmQuery = reportQuery(comboShape);

export function coldVsWarmHandler(app: Hono<HttpEnv>, deps: HttpDeps): void {
  app.get('/admin/v1/reports/cold_vs_warm', async (c) => {
    const query = readQuery(c, coldVsWarmQuery);
    if (!query.ok) return sendFailure(c, query.error);
    return sendReport(c, query.value.format, await coldVsWarmReport(deps, query.value));
  });
}

export async function coldVsWarmReport(
  deps: HttpDeps,
  query: z.output<typeof coldVsWarmQuery>,
): Promise<Result<Report>> {
  const groups = await readGroups(deps, query, 'latency', COLD_VS_WARM_DIMENSIONS);
  if (!groups.ok) return groups;
  return { ok: true, value: { rows: coldVsWarmRows(groups.value), columns: coldVsWarmColumns() } };
}
