import type { IncomingMessage } from 'node:http';

/** What is read and thrown away of a body after its answer, and for how long, before the connection is cut. */
export interface DiscardBounds {
  readonly bytes: number;
  readonly ms: number;
}

export const DISCARD_BOUNDS: DiscardBounds = { bytes: 64 * 1024 * 1024, ms: 5_000 };

/**
 * Takes the rest of a body that was refused, so that a client that sends first and reads then (most do) gets its
 * answer instead of a reset connection, and can use the connection again.
 */
export function discardRest(incoming: IncomingMessage, bounds: DiscardBounds = DISCARD_BOUNDS): void {
  if (incoming.readableEnded || incoming.destroyed) return;
  let size = 0;
  const stop = (): void => {
    clearTimeout(timer);
    incoming.off('data', onData).off('end', stop).off('close', stop);
  };
  const cut = (): void => {
    stop();
    incoming.socket.destroySoon();
  };
  const onData = (chunk: Buffer): void => {
    size += chunk.length;
    if (size > bounds.bytes) cut();
  };
  const timer = setTimeout(cut, bounds.ms);
  timer.unref();
  incoming.on('data', onData).on('end', stop).on('close', stop);
  incoming.resume();
}
