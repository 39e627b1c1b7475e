import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { WriteCommand, WriteFailure, WriterOptions, WriterReply, WriterRequest } from './commands.ts';
import { commitGroup } from './commitGroup.ts';
import { type OpenedWriter, openWriter } from './open.ts';
import { prepareStatements } from './statements.ts';

/** Most commands of one transaction: bounds how long the first of a group waits for the last. */
const MAX_GROUP_COMMANDS = 1024;

/** Entry of the writer thread, bundled to dist/dbWriter.mjs. */
function start(port: MessagePort, options: WriterOptions): void {
  const send = (reply: WriterReply) => port.postMessage(reply);
  let opened: OpenedWriter;
  try {
    opened = openWriter(options);
  } catch (error) {
    send({ kind: 'openFailed', message: error instanceof Error ? error.message : String(error) });
    return;
  }
  serve(port, opened, send);
  send({ kind: 'opened' });
}

/**
 * Group commit without a timer: an idle writer commits what comes at once; what comes while an fsync runs waits in
 * the port and is the next group.
 */
function serve(port: MessagePort, { sqlite, db }: OpenedWriter, send: (reply: WriterReply) => void): void {
  const apply = prepareStatements(db, sqlite);
  let commits = 0;
  let written = 0;
  port.on('message', (first: WriterRequest) => {
    const { batches, closing } = gather(port, first);
    const commands = batches.flatMap((batch) => batch.commands);
    if (commands.length > 0) {
      const outcome = commitGroup(sqlite, commands, apply);
      commits += outcome.commits;
      written += commands.length;
      send({
        kind: 'written',
        batches: shareFailures(batches, outcome.failures),
        stats: { commits, commands: written },
      });
    }
    if (closing) {
      sqlite.close();
      port.close();
    }
  });
}

interface Batch {
  readonly batch: number;
  readonly commands: readonly WriteCommand[];
}

function gather(port: MessagePort, first: WriterRequest): { batches: Batch[]; closing: boolean } {
  const batches: Batch[] = [];
  let size = 0;
  let request: WriterRequest | undefined = first;
  while (request) {
    if (request.kind === 'close') return { batches, closing: true };
    batches.push(request);
    size += request.commands.length;
    if (size >= MAX_GROUP_COMMANDS) break;
    request = receiveMessageOnPort(port)?.message as WriterRequest | undefined;
  }
  return { batches, closing: false };
}

/** Gives each batch its own failures, counted from its own first command. */
function shareFailures(batches: readonly Batch[], failures: readonly WriteFailure[]) {
  let from = 0;
  return batches.map(({ batch, commands }) => {
    const until = from + commands.length;
    const own = failures
      .filter(({ index }) => index >= from && index < until)
      .map((failure) => ({ ...failure, index: failure.index - from }));
    from = until;
    return { batch, failures: own };
  });
}

if (parentPort) start(parentPort, workerData as WriterOptions);
