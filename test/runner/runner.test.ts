import { once } from 'node:events';
import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { Duplex } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { type FromRunner, PROTOCOL_VERSION } from '../../runner/protocol/control.ts';
import { Runner } from '../../runner/runner.ts';
import { FakeEngine } from './fakeEngine.ts';
import { clientOf, freshSocketPath, post, postJson } from './socketClient.ts';

/** Two ends of a pipe in memory. */
class End extends Duplex {
  other: End | null = null;
  override _read(): void {}
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.other?.push(chunk);
    done();
  }
  override _final(done: () => void): void {
    this.other?.push(null);
    done();
  }
}

function start() {
  const [ours, theirs] = [new End(), new End()];
  ours.other = theirs;
  theirs.other = ours;
  const engine = new FakeEngine();
  const timers: { delayMs: number; callback: () => void }[] = [];
  let exit: (code: number) => void = () => {};
  const exited = new Promise<number>((resolve) => {
    exit = resolve;
  });
  const after = (delayMs: number, callback: () => void) => {
    const timer = { delayMs, callback };
    timers.push(timer);
    return () => void timers.splice(timers.indexOf(timer), 1);
  };
  const runner = new Runner(engine, theirs, { exit, after });
  let text = '';
  const said: FromRunner[] = [];
  ours.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    const lines = text.split('\n');
    text = lines.pop() ?? '';
    said.push(...lines.map((line) => JSON.parse(line)));
    ours.emit('said');
  });
  const socketPath = freshSocketPath();
  const send = (message: object) => ours.write(`${JSON.stringify(message)}\n`);
  const next = async (type: FromRunner['type']): Promise<FromRunner> => {
    for (;;) {
      const at = said.findIndex((message) => message.type === type);
      const [found] = at === -1 ? [] : said.splice(at, 1);
      if (found !== undefined) return found;
      await once(ours, 'said');
    }
  };
  const hello = {
    type: 'hello',
    version: PROTOCOL_VERSION,
    runnerId: 'r',
    socketPath,
    leaseMs: 500,
    adoptionKey: KEY,
    device: 'CUDA1',
  };
  running = runner;
  return { ours, engine, timers, exited, runner, send, next, hello, socketPath };
}

const KEY = 'k'.repeat(43);

let running: Runner | null = null;
afterEach(() => running?.cleanUp());

const model = {
  id: 'm2',
  revision: 'r1',
  path: 'good.gguf',
  contextTokens: 0,
  sequences: 1,
  threads: 1,
  deviceLayers: 0,
  device: null,
  useMmap: true,
  repack: false,
  kvBudgetBytes: null,
};

describe('Runner', () => {
  test('Runner answers hello with ready and a socket that only its user may open', async () => {
    const { send, next, hello, socketPath } = start();
    send(hello);
    expect(await next('ready')).toEqual({
      type: 'ready',
      version: PROTOCOL_VERSION,
      pid: process.pid,
      engine: { name: 'fake', devices: [] },
    });
    expect(statSync(socketPath).mode & 0o777).toBe(0o600);
  });

  test('Runner refuses a socket path where something else is, and leaves it', async () => {
    const { send, hello, exited, socketPath } = start();
    writeFileSync(socketPath, 'precious');
    send(hello);
    expect(await exited).toBe(70);
    expect(existsSync(socketPath)).toBe(true);
    rmSync(socketPath);
  });

  test('Runner carries out orders in turn and answers each once', async () => {
    const { send, next, hello } = start();
    send(hello);
    send({ type: 'load', seq: 1, model: { ...model, path: 'bad.gguf' } });
    send({ type: 'load', seq: 2, model });
    send({ type: 'attach', seq: 3, combo: 'm2+x', adapters: [] });
    send({ type: 'threads', seq: 4, threads: 2 });
    send({ type: 'detach', seq: 5, combo: 'm2+x' });
    send({ type: 'ping', seq: 6 });
    expect(await next('failed')).toMatchObject({
      seq: 1,
      failure: { code: 'model_load_failed', permanent: true },
    });
    expect(await next('loaded')).toMatchObject({ seq: 2, contextTokens: 64, supportsTools: true });
    expect(await next('attached')).toMatchObject({ seq: 3, combo: 'm2+x', kvBytes: 3 });
    expect(await next('done')).toMatchObject({ seq: 4 });
    expect(await next('done')).toMatchObject({ seq: 5 });
    expect(await next('pong')).toMatchObject({ seq: 6, counters: { threads: 1 } });
  });

  test('Runner gives a combo another size in its turn, and tells of what it replaces whenever that has gone', async () => {
    const { send, next, hello, engine } = start();
    send(hello);
    send({ type: 'load', seq: 1, model });
    send({ type: 'attach', seq: 2, combo: 'm2+x', adapters: [] });
    send({ type: 'resize', seq: 3, combo: 'm2+x', sequences: 5 });
    send({ type: 'retire', seq: 4, combo: 'm2+x' });
    send({ type: 'resize', seq: 5, combo: 'm2+y', sequences: 5 });
    expect(await next('resized')).toEqual({
      type: 'resized',
      seq: 3,
      combo: 'm2+x',
      resizeMs: 1,
      sequences: 5,
      kvBytes: 15,
      computeBytes: 4,
    });
    expect(await next('failed')).toMatchObject({ seq: 5, failure: { code: 'combo_not_attached' } });
    engine.retirements[0]?.();
    expect(await next('done')).toMatchObject({ seq: 4 });
  });

  test.each([
    ['nonsense'],
    ['{"type":"teleport"}'],
    ['{"type":"ping","seq":1}'],
    [
      '{"type":"hello","version":99,"runnerId":"r","socketPath":"/tmp/x","leaseMs":1,"adoptionKey":"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"}',
    ],
  ])('Runner ends with the code for a protocol error on %s', async (line) => {
    const { ours, exited } = start();
    ours.write(`${line}\n`);
    expect(await exited).toBe(76);
  });

  test('Runner ends at once when the gateway goes before it said hello', async () => {
    const { ours, exited } = start();
    ours.end();
    expect(await exited).toBe(0);
  });

  test('Runner serves on for its lease when the gateway goes, then ends itself', async () => {
    const { ours, send, next, hello, exited, timers, socketPath, engine } = start();
    send(hello);
    await next('ready');
    const closed = once(ours.other as End, 'end');
    ours.end();
    await closed;
    engine.play = (generation) => {
      generation.accept();
      generation.done('stop');
    };
    const client = clientOf(socketPath);
    const chat = { model: 'm', messages: [{ role: 'user', content: 'x' }] };
    expect((await postJson(client, '/v1/chat/completions', chat)).status).toBe(200);
    const ends = timers.filter(({ delayMs }) => delayMs === 500);
    expect(ends).toHaveLength(1);
    ends[0]?.callback();
    expect(await exited).toBe(0);
    expect(existsSync(socketPath)).toBe(false);
    await client.destroy();
  });

  test('Runner.stop() lets a stream finish, refuses new requests and exits 0', async () => {
    const { send, next, hello, exited, socketPath, engine } = start();
    send(hello);
    await next('ready');
    const client = clientOf(socketPath);
    engine.play = (generation) => {
      generation.accept();
      generation.delta('a');
    };
    const chat = { model: 'm', messages: [{ role: 'user', content: 'x' }], stream: true };
    const answer = await post(client, '/v1/chat/completions', chat);
    send({ type: 'shutdown', graceMs: 1000 });
    send({ type: 'ping', seq: 1 });
    await next('pong');
    engine.generations[0]?.delta('b');
    engine.generations[0]?.done('stop');
    expect(await answer.body.text()).toContain('[DONE]');
    expect(await exited).toBe(0);
    expect(engine.closed).toBe(true);
    await client.destroy();
  });

  test('Runner.stop() cancels what is left after the grace', async () => {
    const { send, next, hello, exited, timers, socketPath, engine } = start();
    send(hello);
    await next('ready');
    const client = clientOf(socketPath);
    engine.play = (generation) => {
      generation.accept();
      generation.delta('a');
    };
    const chat = { model: 'm', messages: [{ role: 'user', content: 'x' }], stream: true };
    const answer = await post(client, '/v1/chat/completions', chat);
    engine.close = async () => engine.generations[0]?.done('cancelled');
    send({ type: 'shutdown', graceMs: 1000 });
    send({ type: 'ping', seq: 1 });
    await next('pong');
    timers.find(({ delayMs }) => delayMs === 1000)?.callback();
    expect(await answer.body.text()).toContain('runner_draining');
    expect(await exited).toBe(0);
    await client.destroy();
  });
});
