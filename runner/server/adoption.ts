import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { AdoptionDoor } from '../control/adoptionDoor.ts';
import { ADOPT_PATH, ADOPT_UPGRADE, PROOF_HEADER } from '../protocol/adoption.ts';

/** What the HTTP server needs to let a gateway in. */
export interface AdoptionEntry {
  readonly door: AdoptionDoor;
  /** Takes over the connection. It is called at once after the door has admitted. */
  adopt(stream: Duplex, leaseMs: number): void;
}

/** Answers a request to upgrade its connection: it becomes the control pipe, or is refused and closed. */
export function upgrade(
  entry: AdoptionEntry | null,
  request: IncomingMessage,
  stream: Duplex,
  head: Buffer,
): void {
  stream.on('error', () => {});
  const isAdoption = request.url === ADOPT_PATH && request.headers.upgrade === ADOPT_UPGRADE;
  if (entry === null || !isAdoption) return refuse(stream, 404, 'Cannot upgrade: no such protocol here');
  const admission = entry.door.admit(request.headers);
  if (!admission.ok) return refuse(stream, admission.status, admission.reason);
  stream.write(
    [
      'HTTP/1.1 101 Switching Protocols',
      'connection: Upgrade',
      `upgrade: ${ADOPT_UPGRADE}`,
      `${PROOF_HEADER}: ${admission.proof}`,
      '\r\n',
    ].join('\r\n'),
  );
  if (head.length > 0) stream.unshift(head);
  entry.adopt(stream, admission.leaseMs);
}

function refuse(stream: Duplex, status: number, reason: string): void {
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'connection: close',
    'content-type: text/plain',
    `content-length: ${Buffer.byteLength(reason)}`,
  ];
  stream.end(`${head.join('\r\n')}\r\n\r\n${reason}`, () => stream.destroy());
}
