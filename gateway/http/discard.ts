import type { IncomingMessage, ServerResponse } from 'node:http';

/** What is read and thrown away of a refused body, and for how long, before the connection is cut. */
interface DiscardBounds {
  readonly bytes: number;
  readonly ms: number;
}

const BOUNDS: DiscardBounds = { bytes: 64 * 1024 * 1024, ms: 5_000 };

/**
 * Takes the rest of a body that nobody wants, before its answer goes. Many clients send all before they read, and a
 * connection that is closed with bytes unread is reset, answer and all. A connection that still brings bytes past the
 * bounds, or whose client waits for a 100 that it never gets, is marked to close after the answer.
 */
export async function discardRest(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  bounds: DiscardBounds = BOUNDS,
): Promise<void> {
  const { 'content-length': length, 'transfer-encoding': encoding, expect } = incoming.headers;
  const hasBody = encoding !== undefined || (length !== undefined && length !== '0');
  if (!hasBody || incoming.complete || incoming.destroyed || outgoing.headersSent) return;
  if (outgoing.getHeader('connection') === 'close') return;
  if (expect === undefined && (await hasEnded(incoming, bounds))) return;
  outgoing.setHeader('connection', 'close');
}

function hasEnded(incoming: IncomingMessage, bounds: DiscardBounds): Promise<boolean> {
  return new Promise((resolve) => {
    let size = 0;
    const stop = (ended: boolean): void => {
      clearTimeout(timer);
      incoming.off('data', onData).off('end', onEnd).off('close', onEnd);
      resolve(ended);
    };
    const onEnd = (): void => stop(true);
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > bounds.bytes) stop(false);
    };
    const timer = setTimeout(() => stop(false), bounds.ms);
    incoming
      .on('data', onData)
      .on('end', onEnd)
      .on('close', onEnd)
      .on('error', () => {});
    incoming.resume();
  });
}
