/** Where the line is drawn: standard error. */
export interface Terminal {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

const ERASE_LINE = '\r\x1b[K';
const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** `1.2 GB`, in powers of 1000, as disks and networks are sold. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** `model.gguf  1.2 GB of 4.0 GB  30%  1.1 GB/s  3 s left` */
export function progressText(
  name: string,
  doneBytes: number,
  totalBytes: number,
  elapsedSeconds: number,
): string {
  const percent = totalBytes === 0 ? 100 : Math.floor((100 * doneBytes) / totalBytes);
  const parts = [name, `${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}`, `${percent}%`];
  const rate = elapsedSeconds > 0 ? doneBytes / elapsedSeconds : 0;
  if (rate > 0) {
    parts.push(`${formatBytes(rate)}/s`, `${Math.ceil((totalBytes - doneBytes) / rate)} s left`);
  }
  return parts.join('  ');
}

/** Draws `text()` now and ten times a second over itself, on a terminal; elsewhere nothing. The returned function ends and erases it. */
export function drawProgress(terminal: Terminal, text: () => string): () => void {
  if (terminal.isTTY !== true) return () => {};
  const draw = () => {
    const line = text();
    // Some terminals have no columns to tell of.
    const room = (terminal.columns || 80) - 1;
    // The end has the figures; names may be long.
    terminal.write(`${ERASE_LINE}${line.length > room ? `…${line.slice(1 - room)}` : line}`);
  };
  draw();
  const timer = setInterval(draw, 100);
  return () => {
    clearInterval(timer);
    terminal.write(ERASE_LINE);
  };
}
