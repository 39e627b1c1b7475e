import type { Hono } from 'hono';
import { COLD_VS_WARM_DIMENSIONS, coldVsWarmColumns, coldVsWarmRows } from '../../../reports/coldVsWarm.ts';
import type { HttpDeps, HttpEnv } from '../../deps.ts';
import { sendFailure } from '../../respond.ts';
import { readQuery } from '../input.ts';
import { sendReport } from './answer.ts';
import { readGroups } from './groups.ts';
import { comboShape, reportQuery } from './query.ts';

export const coldVsWarmQuery = reportQuery(comboShape);

export function coldVsWarmHandler(app: Hono<HttpEnv>, deps: HttpDeps): void {
  app.get('/admin/v1/reports/cold_vs_warm', async (c) => {
    const query = readQuery(c, coldVsWarmQuery);
    if (!query.ok) return sendFailure(c, query.error);
    const groups = await readGroups(deps, query.value, 'latency', COLD_VS_WARM_DIMENSIONS);
    if (!groups.ok) return sendFailure(c, groups.error);
    const report = { rows: coldVsWarmRows(groups.value), columns: coldVsWarmColumns() };
    return sendReport(c, query.value.format, { ok: true, value: report });
  });
}
