import { createServer } from 'node:http';
import { Duplex } from 'node:stream';
import type { EngineCounters, GenerateRequest } from '../../native/addonTypes.ts';
import type { Engine, GenerationSink, LoadedBase } from '../engine/engine.ts';
import { route } from './routes.ts';

const BASE: LoadedBase = {
  modelId: 'rehearsal',
  loadMs: 0,
  weightBytes: 0,
  contextTokens: 8,
  trainedContextTokens: 8,
  architecture: 'none',
  supportsTools: false,
  vocabularySize: 1,
  embeddingLength: 1,
};

/** Says one word to everything. Nothing but `generate` is ever called. */
class RehearsalEngine implements Engine {
  readonly name = 'rehearsal';
  readonly devices = [];
  readonly base = BASE;
  readonly combos = new Set([BASE.modelId]);

  generate(_request: GenerateRequest, sink: GenerationSink): number {
    setImmediate(() => {
      const counts = {
        promptTokens: 1,
        completionTokens: 1,
        cachedTokens: 0,
        queueMs: 0,
        prefillMs: 0,
        decodeMs: 0,
      };
      sink.accepted(1);
      sink.delta({ type: 'delta', id: 1, text: 'x' });
      sink.batchEnd();
      sink.done({ type: 'done', id: 1, finishReason: 'stop', ...counts });
      sink.batchEnd();
    });
    return 1;
  }

  load = unused;
  attach = unused;
  detach = unused;
  embed = unused;
  cancel(): void {}
  setThreads(): void {}
  counters(): EngineCounters {
    throw new Error('Cannot count a rehearsal');
  }
  async close(): Promise<void> {}
}

async function unused(): Promise<never> {
  throw new Error('Cannot do this in a rehearsal');
}

/** A connection without a socket, whose other end gives what it hears to a function. */
class Stage extends Duplex {
  readonly #hear: (bytes: Buffer) => void;

  constructor(hear: (bytes: Buffer) => void) {
    super();
    this.#hear = hear;
  }

  override _read(): void {}
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#hear(chunk);
    done();
  }
}

/**
 * Serves one streamed chat to nobody, through the same code as a real one, while a context is being made on another
 * thread: the first use of the parser, the schemas and the HTTP server costs about 9 ms, which the first user would
 * wait for otherwise.
 */
export function rehearse(hear: (bytes: Buffer) => void = () => {}): void {
  const engine = new RehearsalEngine();
  const server = createServer((request, response) => route(engine, false, request, response));
  server.on('clientError', () => {});
  const connection = new Stage(hear);
  connection.on('error', () => {});
  server.emit('connection', connection);
  const body = JSON.stringify({
    model: BASE.modelId,
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
