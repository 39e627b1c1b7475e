import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { COMBO_HEADER, REPORT_HEADER, REQUEST_ID_HEADER } from '../../runner/protocol/report.ts';
import { serveEmbeddings } from '../../runner/server/embeddings.ts';
import type { Exchange } from '../../runner/server/exchange.ts';
import { Reports } from '../../runner/server/reports.ts';
import { FakeEngine } from './fakeEngine.ts';
import { type Serving, serveFake } from './serving.ts';
import { clientOf, post } from './socketClient.ts';

let serving: Serving;
beforeEach(async () => {
  serving = await serveFake();
});
afterEach(() => serving.stop());

const asGateway = (id: string) => ({ [REPORT_HEADER]: '1', [REQUEST_ID_HEADER]: id, [COMBO_HEADER]: 'm' });
const chat = (more: object = {}) => ({ model: 'm', messages: [{ role: 'user', content: 'x' }], ...more });

/** What the runner says of the request when it is asked over another connection. */
async function reportOf(id: string): Promise<{ status: number; json: any }> {
  const client = clientOf(serving.socketPath);
  const { statusCode, body } = await client.request({ path: `/reports/${id}`, method: 'GET' });
  const json = await body.json();
  await client.close();
  return { status: statusCode, json };
}

/** A request whose client is gone once the engine has it. Resolves when the runner has seen that. */
async function abandoned(id: string, more: object = {}, headers = asGateway(id)): Promise<void> {
  const before = serving.engine.cancelled.length;
  const client = clientOf(serving.socketPath);
  const asked = post(client, '/v1/chat/completions', chat({ stream: true, ...more }), headers).catch(
    () => {},
  );
  await new Promise<void>((resolve) => {
    serving.engine.play = () => resolve();
  });
  const cancelled = new Promise<void>((resolve) => {
    serving.engine.onCancel = () => resolve();
  });
  await client.destroy();
  await asked;
  await cancelled;
  expect(serving.engine.cancelled.length).toBeGreaterThan(before);
}

describe('GET /reports/{id}', () => {
  test('waits for the engine to let go of a request whose client has gone, and tells what it used', async () => {
    await abandoned('q1');
    const asked = reportOf('q1');
    serving.engine.generations[0]!.done('cancelled', { completionTokens: 12 });
    expect(await asked).toEqual({
      status: 200,
      json: {
        promptTokens: 7,
        completionTokens: 12,
        cachedTokens: 3,
        queueMs: 1,
        prefillMs: 2,
        decodeMs: 4,
        finishReason: 'cancelled',
      },
    });
  });

  test('adds up all choices, those that had ended before and those that had no sequence too', async () => {
    await abandoned('q1', { n: 3 });
    const [first, second, third] = serving.engine.generations;
    second!.done('cancelled', { completionTokens: 5 });
    third!.done('cancelled', { completionTokens: 0, promptTokens: 7, prefillMs: 0 });
    const asked = reportOf('q1');
    first!.done('cancelled', { completionTokens: 8 });
    expect((await asked).json).toMatchObject({ promptTokens: 7, completionTokens: 13 });
  });

  test('counts no prompt of one that had no sequence yet', async () => {
    await abandoned('q1');
    serving.engine.generations[0]!.done('cancelled', { completionTokens: 0, prefillMs: 0 });
    expect((await reportOf('q1')).json).toMatchObject({ promptTokens: 0, completionTokens: 0 });
  });

  test('tells of a request that was answered, or refused by the engine, what its answer told', async () => {
    serving.engine.play = (generation, choice) => {
      if (choice === 0) {
        generation.accept();
        generation.done('stop');
      } else generation.reject('invalid_prompt', 'Cannot read the prompt');
    };
    const answered = await post(serving.client, '/v1/chat/completions', chat(), asGateway('q1'));
    await answered.body.dump();
    expect((await reportOf('q1')).json).toEqual(JSON.parse(String(answered.headers[REPORT_HEADER])));
    const refused = await post(serving.client, '/v1/chat/completions', chat(), asGateway('q2'));
    expect(refused.statusCode).toBe(400);
    await refused.body.dump();
    expect((await reportOf('q2')).json).toMatchObject({ promptTokens: 0, completionTokens: 0 });
  });

  test('is a 404 for what has not run, or ran for somebody who wants no report', async () => {
    expect((await reportOf('never')).status).toBe(404);
    await abandoned('q1', {}, { [REQUEST_ID_HEADER]: 'q1' } as any);
    expect((await reportOf('q1')).status).toBe(404);
  });
});

describe('a request that its gateway gave up before it came', () => {
  test.each([
    ['/v1/chat/completions', chat()],
    ['/v1/embeddings', { model: 'm', input: 'x' }],
  ])('is not run: POST %s', async (path, body) => {
    let embedded = 0;
    const { embed } = serving.engine;
    serving.engine.embed = (combo, inputs) => {
      embedded += 1;
      return embed.call(serving.engine, combo, inputs);
    };
    expect((await reportOf('q1')).status).toBe(404);
    const client = clientOf(serving.socketPath);
    await expect(post(client, path, body, asGateway('q1'))).rejects.toThrow('other side closed');
    await client.destroy();
    expect(serving.engine.generations.length + embedded).toBe(0);
  });

  test('is one request: who comes after it is served', async () => {
    await reportOf('q1');
    serving.engine.play = (generation) => {
      generation.accept();
      generation.done('stop');
    };
    const { statusCode, body } = await post(serving.client, '/v1/chat/completions', chat(), asGateway('q2'));
    await body.dump();
    expect(statusCode).toBe(200);
  });
});

test('serveEmbeddings() reports as many as were made when its client goes, and nothing more is made', async () => {
  const response = { destroyed: false };
  const engine = new FakeEngine();
  let calls = 0;
  engine.embed = async (_combo, inputs) => {
    calls += 1;
    response.destroyed = true;
    return { vectors: inputs.map(() => new Float32Array([1])), tokens: inputs.map(() => 3) };
  };
  const reports = new Reports();
  const exchange: Exchange = {
    response: response as ServerResponse,
    requestId: 'q1',
    comboKey: 'm',
    wantsReport: true,
    reports,
    legacyFunctions: false,
    serviceTier: null,
    createdAtEpochS: 0,
  };
  const input = Array.from({ length: 40 }, (_, at) => `${at}`);
  await serveEmbeddings(engine, exchange, JSON.stringify({ model: 'm', input }));
  expect(calls).toBe(1);
  expect(JSON.parse((await reports.of('q1')) ?? '')).toMatchObject({ promptTokens: 48, completionTokens: 0 });
});

describe('Reports', () => {
  test('remembers the last 256 requests', async () => {
    const reports = new Reports();
    for (let at = 0; at < 257; at += 1) reports.begin(`q${at}`)?.(`{"at":${at}}`);
    expect(await reports.of('q0')).toBeNull();
    expect(await reports.of('q1')).toBe('{"at":1}');
    expect(await reports.of('q256')).toBe('{"at":256}');
  });

  test('tells of the newest of several under one id', async () => {
    const reports = new Reports();
    const endFirst = reports.begin('q');
    const asked = reports.of('q');
    const endSecond = reports.begin('q');
    expect(await asked).toBeNull();
    const again = reports.of('q');
    endFirst?.('first');
    endSecond?.('second');
    expect(await again).toBe('second');
    reports.begin('q');
    endSecond?.('late');
    let told: string | null = 'nothing yet';
    void reports.of('q').then((report) => {
      told = report;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).toBe('nothing yet');
  });
});
