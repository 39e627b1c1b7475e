import type { RunnerId } from '../domain/ids.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventLog } from '../ports/eventLog.ts';
import type { Log } from '../ports/log.ts';
import type { UploadView } from './uploadView.ts';

/** Writes down how a load brought weights to a device, and warns of a check that failed. */
export function tellUpload(
  runnerId: RunnerId,
  base: string,
  upload: UploadView,
  { events, clock, log }: { readonly events: EventLog; readonly clock: Clock; readonly log: Log },
): void {
  const { path, reason, bytes, plain_bytes, took_ms, bytes_per_second, threads, check, differing } = upload;
  const figures = { bytes, plainBytes: plain_bytes, tookMs: took_ms, bytesPerSecond: bytes_per_second };
  const told = { atEpochMs: clock.epochMs(), runnerId };
  events.append({
    ...told,
    type: 'weights_uploaded',
    detail: { base, path, reason, ...figures, threads, check },
  });
  if (check !== 'failed') return;
  const detail = { base, differing, bytes, level: 'warning' };
  events.append({ ...told, type: 'upload_check_failed', detail });
  log.warn(
    { runnerId, base, differing },
    'threaded upload failed its check, weights were loaded again plainly',
  );
}
