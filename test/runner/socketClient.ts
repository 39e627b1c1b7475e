import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client, type Dispatcher } from 'undici';

export function freshSocketPath(): string {
  return path.join(tmpdir(), `hearth-${randomBytes(6).toString('hex')}.sock`);
}

export function clientOf(socketPath: string): Client {
  return new Client('http://runner', { socketPath, pipelining: 1 });
}

type Headers = Record<string, string>;

export function post(
  client: Dispatcher,
  url: string,
  body: unknown,
  headers: Headers = {},
): Promise<Dispatcher.ResponseData> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return client.request({
    method: 'POST',
    path: url,
    body: text,
    headers: { 'content-type': 'application/json', ...headers },
  });
}

// biome-ignore lint/suspicious/noExplicitAny: answers are checked by the tests
export type Json = any;

export async function postJson(
  client: Dispatcher,
  url: string,
  body: unknown,
  headers: Headers = {},
): Promise<{ status: number; json: Json; headers: Dispatcher.ResponseData['headers'] }> {
  const answer = await post(client, url, body, headers);
  return { status: answer.statusCode, json: await answer.body.json(), headers: answer.headers };
}

export async function getJson(client: Dispatcher, url: string): Promise<Json> {
  const answer = await client.request({ method: 'GET', path: url });
  return answer.body.json();
}

export interface ReadStream {
  status: number;
  chunks: Json[];
  sawDone: boolean;
  trailers: Record<string, string>;
  headers: Dispatcher.ResponseData['headers'];
}

/** Reads a whole event stream. */
export async function postStream(
  client: Dispatcher,
  url: string,
  body: object,
  headers: Headers = {},
): Promise<ReadStream> {
  const answer = await post(client, url, { ...body, stream: true }, headers);
  const text = await answer.body.text();
  const frames = text.split('\n\n').filter((frame) => frame !== '');
  const data = frames.map((frame) => frame.replace(/^data: /, ''));
  return {
    status: answer.statusCode,
    chunks: data.filter((item) => item !== '[DONE]').map((item) => JSON.parse(item)),
    sawDone: data.at(-1) === '[DONE]',
    trailers: answer.trailers,
    headers: answer.headers,
  };
}

/** The text of one choice of a chat stream. */
export function chatText(chunks: Json[], index = 0): string {
  return chunks
    .flatMap((chunk) => chunk.choices)
    .filter((choice) => choice.index === index)
    .map((choice) => choice.delta.content ?? '')
    .join('');
}
