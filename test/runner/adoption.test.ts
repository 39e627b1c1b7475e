import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { AdoptionRefused, callForAdoption } from '../../gateway/shell/processes/adoptionCall.ts';
import { ControlChannel } from '../../gateway/shell/processes/controlChannel.ts';
import { runnerKey } from '../../gateway/shell/processes/runnerKey.ts';
import { AdoptionDoor } from '../../runner/control/adoptionDoor.ts';
import {
  ADOPT_PATH,
  ADOPT_UPGRADE,
  type AdoptionTerms,
  adoptionProof,
  LEASE_HEADER,
  NONCE_HEADER,
  PROOF_HEADER,
} from '../../runner/protocol/adoption.ts';
import { PROTOCOL_VERSION } from '../../runner/protocol/control.ts';
import { freshSocketPath } from './socketClient.ts';
import { DEMO_MODELS, demoModel, type StartedRunner, startRunner, TEST_KEY } from './startRunner.ts';

const COMBOS = { base: 'tiny-chat', pirate: 'tiny-chat+pirate' };
const KEY = runnerKey('secret-of-the-data-directory', 'r_1');

function door(isOpen = true) {
  const state = { isOpen };
  return { state, door: new AdoptionDoor({ runnerId: 'r_1', key: KEY, isOpen: () => state.isOpen }) };
}

function termsFor(runnerNonce: string, changes: Partial<AdoptionTerms> = {}): AdoptionTerms {
  const gatewayNonce = 'g'.repeat(43);
  return { version: PROTOCOL_VERSION, runnerId: 'r_1', runnerNonce, gatewayNonce, leaseMs: 500, ...changes };
}

function headersOf(terms: AdoptionTerms, key = KEY): Record<string, string> {
  return {
    [NONCE_HEADER]: terms.gatewayNonce,
    [LEASE_HEADER]: String(terms.leaseMs),
    [PROOF_HEADER]: adoptionProof(key, 'gateway', terms),
  };
}

describe('AdoptionDoor', () => {
  test('AdoptionDoor.admit() lets in who knows the key, and proves that it knows it too', () => {
    const { door: at } = door();
    const terms = termsFor(at.challenge().nonce);
    const admission = at.admit(headersOf(terms));
    expect(admission).toEqual({ ok: true, leaseMs: 500, proof: adoptionProof(KEY, 'runner', terms) });
    expect(adoptionProof(KEY, 'runner', terms)).not.toBe(adoptionProof(KEY, 'gateway', terms));
  });

  test('AdoptionDoor.admit() refuses another key, another runner’s proof and changed terms with 403', () => {
    const { door: at } = door();
    const wrong = [
      () => headersOf(termsFor(at.challenge().nonce), runnerKey('another secret', 'r_1')),
      () => headersOf(termsFor(at.challenge().nonce), runnerKey('secret-of-the-data-directory', 'r_2')),
      () => headersOf(termsFor(at.challenge().nonce, { runnerId: 'r_2' })),
      () => headersOf(termsFor(at.challenge().nonce, { version: PROTOCOL_VERSION + 1 })),
      () => ({ ...headersOf(termsFor(at.challenge().nonce)), [LEASE_HEADER]: '999999' }),
      () => ({ ...headersOf(termsFor(at.challenge().nonce)), [NONCE_HEADER]: 'h'.repeat(43) }),
      () => {
        const terms = termsFor(at.challenge().nonce);
        return { ...headersOf(terms), [PROOF_HEADER]: adoptionProof(KEY, 'runner', terms) };
      },
    ];
    for (const headers of wrong) expect(at.admit(headers())).toMatchObject({ ok: false, status: 403 });
    expect(at.admit(headersOf(termsFor(at.challenge().nonce)))).toMatchObject({ ok: true });
  });

  test('AdoptionDoor.admit() takes each nonce for one attempt: what was right once is 403 when it is replayed', () => {
    const { door: at } = door();
    const headers = headersOf(termsFor(at.challenge().nonce));
    expect(at.admit(headers)).toMatchObject({ ok: true });
    expect(at.admit(headers)).toMatchObject({ ok: false, status: 403 });
    at.challenge();
    expect(at.admit(headers)).toMatchObject({ ok: false, status: 403 });
  });

  test('AdoptionDoor.admit() says 409 while no lease runs, and only to who knows the key', () => {
    const { door: at, state } = door(false);
    expect(at.admit(headersOf(termsFor(at.challenge().nonce)))).toMatchObject({ status: 409 });
    const wrong = headersOf(termsFor(at.challenge().nonce), 'k'.repeat(43));
    expect(at.admit(wrong)).toMatchObject({ status: 403 });
    state.isOpen = true;
    expect(at.admit(headersOf(termsFor(at.challenge().nonce)))).toMatchObject({ ok: true });
  });

  test.each([
    ['nothing', {}],
    ['a short proof', { [PROOF_HEADER]: 'x' }],
    ['a lease that is no number', { [LEASE_HEADER]: '-1' }],
    ['a nonce of another form', { [NONCE_HEADER]: 'ü'.repeat(43) }],
  ])('AdoptionDoor.admit() refuses %s with 400', (what, changes) => {
    const { door: at } = door();
    const terms = termsFor(at.challenge().nonce);
    const headers = what === 'nothing' ? {} : { ...headersOf(terms), ...changes };
    expect(at.admit(headers)).toMatchObject({ ok: false, status: 400 });
  });
});

describe('callForAdoption()', () => {
  /** Calls one that answers the challenge with this and admits everybody with this proof. */
  async function callTo(
    status: number,
    challenge: unknown,
    proof = 'p'.repeat(43),
  ): Promise<AdoptionRefused> {
    const server = createServer((_, response) => response.writeHead(status).end(JSON.stringify(challenge)));
    server.on('upgrade', (_, stream) => {
      const head = `connection: Upgrade\r\nupgrade: ${ADOPT_UPGRADE}\r\n${PROOF_HEADER}: ${proof}`;
      stream.on('error', () => {}).on('end', () => stream.destroy());
      stream.resume().write(`HTTP/1.1 101 Switching Protocols\r\n${head}\r\n\r\n`);
    });
    const socketPath = freshSocketPath();
    await once(server.listen(socketPath), 'listening');
    try {
      const signal = AbortSignal.timeout(10_000);
      const call = { socketPath, runnerId: 'r_1', key: KEY, leaseMs: 500, signal };
      return await callForAdoption(call).then(
        () => expect.unreachable('it was let in'),
        (error: AdoptionRefused) => error,
      );
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  }
  const nonce = 'n'.repeat(43);

  test.each([
    ['of an older gateway, which knows no door', 404, { error: {} }, /it answered 404/],
    [
      'of another version',
      200,
      { version: PROTOCOL_VERSION - 1, nonce },
      new RegExp(`expected ${PROTOCOL_VERSION}`),
    ],
    ['that speaks nonsense', 200, { hello: 'world' }, /not of the protocol/],
    ['that does not know the key itself', 200, { version: PROTOCOL_VERSION, nonce }, /did not prove/],
  ])('does not adopt a runner %s', async (_, status, challenge, reason) => {
    expect(await callTo(status, challenge)).toMatchObject({
      isFinal: true,
      message: expect.stringMatching(reason),
    });
  });
});

describe('a runner process', () => {
  let runner: StartedRunner;
  const streams: Duplex[] = [];
  afterEach(async () => {
    for (const stream of streams.splice(0)) stream.destroy();
    await runner.dispose();
  });

  const call = async (key = TEST_KEY, leaseMs = 30_000) => {
    const signal = AbortSignal.timeout(10_000);
    const { socketPath } = runner;
    const stream = await callForAdoption({ socketPath, runnerId: 'r_test', key, leaseMs, signal });
    streams.push(stream);
    return new ControlChannel(stream);
  };
  const refusal = (key = TEST_KEY) => call(key).then(null, (error: AdoptionRefused) => error);
  const loseGateway = async () => {
    const closed = once(runner.control, 'close');
    runner.control.destroy();
    await closed;
  };
  /** Asks again while the runner has not noticed that its gateway went. */
  const adopt = async (leaseMs = 30_000): Promise<ControlChannel> => {
    for (;;) {
      try {
        return await call(TEST_KEY, leaseMs);
      } catch (error) {
        if (!(error instanceof AdoptionRefused) || error.isFinal) throw error;
      }
    }
  };

  test('tells who adopts it what it holds, carries out its orders and ends at its word', async () => {
    runner = await startRunner();
    await runner.order({ type: 'load', model: demoModel() });
    await runner.order({ type: 'attach', combo: COMBOS.base, adapters: [] });
    const pirate = { id: 'pirate', path: `${DEMO_MODELS}/lora-pirate.gguf`, scale: 1 };
    await runner.order({ type: 'attach', combo: COMBOS.pirate, adapters: [pirate] });
    await runner.order({ type: 'attach', combo: 'gone', adapters: [] });
    await runner.order({ type: 'detach', combo: 'gone' });
    await runner.order({ type: 'resize', combo: COMBOS.pirate, sequences: 3 });
    await runner.order({ type: 'threads', threads: 2 });
    await loseGateway();
    const channel = await adopt();
    expect(await channel.greeting).toMatchObject({
      type: 'adopted',
      pid: runner.child.pid,
      engine: { name: 'llama.cpp' },
      model: demoModel(),
      threads: 2,
      combos: [
        { combo: COMBOS.base, sequences: demoModel().sequences },
        { combo: COMBOS.pirate, sequences: 3 },
      ],
    });
    expect(await channel.order({ type: 'ping' })).toMatchObject({ type: 'pong' });
    expect(await channel.order({ type: 'detach', combo: COMBOS.pirate })).toMatchObject({ type: 'done' });
    channel.tell({ type: 'shutdown', graceMs: 1000 });
    expect(await runner.exited).toBe(0);
  });

  test('is adopted by one gateway at a time, and again when that one goes', async () => {
    runner = await startRunner();
    expect(await refusal()).toMatchObject({ isFinal: false, message: expect.stringContaining('409') });
    await loseGateway();
    const channel = await adopt();
    await channel.greeting;
    expect(await refusal()).toMatchObject({ isFinal: false });
    channel.close();
    await (await adopt()).greeting;
  });

  test('does not change for a wrong proof: its lease runs on, and who has the key gets it', async () => {
    runner = await startRunner();
    await loseGateway();
    const error = await refusal('w'.repeat(43));
    expect(error).toMatchObject({ isFinal: true, message: expect.stringContaining('403') });
    await (await adopt()).greeting;
  });

  test('has the lease of the gateway that adopted it', async () => {
    runner = await startRunner();
    await loseGateway();
    const channel = await adopt(50);
    await channel.greeting;
    channel.close();
    expect(await runner.exited).toBe(0);
  });

  test('refuses another path or protocol', async () => {
    runner = await startRunner();
    const statusOf = (path: string, upgrade: string) =>
      new Promise((resolve) => {
        const headers = { connection: 'Upgrade', upgrade };
        request({ socketPath: runner.socketPath, path, headers, agent: false })
          .on('response', (answer) => resolve(answer.resume().statusCode))
          .on('upgrade', () => resolve(101))
          .end();
      });
    expect(await statusOf('/v1/models', ADOPT_UPGRADE)).toBe(404);
    expect(await statusOf(ADOPT_PATH, 'websocket')).toBe(404);
    expect(await statusOf(ADOPT_PATH, ADOPT_UPGRADE)).toBe(400);
  });
});
