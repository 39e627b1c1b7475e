import { fail, ok, type Result } from '../../domain/errors.ts';

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/gy;

/**
 * Reads a duration as Ollama does: a string of Go's `time.ParseDuration` (`5m`, `1h30m`, `-1s`) or a number of seconds,
 * also as a string. Milliseconds; Infinity when negative: never by idleness.
 * https://github.com/ollama/ollama/blob/main/docs/faq.md (keep_alive), https://pkg.go.dev/time#ParseDuration
 */
export function parseDuration(value: string | number, param: string): Result<number> {
  const durationMs = typeof value === 'number' ? value * 1000 : durationOfText(value.trim());
  if (Number.isNaN(durationMs)) {
    return fail(
      'invalid_request',
      `Cannot read request: \`${param}\`: expected a duration as "5m" or a number of seconds, got another ${typeof value}`,
      param,
    );
  }
  return ok(durationMs < 0 ? Number.POSITIVE_INFINITY : durationMs);
}

function durationOfText(text: string): number {
  if (/^[+-]?\d+(?:\.\d+)?$/.test(text)) return Number(text) * 1000;
  const sign = text.startsWith('-') ? -1 : 1;
  const rest = text.replace(/^[+-]/, '');
  let totalMs = 0;
  let end = 0;
  for (const [part, amount, unit] of rest.matchAll(PART)) {
    totalMs += Number(amount) * (UNIT_MS[unit ?? ''] ?? Number.NaN);
    end += part.length;
  }
  return rest === '' || end !== rest.length ? Number.NaN : sign * totalMs;
}
