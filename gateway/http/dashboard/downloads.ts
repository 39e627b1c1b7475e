import type { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { ok, type Result } from '../../domain/errors.ts';
import type { Report } from '../../reports/table.ts';
import { textOf } from '../../reports/text.ts';
import { readQuery } from '../admin/input.ts';
import { CSV_TYPE } from '../admin/reports/answer.ts';
import { billingQuery, billingReport } from '../admin/reports/billing.ts';
import { coldVsWarmCsv, coldVsWarmQuery } from '../admin/reports/coldVsWarm.ts';
import { evictionsQuery, evictionsReport } from '../admin/reports/evictions.ts';
import { latencyCsv, latencyQuery } from '../admin/reports/latency.ts';
import { sloQuery, sloReport } from '../admin/reports/slo.ts';
import { startupCsv, startupQuery } from '../admin/reports/startup.ts';
import type { HttpDeps, HttpEnv } from '../deps.ts';

type Download = (c: Context<HttpEnv>, deps: HttpDeps) => Promise<Result<Response>>;

/** The reports as files, by the parameters of the admin API; the keep-warm report has a place of its own. */
export const DOWNLOADS: Readonly<Record<string, Download>> = {
  latency: download('latency', latencyQuery, latencyCsv),
  cold_vs_warm: download('cold_vs_warm', coldVsWarmQuery, coldVsWarmCsv),
  startup: download('startup', startupQuery, startupCsv),
  billing: download('billing', billingQuery, asCsv(billingReport)),
  evictions: download('evictions', evictionsQuery, asCsv(evictionsReport)),
  slo: download('slo', sloQuery, asCsv(sloReport)),
};

function download<S extends z.ZodObject>(
  name: string,
  schema: S,
  make: (deps: HttpDeps, query: z.output<S>) => Promise<Result<string>>,
): Download {
  return async (c, deps) => {
    const query = readQuery(c, schema);
    if (!query.ok) return query;
    const csv = await make(deps, query.value);
    if (!csv.ok) return csv;
    const { from, to } = query.value as { from: number; to?: number };
    return { ok: true, value: sendCsv(c, name, from, to ?? deps.clock.epochMs(), csv.value) };
  };
}

function asCsv<Q>(
  make: (deps: HttpDeps, query: Q) => Promise<Result<Report>>,
): (deps: HttpDeps, query: Q) => Promise<Result<string>> {
  return async (deps, query) => {
    const report = await make(deps, query);
    return report.ok ? ok(textOf(report.value, 'csv')) : report;
  };
}

/** A table as a file, named for what it is about: `hearth-latency-20261128T120000Z-20261128T130000Z.csv`. */
export function sendCsv(
  c: Context<HttpEnv>,
  name: string,
  fromEpochMs: number,
  toEpochMs: number,
  csv: string,
): Response {
  const file = `hearth-${name}-${stamp(fromEpochMs)}-${stamp(toEpochMs)}.csv`;
  c.header('content-type', CSV_TYPE);
  c.header('content-disposition', `attachment; filename="${file}"`);
  return c.body(csv);
}

function stamp(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
}
