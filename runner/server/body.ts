import type { IncomingMessage } from 'node:http';
import { type Checked, refuse } from './failure.ts';

/** The gateway's own limit is lower; this one guards the runner against anything else on its socket. */
export const MAX_BODY_BYTES = 16 * 1024 * 1024;

/**
 * Reads a body whole and gives its text to `done`, which is called at most once; a client that goes away in the middle
 * gets no answer. Callbacks, because this is on the way of every request.
 */
export function readBody(request: IncomingMessage, done: (body: Checked<string>) => void): void {
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > MAX_BODY_BYTES) return done(tooLarge());
  const chunks: Buffer[] = [];
  let bytes = 0;
  const onData = (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= MAX_BODY_BYTES) {
      chunks.push(chunk);
      return;
    }
    request.off('data', onData);
    request.off('end', onEnd);
    done(tooLarge());
  };
  const onEnd = () => {
    const whole = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, bytes);
    done({ ok: true, value: whole.toString('utf8') });
  };
  request.on('data', onData);
  request.on('end', onEnd);
}

function tooLarge(): Checked<string> {
  return refuse(
    'body_too_large',
    `Cannot read the request body: expected at most ${MAX_BODY_BYTES} bytes, got more`,
  );
}
