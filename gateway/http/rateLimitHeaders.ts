import type { Allowance, Allowances } from '../access/limits.ts';

/** OpenAI's `x-ratelimit-*` headers of the limits that a key has. */
export function rateLimitHeaders({ requests, tokens }: Allowances): Record<string, string> {
  return { ...headersOf('requests', requests), ...headersOf('tokens', tokens) };
}

/** Durations as OpenAI writes them, and Go: `17ms`, `7.66s`, `2m59.56s`, `1h0m0s`. */
export function goDuration(ms: number): string {
  if (ms < 1000) return ms <= 0 ? '0s' : `${Math.ceil(ms)}ms`;
  const whole = Math.ceil(ms);
  const seconds = (whole % 60_000) / 1000;
  const minutes = Math.floor(whole / 60_000);
  if (minutes === 0) return `${seconds}s`;
  return minutes < 60 ? `${minutes}m${seconds}s` : `${Math.floor(minutes / 60)}h${minutes % 60}m${seconds}s`;
}

function headersOf(unit: 'requests' | 'tokens', allowance: Allowance | null): Record<string, string> {
  if (!allowance) return {};
  return {
    [`x-ratelimit-limit-${unit}`]: String(allowance.limit),
    [`x-ratelimit-remaining-${unit}`]: String(allowance.remaining),
    [`x-ratelimit-reset-${unit}`]: goDuration(allowance.resetMs),
  };
}
