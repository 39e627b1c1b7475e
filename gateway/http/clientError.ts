import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ErrorEnvelope, errorEnvelope } from '../domain/envelope.ts';
import type { ErrorCode } from '../domain/errors.ts';
import { newRequestId } from './requestContext.ts';

/**
 * Answers what node could not read as a request (a bad request line, too large headers, headers that never end) in the
 * envelope, with the headers that every answer has, and ends the connection. Nothing is written into an answer that has
 * begun.
 */
export function answerClientError(
  error: NodeJS.ErrnoException,
  socket: Duplex,
  common: Readonly<Record<string, string>>,
): void {
  if (error.code === 'ECONNRESET' || !socket.writable || answerHasBegun(socket)) {
    socket.destroy();
    return;
  }
  const answer = answerOf(error.code);
  const body = JSON.stringify(answer.body);
  const headers = {
    ...common,
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
    'x-request-id': newRequestId(),
    ...answer.headers,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(
    `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? ''}\r\n${lines.join('')}\r\n${body}`,
  );
}

function answerOf(code: string | undefined): ErrorEnvelope {
  if (code === 'HPE_HEADER_OVERFLOW') {
    // RFC 6585; a status that only the protocol itself needs.
    return { ...envelope('invalid_request', 'its headers are too large'), status: 431 };
  }
  return code === 'ERR_HTTP_REQUEST_TIMEOUT'
    ? envelope('request_timeout', 'it did not arrive in time')
    : envelope('invalid_request', 'it is not HTTP/1.1');
}

function envelope(code: ErrorCode, why: string): ErrorEnvelope {
  return errorEnvelope({ code, message: `Cannot read request: ${why}` });
}

/** As node's own handler tells (lib/_http_server.js, `socketOnError`). */
function answerHasBegun(socket: Duplex): boolean {
  const message = (socket as Duplex & { _httpMessage?: { headersSent: boolean } })._httpMessage;
  return message?.headersSent === true;
}
