import { createServer } from 'node:http';
import { ControlPipe } from '../control/controlPipe.ts';
import { encodeLine } from '../control/lines.ts';
import { Orders } from '../control/orders.ts';
import type { ToRunner } from '../protocol/control.ts';
import { Reports } from '../server/reports.ts';
import { route } from '../server/routes.ts';
import { REHEARSED_BASE, RehearsalEngine } from './rehearsalEngine.ts';
import { Stage } from './stage.ts';

type Hear = (bytes: Buffer) => void;

const ORDERS: readonly ToRunner[] = [
  {
    type: 'load',
    seq: 1,
    model: {
      id: REHEARSED_BASE.modelId,
      revision: 'r',
      path: '/nowhere',
      contextTokens: 8,
      sequences: 1,
      threads: 1,
      deviceLayers: 0,
      device: null,
      useMmap: true,
      repack: false,
      kvBudgetBytes: null,
    },
  },
  {
    type: 'attach',
    seq: 2,
    combo: REHEARSED_BASE.modelId,
    adapters: [{ id: 'a', path: '/nowhere', scale: 1 }],
  },
  { type: 'threads', seq: 3, threads: 1 },
];

/**
 * Plays a start and a request to nobody while the JavaScript thread has nothing else to do, through the same code as
 * real ones. The first use of the parsers, the schemas and the HTTP server costs about 10 ms, which the first user would
 * wait for otherwise.
 */
export function rehearse(): void {
  rehearseOrders();
  rehearseChat();
}

/** Carries out a load, an attach and a change of threads. */
export function rehearseOrders(hear: Hear = () => {}): void {
  const stage = new Stage(hear);
  const orders = new Orders(new RehearsalEngine());
  new ControlPipe(stage, {
    onMessage: (message, pipe) => {
      if ('seq' in message) orders.take(message, (answer) => pipe.send(answer));
    },
    onClosed: () => {},
    onViolation: () => {},
  });
  for (const order of ORDERS) stage.push(encodeLine(order));
}

/** Serves one streamed chat. */
export function rehearseChat(hear: Hear = () => {}): void {
  const engine = new RehearsalEngine();
  const reports = new Reports();
  const server = createServer((request, response) => route(engine, reports, false, request, response));
  server.on('clientError', () => {});
  const connection = new Stage(hear);
  connection.on('error', () => {});
  server.emit('connection', connection);
  const body = JSON.stringify({
    model: REHEARSED_BASE.modelId,
    messages: [{ role: 'user', content: 'x' }],
    stream: true,
    temperature: 0,
    max_tokens: 1,
  });
  const head = [
    'POST /v1/chat/completions HTTP/1.1',
    'host: runner',
    'connection: close',
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    'x-hearth-report: 1',
    'x-request-id: rehearsal',
  ];
  connection.push(`${head.join('\r\n')}\r\n\r\n${body}`);
}
