import { z } from '@hono/zod-openapi';
import type { Hono } from 'hono';
import { parseCombo } from '../../../domain/combo.ts';
import type { Result } from '../../../domain/errors.ts';
import {
  keepWarmColumns,
  keepWarmRows,
  MOST_REPLAYED,
  REPLAYED_TTLS_MS,
  replayableOf,
} from '../../../reports/keepWarm.ts';
import type { Report } from '../../../reports/table.ts';
import type { HttpDeps, HttpEnv } from '../../deps.ts';
import { sendFailure } from '../../respond.ts';
import { readQuery } from '../input.ts';
import { rangeOf, sendReport } from './answer.ts';
import { comboShape, reportQuery } from './query.ts';

export const keepWarmQuery = reportQuery({
  ...comboShape,
  wait_usd_per_second: z.coerce
    .number()
    .min(0)
    .max(1_000_000)
    .default(0)
    .openapi({ type: 'number', description: 'What a second that a client waits is worth, in USD' }),
});

export function keepWarmHandler(app: Hono<HttpEnv>, deps: HttpDeps): void {
  app.get('/admin/v1/reports/keepwarm', async (c) => {
    const query = readQuery(c, keepWarmQuery);
    if (!query.ok) return sendFailure(c, query.error);
    return sendReport(c, query.value.format, await keepWarmReport(deps, query.value));
  });
}

export async function keepWarmReport(
  { keepWarm, catalogue, prices }: HttpDeps,
  query: z.output<typeof keepWarmQuery>,
): Promise<Result<Report>> {
  const range = rangeOf(query);
  if (!range.ok) return range;
  const recorded = await keepWarm.recordedTrace({ ...range.value, most: MOST_REPLAYED });
  const replayable = replayableOf(recorded, catalogue.current());
  const points = await keepWarm.replay(replayable.trace, REPLAYED_TTLS_MS);
  if (!points.ok) return points;
  const combo = query.combo === undefined ? null : parseCombo(query.combo, [], catalogue.current());
  const rows = keepWarmRows(replayable, recorded.found, points.value, {
    book: prices.current().book,
    waitUsdPerSecond: query.wait_usd_per_second,
    combo: combo === null ? null : combo.ok ? combo.value.name : (query.combo ?? null),
  });
  return { ok: true, value: { rows, columns: keepWarmColumns() } };
}
