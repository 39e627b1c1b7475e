import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Failure, fail } from '../domain/errors.ts';
import { errorAnswer } from './envelope.ts';
import { newRequestId } from './requestContext.ts';

/**
 * Answers what node could not read as a request (a bad request line, too large headers, headers that never end) in the
 * envelope, and ends the connection. Nothing is written into an answer that has begun.
 */
export function answerClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable || answerHasBegun(socket)) {
    socket.destroy();
    return;
  }
  const { failure, status } = failureOf(error.code);
  const answer = errorAnswer(failure, status);
  const body = JSON.stringify(answer.body);
  const headers = {
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

function failureOf(code: string | undefined): { failure: Failure; status?: number } {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return {
      failure: fail('invalid_request', 'Cannot read request: its headers are too large').error,
      status: 431,
    };
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return { failure: fail('request_timeout', 'Cannot read request: it did not arrive in time').error };
  }
  return { failure: fail('invalid_request', 'Cannot read request: it is not HTTP/1.1').error };
}

/** As node's own handler tells (lib/_http_server.js, `socketOnError`). */
function answerHasBegun(socket: Duplex): boolean {
  const message = (socket as Duplex & { _httpMessage?: { headersSent: boolean } })._httpMessage;
  return message?.headersSent === true;
}
