import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { gunzipSync } from 'node:zlib';

/** A span as a collector got it. Times in milliseconds since the epoch. */
export interface ReceivedSpan {
  readonly resource: Readonly<Record<string, unknown>>;
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  /** '' for a root. */
  readonly parentSpanId: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly statusCode: number;
}

/** A collector on a loopback port that takes OTLP/HTTP in protobuf and keeps what it got. */
export class OtlpCollector {
  readonly spans: ReceivedSpan[] = [];
  /** All that came, as it came. */
  readonly bodies: Buffer[] = [];
  readonly paths: string[] = [];
  /** What becomes of the next requests: they are taken, answered with that status, or not answered at all. */
  #mood: 'takes' | 'hangs' | 400 | 503 = 'takes';
  /** Requests that came, whatever became of them. */
  asked = 0;
  readonly #server: Server = createServer((request, response) => void this.#take(request, response));

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get url(): string {
    const address = this.#server.address();
    return typeof address === 'object' && address ? `http://127.0.0.1:${address.port}` : '';
  }

  /** Whoever waits for an answer gets none any more: the connections are cut. */
  become(mood: 'takes' | 'hangs' | 400 | 503): void {
    this.#mood = mood;
    this.#server.closeAllConnections();
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    this.asked += 1;
    if (this.#mood === 'hangs') return;
    if (this.#mood !== 'takes') return void response.writeHead(this.#mood).end();
    const sent = Buffer.concat(chunks);
    const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
    this.paths.push(`${request.method} ${request.url} ${request.headers['content-type']}`);
    this.bodies.push(body);
    this.spans.push(...spansOf(body));
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
  }
}

/** One field of a protobuf message: numbers of varints and fixed64, bytes of the rest (protobuf.dev, "Encoding"). */
interface Field {
  readonly number: number;
  readonly value: bigint | Buffer;
}

function* fieldsOf(message: Buffer): Generator<Field> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at];
      if (byte === undefined) throw new Error('protobuf: a message ends within a number');
      at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const bytes = (length: number): Buffer => {
    if (at + length > message.length) throw new Error('protobuf: a message ends within a field');
    at += length;
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const key = Number(varint());
    const number = key >> 3;
    switch (key & 7) {
      case 0:
        yield { number, value: varint() };
        break;
      case 1:
        yield { number, value: bytes(8) };
        break;
      case 2:
        yield { number, value: bytes(Number(varint())) };
        break;
      case 5:
        yield { number, value: bytes(4) };
        break;
      default:
        throw new Error(`protobuf: wire type ${key & 7}`);
    }
  }
}

function all(message: Buffer, number: number): Buffer[] {
  return [...fieldsOf(message)].flatMap((field) =>
    field.number === number && Buffer.isBuffer(field.value) ? [field.value] : [],
  );
}

function one(message: Buffer, number: number): Buffer {
  return all(message, number).at(-1) ?? Buffer.alloc(0);
}

function numberOf(message: Buffer, number: number): number {
  const found = [...fieldsOf(message)].find((field) => field.number === number)?.value;
  return typeof found === 'bigint' ? Number(found) : 0;
}

/** opentelemetry/proto/trace/v1/trace.proto: TracesData, ResourceSpans, ScopeSpans. */
function spansOf(body: Buffer): ReceivedSpan[] {
  return all(body, 1).flatMap((resourceSpans) => {
    const resource = attributesOf(all(one(resourceSpans, 1), 1));
    return all(resourceSpans, 2).flatMap((scopeSpans) =>
      all(scopeSpans, 2).map((span) => spanOf(span, resource)),
    );
  });
}

function spanOf(span: Buffer, resource: ReceivedSpan['resource']): ReceivedSpan {
  return {
    resource,
    traceId: one(span, 1).toString('hex'),
    spanId: one(span, 2).toString('hex'),
    parentSpanId: one(span, 4).toString('hex'),
    name: one(span, 5).toString('utf8'),
    kind: numberOf(span, 6),
    startMs: epochMs(one(span, 7)),
    endMs: epochMs(one(span, 8)),
    attributes: attributesOf(all(span, 9)),
    links: all(span, 13).map((link) => ({
      traceId: one(link, 1).toString('hex'),
      spanId: one(link, 2).toString('hex'),
    })),
    statusCode: numberOf(one(span, 15), 3),
  };
}

function epochMs(fixed64: Buffer): number {
  return Number(fixed64.readBigUInt64LE() / 1000n) / 1000;
}

/** opentelemetry/proto/common/v1/common.proto: KeyValue, AnyValue, ArrayValue. */
function attributesOf(pairs: readonly Buffer[]): Record<string, unknown> {
  return Object.fromEntries(pairs.map((pair) => [one(pair, 1).toString('utf8'), valueOf(one(pair, 2))]));
}

function valueOf(any: Buffer): unknown {
  for (const { number, value } of fieldsOf(any)) {
    if (number === 1 && Buffer.isBuffer(value)) return value.toString('utf8');
    if (number === 2) return value === 1n;
    if (number === 3) return Number(value);
    if (number === 4 && Buffer.isBuffer(value)) return value.readDoubleLE();
    if (number === 5 && Buffer.isBuffer(value)) return all(value, 1).map(valueOf);
  }
  return null;
}
