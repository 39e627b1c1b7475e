import type { z } from '@hono/zod-openapi';
import type { Hono } from 'hono';
import type { Result } from '../../../domain/errors.ts';
import { BURN_WINDOWS, BURN_WINDOWS_MS, sloReportColumns, sloReportRow } from '../../../reports/slo.ts';
import { sloStateRow, stateOf } from '../../../reports/sloRows.ts';
import type { Report } from '../../../reports/table.ts';
import type { HttpDeps, HttpEnv } from '../../deps.ts';
import { sendFailure } from '../../respond.ts';
import { readQuery } from '../input.ts';
import { rangeOf, sendReport } from './answer.ts';
import { reportQuery } from './query.ts';

export const sloQuery = reportQuery({});

/** The lengths of the windows that burn rates are told over. */
export const BURN_MS: readonly number[] = BURN_WINDOWS.map((window) => BURN_WINDOWS_MS[window]);

/** How objectives stand now, and what they came to in a span of time. */
export function sloHandlers(app: Hono<HttpEnv>, deps: HttpDeps): void {
  app.get('/admin/v1/slos', async (c) => {
    const standings = await deps.slos.states(BURN_MS);
    const data = standings.map(({ slo, overall, recent, isComplete }) =>
      sloStateRow(slo, stateOf(slo, overall, recent), isComplete),
    );
    return c.json({ object: 'list', data });
  });

  app.get('/admin/v1/reports/slo', async (c) => {
    const query = readQuery(c, sloQuery);
    if (!query.ok) return sendFailure(c, query.error);
    return sendReport(c, query.value.format, await sloReport(deps, query.value));
  });
}

export async function sloReport(
  { slos }: HttpDeps,
  query: z.output<typeof sloQuery>,
): Promise<Result<Report>> {
  const range = rangeOf(query);
  if (!range.ok) return range;
  const counted = await slos.report(range.value.fromEpochMs, range.value.toEpochMs);
  const rows = counted.map(({ slo, counts, isComplete }) => ({
    ...sloReportRow(slo, counts),
    is_complete: isComplete,
  }));
  return { ok: true, value: { rows, columns: [...sloReportColumns(), ['is_complete']] } };
}
