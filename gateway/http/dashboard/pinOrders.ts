import { parseCombo } from '../../domain/combo.ts';
import { fail, type Result } from '../../domain/errors.ts';
import { comboName } from '../../domain/ids.ts';
import { pinBody } from '../admin/schemas.ts';
import type { HttpDeps } from '../deps.ts';
import { failureOfIssues } from '../issues.ts';

const HOUR_MS = 3_600_000;
/** A century: later is not a date that anybody means. */
const MOST_HOURS = 876_000;

/** Pins what a form asks for, by the same schema as the admin API. */
export async function pinByForm(form: URLSearchParams, deps: HttpDeps): Promise<Result<unknown>> {
  const combo = parseCombo(form.get('combo')?.trim() ?? '', [], deps.catalogue.current());
  if (!combo.ok) return combo;
  const fields = { level: form.get('level'), count: Number(form.get('count') ?? 1) };
  const body = pinBody.safeParse(fields);
  if (!body.success) return { ok: false, error: failureOfIssues(body.error, fields) };
  const untilEpochMs = endOf(form.get('hours')?.trim() ?? '', deps.clock.epochMs());
  if (!untilEpochMs.ok) return untilEpochMs;
  const { level, count } = body.data;
  return deps.pins.put(combo.value, { level, count, untilEpochMs: untilEpochMs.value });
}

/** A pin outlives its model: then only the canonical name finds it. */
export function unpinByForm(form: URLSearchParams, deps: HttpDeps): Promise<Result<unknown>> {
  const written = form.get('combo') ?? '';
  const combo = parseCombo(written, [], deps.catalogue.current());
  return deps.pins.remove(combo.ok ? combo.value.name : comboName(written));
}

function endOf(hours: string, nowEpochMs: number): Result<number | null> {
  if (hours === '') return { ok: true, value: null };
  const count = Number(hours);
  if (count > 0 && count <= MOST_HOURS) return { ok: true, value: nowEpochMs + count * HOUR_MS };
  return fail('invalid_request', `Cannot pin for ${JSON.stringify(hours.slice(0, 32))} hours`, 'hours');
}
