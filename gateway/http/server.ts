import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { errorEnvelope } from '../domain/envelope.ts';
import { fail } from '../domain/errors.ts';
import type { Log } from '../ports/log.ts';
import { answerClientError } from './clientError.ts';
import type { HttpApp, HttpLimits } from './deps.ts';
import { CertificateReloader, readCertificate, type TlsFiles } from './edge/certificate.ts';
import { securityHeaders } from './edge/securityHeaders.ts';
import { newRequestId } from './requestContext.ts';

/** A server that listens. */
export interface HttpServer {
  readonly host: string;
  readonly port: number;
  readonly protocol: 'http' | 'https';
  /** Looks at once whether the certificate has changed. */
  readonly lookAtCertificate: () => Promise<void>;
  /**
   * Stops accepting, ends idle connections, waits for the requests under way and after `graceMs` cuts those too.
   * Resolves when no connection is left. A second call changes nothing but may shorten the wait.
   */
  close(graceMs: number): Promise<void>;
}

export interface ListenOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly limits: HttpLimits;
  /** null, or absent: plain HTTP. */
  readonly tls?: { readonly files: TlsFiles; readonly log: Log } | null;
}

/** Listens, or rejects with one sentence that says why it cannot. */
export async function listen(app: HttpApp, options: ListenOptions): Promise<HttpServer> {
  const { host, port, limits } = options;
  const tls = options.tls ?? null;
  const { server, lookAtCertificate, stopLooking } = await makeServer(limits, tls);
  const security = await securityHeaders(tls !== null);
  const listener = getRequestListener(app.fetch, {
    hostname: 'localhost',
    autoCleanupIncoming: false,
    overrideGlobalObjects: false,
    errorHandler: unreadableRequest,
  });
  server.on('request', (incoming, outgoing) => {
    for (const [name, value] of Object.entries(security)) outgoing.setHeader(name, value);
    void listener(incoming, outgoing);
  });
  server.maxConnections = limits.connections;
  server.timeout = 0;
  server.on('clientError', (error, socket) => answerClientError(error, socket, security));
  const close = closer(server);
  await started(server, host, port);
  const address = server.address() as AddressInfo;
  return {
    host,
    port: address.port,
    protocol: tls ? 'https' : 'http',
    lookAtCertificate,
    close(graceMs) {
      stopLooking();
      return close(graceMs);
    },
  };
}

async function makeServer(
  limits: HttpLimits,
  tls: ListenOptions['tls'],
): Promise<{ server: Server; lookAtCertificate: () => Promise<void>; stopLooking: () => void }> {
  const options = {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersTimeoutMs,
    // Behind the body's own limit, which answers better.
    requestTimeout: limits.headersTimeoutMs + limits.bodyTimeoutMs + 5_000,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(5_000, limits.headersTimeoutMs),
    requireHostHeader: false,
    noDelay: true,
  };
  if (!tls) {
    return { server: createServer(options), lookAtCertificate: async () => {}, stopLooking: () => {} };
  }
  const certificate = await readCertificate(tls.files);
  const server = createTlsServer({ ...options, ...certificate });
  const reloader = new CertificateReloader(server, tls.files, certificate, tls.log);
  return { server, lookAtCertificate: () => reloader.look(), stopLooking: reloader.run() };
}

/** What hono cannot make a request of: a bad target or Host. */
function unreadableRequest(): Response {
  const { status, headers, body } = errorEnvelope(
    fail('invalid_request', 'Cannot read request: bad target or Host header').error,
  );
  return Response.json(body, { status, headers: { ...headers, 'x-request-id': newRequestId() } });
}

function started(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      reject(new Error(`Cannot listen on ${host}:${port}: ${reasonOf(error)}`, { cause: error }));
    };
    server.once('error', onError);
    server.listen(port, host, () => {
      server.off('error', onError);
      resolve();
    });
  });
}

function reasonOf(error: NodeJS.ErrnoException): string {
  if (error.code === 'EADDRINUSE') return 'the port is in use by another process';
  if (error.code === 'EACCES') return 'this user may not use that port';
  if (error.code === 'EADDRNOTAVAIL') return 'this machine has no such address';
  return error.code ?? error.message;
}

/** Counts the requests under way and ends connections when the server closes. */
function closer(server: Server): (graceMs: number) => Promise<void> {
  let active = 0;
  let closed: Promise<void> | null = null;
  // After the last answer nothing is to come: connections that never sent a request go too.
  const endIfIdle = (): void => {
    if (closed === null) return;
    if (active === 0) server.closeAllConnections();
    else server.closeIdleConnections();
  };
  server.on('checkContinue', (incoming, outgoing) => server.emit('request', incoming, outgoing));
  server.prependListener('request', (_incoming: IncomingMessage, outgoing: ServerResponse) => {
    active += 1;
    outgoing.once('close', () => {
      active -= 1;
      if (closed !== null) setImmediate(endIfIdle);
    });
  });
  return async (graceMs) => {
    closed ??= new Promise((resolve) => server.close(() => resolve()));
    endIfIdle();
    const timer = setTimeout(() => server.closeAllConnections(), graceMs);
    await closed;
    clearTimeout(timer);
  };
}
