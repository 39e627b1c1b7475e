import { destination, pino } from 'pino';
import type { Log } from '../ports/log.ts';

/** A log whose lines are written behind the event loop's back; `flush` before the process ends. */
export type FlushedLog = Log & { flush(): void };

/**
 * Structured lines on standard error; standard output is kept for the one line that says where the gateway is.
 * `level` as pino names them. Fields are ours: nothing here sees a prompt, a completion or a key.
 */
export function makeLog(level: string): FlushedLog {
  const sink = destination({ dest: 2, sync: false });
  const log = pino(
    {
      level,
      base: { service: 'hearth' },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: ['*.authorization', '*.key', '*.token'], censor: '[redacted]' },
    },
    sink,
  );
  return Object.assign(log, { flush: () => sink.flushSync() });
}
