import { fail, ok, type Result } from '../../domain/errors.ts';
import { RANGES, type Range, type Span } from './data.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const RANGE_MS: Readonly<Record<Range, number>> = {
  '1h': HOUR_MS,
  '24h': DAY_MS,
  '7d': 7 * DAY_MS,
  '30d': 30 * DAY_MS,
};

export function spanOf(range: Range, nowEpochMs: number): Span {
  return { range, fromEpochMs: nowEpochMs - RANGE_MS[range], toEpochMs: nowEpochMs };
}

/**
 * The time that a page is asked for: `range`, or `from` and perhaps `to` as a field of a form has them, in UTC; the last day
 * without any of them. `invalid_request`
 */
export function readSpan(asked: Readonly<Record<string, string>>, nowEpochMs: number): Result<Span> {
  const { from = '', to = '', range = '' } = asked;
  if (from === '' && to === '')
    return ok(spanOf(RANGES.find((known) => known === range) ?? '24h', nowEpochMs));
  const fromEpochMs = timeOf(from);
  const toEpochMs = to === '' ? nowEpochMs : timeOf(to);
  if (Number.isNaN(fromEpochMs)) return bad('From', from);
  if (Number.isNaN(toEpochMs)) return bad('To', to);
  if (fromEpochMs >= toEpochMs)
    return fail('invalid_request', 'Cannot show that time: its end must come after its beginning', 'to');
  return ok({ range: null, fromEpochMs, toEpochMs });
}

/** As `2026-11-28T22:00`, with seconds or without; a zone is UTC unless it says otherwise. */
function timeOf(text: string): number {
  if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)?)?$/.test(text)) return Number.NaN;
  return Date.parse(/T[^Z+-]*$/.test(text) ? `${text}Z` : text);
}

function bad(name: string, text: string) {
  const shown = JSON.stringify(text.slice(0, 40));
  return fail(
    'invalid_request',
    `Cannot show that time: expected ${name} as "2026-11-28T22:00", got ${shown}`,
    'from',
  );
}
