import type { StageReading } from './stageMeter.ts';

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];
const STEPS = { download: 'downloading', stage: 'staging' } as const;
/** Who waits for longer does not wait by the second. */
const LONGEST_SECONDS = 24 * 3600;

/** `staging 1.2 GB of 4.0 GB, 1.1 GB/s, 3 s left`, in powers of 1000. What is not known is left out; null: nothing is. */
export function stagingText({
  step,
  bytes,
  totalBytes,
  bytesPerSecond,
  secondsLeft,
}: StageReading): string | null {
  if (totalBytes === 0) return null;
  const parts = [`${STEPS[step]} ${bytesText(bytes)} of ${bytesText(totalBytes)}`];
  if (bytesPerSecond !== null) parts.push(`${bytesText(bytesPerSecond)}/s`);
  if (secondsLeft !== null && secondsLeft <= LONGEST_SECONDS) parts.push(`${Math.ceil(secondsLeft)} s left`);
  return parts.join(', ');
}

function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}
