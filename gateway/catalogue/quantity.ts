/** `500ms`, `30s`, `5m`, `1h30m`, `7d`; decimals allowed. */
export const DURATION_PATTERN = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/;
/** `8MiB`, `512KiB`, `1.5GB`, `1024B`. */
export const SIZE_PATTERN = /^\d+(?:\.\d+)? ?(?:B|KB|KiB|MB|MiB|GB|GiB|TB|TiB)$/;

const MS_PER_UNIT: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const BYTES_PER_UNIT: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  KiB: 2 ** 10,
  MB: 1e6,
  MiB: 2 ** 20,
  GB: 1e9,
  GiB: 2 ** 30,
  TB: 1e12,
  TiB: 2 ** 40,
};

/** Milliseconds of a duration text, or of a number of seconds; null when it is neither or too long to count. */
export function parseDurationMs(value: string | number): number | null {
  if (typeof value === 'number') return countable(value * 1000);
  if (!DURATION_PATTERN.test(value)) return null;
  let totalMs = 0;
  for (const [, amount, unit] of value.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    totalMs += Number(amount) * (MS_PER_UNIT[unit as string] as number);
  }
  return countable(totalMs);
}

/** Whole bytes of a size text, or of a number of bytes; null when it is neither or too large to count. */
export function parseSizeBytes(value: string | number): number | null {
  if (typeof value === 'number') return Number.isInteger(value) ? countable(value) : null;
  const match = SIZE_PATTERN.test(value) ? /^([\d.]+) ?(\w+)$/.exec(value) : null;
  if (!match) return null;
  const bytes = countable(Number(match[1]) * (BYTES_PER_UNIT[match[2] as string] as number));
  return bytes === null ? null : Math.round(bytes);
}

function countable(value: number): number | null {
  return value >= 0 && value <= Number.MAX_SAFE_INTEGER ? value : null;
}
