import { type MessagePort, parentPort } from 'node:worker_threads';
import Sqlite from 'better-sqlite3';
import { drizzle } from 'drizzle-orm/better-sqlite3';
import { openError } from '../openErrors.ts';
import type { ReaderReply, ReaderRequest } from './messages.ts';
import { makeQueries, type Queries } from './queries.ts';

/** How long a read waits while the log is being reset. */
const BUSY_TIMEOUT_MS = 5000;

/**
 * Entry of the reader thread, bundled to dist/dbReader.mjs. The thread starts beside the writer's and opens the file
 * when it is told that it has been migrated.
 */
function serve(port: MessagePort): void {
  let sqlite: Sqlite.Database | undefined;
  let queries: Queries | undefined;
  const send = (reply: ReaderReply) => port.postMessage(reply);
  port.on('message', (request: ReaderRequest) => {
    switch (request.kind) {
      case 'open':
        try {
          sqlite = new Sqlite(request.path, {
            readonly: true,
            fileMustExist: true,
            timeout: BUSY_TIMEOUT_MS,
          });
          queries = makeQueries(drizzle(sqlite));
          return send({ kind: 'opened' });
        } catch (error) {
          return send({ kind: 'openFailed', message: openError(request.path, error).message });
        }
      case 'read':
        try {
          if (!queries) throw new Error('the database is not open');
          const run = queries[request.query] as (params: unknown) => unknown;
          return send({ kind: 'rows', id: request.id, rows: run(request.params) });
        } catch (error) {
          const message = error instanceof Error ? error.message : String(error);
          return send({ kind: 'failed', id: request.id, message });
        }
      case 'close':
        sqlite?.close();
        port.close();
    }
  });
}

if (parentPort) serve(parentPort);
