import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Duplex, duplexPair } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Fetcher } from '../../fetcher/fetcher.ts';
import {
  FETCHER_PROTOCOL_VERSION,
  type FromFetcher,
  fromFetcherSchema,
} from '../../fetcher/protocol/messages.ts';
import { LineReader } from '../../runner/protocol/lines.ts';
import { NO_CREDENTIALS } from '../../sources/credentials.ts';
import { until } from '../e2e/startGateway.ts';
import { fetchOrder } from '../shell/fetching.ts';
import { noise, WeightServer } from '../sources/weightServer.ts';

let root = '';
let server: WeightServer;
let control: Duplex;
let said: FromFetcher[];
let exits: number[];
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'hearth-fetcher-'));
  server = await WeightServer.start();
  const [ours, its] = duplexPair();
  control = ours;
  said = [];
  exits = [];
  const reader = new LineReader((line) => said.push(fromFetcherSchema.parse(line.ok ? line.value : null)));
  control.on('data', (chunk: Buffer) => reader.push(chunk));
  new Fetcher(its, { exit: (code) => exits.push(code) });
});
afterEach(async () => {
  control.destroy();
  await server.close();
  rmSync(root, { recursive: true, force: true });
});

const tell = (message: object) => control.write(`${JSON.stringify(message)}\n`);
const greet = () => tell({ type: 'hello', version: FETCHER_PROTOCOL_VERSION, prefetchBytesPerSecond: null });

async function fetchMessage(seq: number, path: string) {
  const { bytes: maxBytes, ...order } = await fetchOrder(
    `${server.origin}${path}`,
    join(root, `${seq}.gguf`),
  );
  return { type: 'fetch', seq, maxBytes, credentials: NO_CREDENTIALS, ...order };
}

describe('Fetcher', () => {
  test('answers each order once, under its number', async () => {
    const bytes = [noise(1000), noise(2000)];
    for (const [index, file] of bytes.entries()) server.put(`/${index}.gguf`, file);
    const orders = [await fetchMessage(0, '/0.gguf'), await fetchMessage(1, '/1.gguf')];
    greet();
    for (const order of orders) tell(order);
    tell({ ...orders[0], seq: 2, version: '0a'.repeat(16) });
    const answers = () => said.filter(({ type }) => type === 'fetched' || type === 'failed');
    await until(() => answers().length === 3, 'three answers');
    expect(said[0]).toEqual({ type: 'ready', version: FETCHER_PROTOCOL_VERSION, pid: process.pid });
    expect(answers()).toContainEqual({ type: 'fetched', seq: 0, resumedBytes: 0 });
    expect(answers()).toContainEqual({ type: 'fetched', seq: 1, resumedBytes: 0 });
    expect(answers()).toContainEqual({
      type: 'failed',
      seq: 2,
      code: 'changed',
      message: expect.stringContaining(`expected version "${'0a'.repeat(16)}"`),
    });
    for (const [index, file] of bytes.entries())
      expect(readFileSync(join(root, `${index}.gguf`)).equals(file)).toBe(true);
  });

  test('says that it is alive while its source says nothing', async () => {
    server.put('/0.gguf', noise(1000));
    const order = await fetchMessage(0, '/0.gguf');
    server.intercept = () => true;
    greet();
    tell(order);
    await until(() => said.some(({ type }) => type === 'alive'), 'it says so');
    tell({ type: 'cancel', fetchSeq: 0 });
    await until(() => said.some((message) => message.type === 'failed'), 'it is cancelled');
    expect(said.at(-1)).toMatchObject({ seq: 0, code: 'cancelled' });
  });

  test('ends with its gateway', async () => {
    greet();
    await until(() => said.length === 1, 'it is ready');
    control.end();
    await until(() => exits.length > 0, 'it ends');
    expect(exits).toEqual([0]);
  });

  test.each([
    ['what it does not know', [{ type: 'nothing' }]],
    ['an order before it was greeted', [{ type: 'cancel', fetchSeq: 1 }]],
    ['another version', [{ type: 'hello', version: 99, prefetchBytesPerSecond: null }]],
    [
      'a second greeting',
      [1, 2].map(() => ({
        type: 'hello',
        version: FETCHER_PROTOCOL_VERSION,
        prefetchBytesPerSecond: null,
      })),
    ],
  ])('ends when it is told %s', async (_what, messages) => {
    for (const message of messages) tell(message);
    await until(() => exits.length > 0, 'it ends');
    expect(exits).toEqual([76]);
  });
});
