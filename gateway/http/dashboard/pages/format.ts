/** Figures as people read them. */

export function milliseconds(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return '–';
  if (ms >= 10_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return `${ms >= 100 ? ms.toFixed(0) : ms.toFixed(1)} ms`;
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? String(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** US dollars, to the micro-USD where it is little. */
export function usd(microUsd: number): string {
  const digits = Math.abs(microUsd) >= 1_000_000 ? 2 : 6;
  return `${microUsd < 0 ? '-' : ''}$${Math.abs(microUsd / 1_000_000).toFixed(digits)}`;
}

export function whole(count: number): string {
  return count.toLocaleString('en-GB');
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(share > 0.99 && share < 1 ? 2 : 1)} %`;
}

/** UTC, to the second. */
export function time(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(0, 19).replace('T', ' ');
}

const DURATIONS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
] as const;

/** A time to live, as people set it; null: for ever. */
export function duration(ms: number | null): string {
  if (ms === null) return 'for ever';
  if (ms === 0) return 'at once';
  for (const [unit, length] of DURATIONS) if (ms % length === 0) return `${whole(ms / length)} ${unit}`;
  return milliseconds(ms);
}
