import { isUtf8 } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Context } from 'hono';
import { fail, ok, type Result } from '../domain/errors.ts';
import type { HttpEnv, HttpLimits } from './deps.ts';
import { jsonErrorPosition } from './jsonPosition.ts';

type BodyLimits = Pick<HttpLimits, 'bodyBytes' | 'bodyTimeoutMs'>;

/**
 * Reads a request's body as JSON, from node's own stream where there is one. Any content type is taken whose body is
 * JSON: people forget the header. `request_too_large`, `request_timeout`, `client_closed`, `unsupported_media_type`,
 * `invalid_json`.
 */
export async function readJson(c: Context<HttpEnv>, limits: BodyLimits): Promise<Result<unknown>> {
  const { incoming, outgoing } = c.env ?? {};
  const encoding = c.req.header('content-encoding');
  if (encoding !== undefined && encoding !== 'identity') {
    return fail('unsupported_media_type', 'Cannot read request body: expected no content encoding, got one');
  }
  const bytes =
    incoming && outgoing
      ? await readIncoming(incoming, outgoing, limits)
      : ok(Buffer.from(await c.req.arrayBuffer()));
  return bytes.ok ? parseJson(bytes.value, c.req.header('content-type')) : bytes;
}

/** Reads all bytes of a request, bounded in size and time. What is left unread is discardRest()'s. */
export function readIncoming(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  limits: BodyLimits,
): Promise<Result<Buffer>> {
  const announced = Number(incoming.headers['content-length'] ?? 0);
  const awaitsContinue = incoming.headers.expect?.toLowerCase() === '100-continue';
  if (announced > limits.bodyBytes) return Promise.resolve(tooLarge(limits.bodyBytes));
  if (awaitsContinue) {
    outgoing.writeContinue();
    delete incoming.headers.expect;
  }
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const finish = (result: Result<Buffer>): void => {
      clearTimeout(timer);
      incoming.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
      // Whatever becomes of the stream now is no news.
      incoming.on('error', () => {});
      if (!result.ok) incoming.pause();
      resolve(result);
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > limits.bodyBytes) finish(tooLarge(limits.bodyBytes));
      else chunks.push(chunk);
    };
    const onEnd = (): void =>
      finish(ok(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)));
    const onClose = (): void =>
      finish(fail('client_closed', 'Cannot read request body: the client went away'));
    const timer = setTimeout(() => {
      outgoing.setHeader('connection', 'close');
      finish(
        fail(
          'request_timeout',
          `Cannot read request body: expected its end within ${limits.bodyTimeoutMs} ms`,
        ),
      );
    }, limits.bodyTimeoutMs);
    incoming.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
    if (incoming.destroyed) onClose();
  });
}

/** Never repeats the body: only where it breaks. */
export function parseJson(bytes: Buffer, contentType: string | undefined): Result<unknown> {
  if (!isUtf8(bytes)) return fail('invalid_json', 'Cannot read request body as JSON: it is not UTF-8');
  const text = bytes.toString('utf8').replace(/^\uFEFF/, '');
  try {
    return ok(JSON.parse(text));
  } catch {
    const type = contentType?.split(';')[0]?.trim().toLowerCase() ?? 'application/json';
    const looksLikeJson = /^\s*[{[]/.test(text);
    if (!looksLikeJson && text.trim() !== '' && !/^application\/(?:[\w.-]+\+)?json$/.test(type)) {
      return fail(
        'unsupported_media_type',
        'Cannot read request body: expected JSON with content-type application/json',
      );
    }
    const what = text.trim() === '' ? 'it is empty' : `it breaks at character ${jsonErrorPosition(text)}`;
    return fail('invalid_json', `Cannot read request body as JSON: ${what}`);
  }
}

function tooLarge(limitBytes: number): ReturnType<typeof fail> {
  return fail(
    'request_too_large',
    `Cannot read request body: expected at most ${limitBytes} bytes, got more`,
  );
}
