import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';
import { basename } from 'node:path';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import Sqlite from 'better-sqlite3';
import { drizzle } from 'drizzle-orm/better-sqlite3';
import { openError } from '../openErrors.ts';
import type { ReaderOptions, ReaderReply, ReaderRequest } from './messages.ts';
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

/** Of this thread alone: Linux schedules threads, and takes a thread's id for a process's (setpriority(2), "C library/kernel differences"). */
function standBack({ niceness }: ReaderOptions): void {
  if (niceness === 0) return;
  try {
    const threadId = Number(basename(readlinkSync('/proc/thread-self')));
    setPriority(threadId, niceness);
  } catch {
    // A system that hides /proc, or forbids it: reads are as right, and compete with requests.
  }
}

if (parentPort) {
  standBack(workerData as ReaderOptions);
  serve(parentPort);
}
