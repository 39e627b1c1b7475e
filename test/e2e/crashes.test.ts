import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { readRequests } from './readRequests.ts';
import { demoConfig, isAlive, startGateway, type TestGateway, until } from './startGateway.ts';

const gateways: TestGateway[] = [];

async function start(options: Parameters<typeof startGateway>[0] = {}): Promise<TestGateway> {
  const gateway = await startGateway(options);
  gateways.push(gateway);
  return gateway;
}

afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.dispose();
});

/** A stream that has begun and will not end by itself for a while: the whole context at a high temperature. */
async function longStream(
  gateway: TestGateway,
): Promise<{ response: Response; reader: ReadableStreamDefaultReader }> {
  const response = await gateway.post('/v1/completions', {
    model: 'tiny-chat',
    prompt: 'Once upon a time',
    max_tokens: 2000,
    temperature: 1.5,
    logit_bias: { '0': -100, '1': -100, '2': -100 },
    stream: true,
  });
  const reader = response.body!.getReader();
  await reader.read();
  return { response, reader };
}

async function rest(reader: ReadableStreamDefaultReader): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text;
    text += decoder.decode(value as Uint8Array, { stream: true });
  }
}

const hello = { model: 'tiny-chat', messages: [{ role: 'user', content: 'Hello' }], temperature: 0 };

describe('a runner that is killed', () => {
  test('in mid-stream gives that client an error frame, and the next request works', async () => {
    const gateway = await start();
    const { response, reader } = await longStream(gateway);
    const [runner] = await gateway.runners();
    process.kill(runner!.pid, 'SIGKILL');
    const text = await rest(reader);
    expect(response.status).toBe(200);
    const frames = text.split('\n\n').filter((frame) => frame !== '');
    const last = JSON.parse(frames.at(-1)!.replace(/^data: /, ''));
    expect(last.error).toMatchObject({ code: 'runner_died', type: 'server_error', param: null });
    expect(text).not.toContain('[DONE]');
    const next = await gateway.post('/v1/chat/completions', hello);
    expect(next.status).toBe(200);
    expect(next.headers.get('x-hearth-start')).toBe('cold');
    expect(((await next.json()) as any).choices[0].message.content).toBe('Hello! How can I help you today?');
    expect(readRequests(gateway.dataDir).map((row) => row.error_code)).toEqual(['runner_died', null]);
  });

  test('while idle is not noticed by a client that asks at once', async () => {
    const gateway = await start();
    await (await gateway.post('/v1/chat/completions', hello)).text();
    for (let round = 0; round < 5; round += 1) {
      const [runner] = await gateway.runners();
      process.kill(runner!.pid, 'SIGKILL');
      const response = await gateway.post('/v1/chat/completions', hello);
      expect(response.status).toBe(200);
      await response.text();
    }
  });

  test('leaves its signal and its last words in the event log', async () => {
    const gateway = await start();
    await (await gateway.post('/v1/chat/completions', hello)).text();
    const [runner] = await gateway.runners();
    process.kill(runner!.pid, 'SIGABRT');
    const exits = async () =>
      (await gateway.admin('GET', '/events')).json.data.filter(
        (event: any) => event.type === 'runner_exited',
      );
    await until(async () => (await exits()).length === 1, 'the exit is in the event log');
    expect(JSON.stringify(await exits())).toContain('SIGABRT');
  });
});

describe('a model file that cannot be loaded', () => {
  test('answers everybody who waits with one 503 that says why, and the gateway goes on', async () => {
    const gateway = await start({ config: demoConfig() });
    const { json } = await gateway.admin('POST', '/models', {
      id: 'broken',
      path: join(gateway.directory, 'broken.gguf'),
    });
    // A file that is no GGUF is refused at the door; one that is torn later is found by the runner.
    expect(json.error.code).toBe('invalid_request');
    const { copyFileSync, truncateSync, statSync } = await import('node:fs');
    const torn = join(gateway.directory, 'torn.gguf');
    copyFileSync(join(import.meta.dirname, '../../demo/models/tiny-chat-q8_0.gguf'), torn);
    expect((await gateway.admin('POST', '/models', { id: 'torn', path: torn })).status).toBe(201);
    truncateSync(torn, Math.floor(statSync(torn).size / 2));
    const answers = await Promise.all(
      Array.from({ length: 3 }, () => gateway.post('/v1/chat/completions', { ...hello, model: 'torn' })),
    );
    for (const answer of answers) {
      expect(answer.status).toBe(503);
      const { error } = (await answer.json()) as any;
      expect(error.message).toContain('torn');
      expect(error.type).toBe('service_unavailable');
    }
    const good = await gateway.post('/v1/chat/completions', hello);
    expect(good.status).toBe(200);
    await good.text();
  });
});

describe('a gateway that is killed', () => {
  test('leaves no runner when its lease has run out, and the next start is clean', async () => {
    const gateway = await start({ config: demoConfig('pool: { lease: 2s }\n') });
    const { reader } = await longStream(gateway);
    const [runner] = await gateway.runners();
    await gateway.end('SIGKILL');
    await reader.cancel().catch(() => {});
    expect(isAlive(runner!.pid)).toBe(true);
    await until(() => !isAlive(runner!.pid), 'the runner has ended itself');
    const next = await start({ directory: gateway.directory, standbys: 0 });
    expect(readdirSync(join(next.dataDir, 'run'))).toEqual([]);
    expect(await next.runners()).toEqual([]);
    const answer = await next.post('/v1/chat/completions', hello);
    expect(answer.status).toBe(200);
    await answer.text();
  });

  test('is followed by one that adopts the runners which still live', async () => {
    const gateway = await start({
      standbys: 0,
      config: demoConfig('pool: { lease: 60s }\n'),
      environment: { HEARTH_LEASE: '60s' },
    });
    await (await gateway.post('/v1/chat/completions', hello)).text();
    const [runner] = await gateway.runners();
    await gateway.end('SIGKILL');
    const next = await start({ directory: gateway.directory, standbys: 0 });
    expect(await next.runners()).toMatchObject([
      { id: runner!.id, pid: runner!.pid, state: 'ready', combos: ['tiny-chat'] },
    ]);
  });
});

describe('SIGTERM', () => {
  test('lets a stream finish, refuses new work, ends the runners and exits 0', async () => {
    const gateway = await start();
    const { reader } = await longStream(gateway);
    const [runner] = await gateway.runners();
    const ended = gateway.end('SIGTERM');
    const text = await rest(reader);
    expect(text).toContain('data: [DONE]');
    expect(await ended).toBe(0);
    expect(isAlive(runner!.pid)).toBe(false);
    expect(readRequests(gateway.dataDir)).toMatchObject([
      { http_status: 200, error_code: null, finish_reason: 'length' },
    ]);
  });

  test('sent a second time exits at once', async () => {
    const gateway = await start();
    await longStream(gateway);
    const [runner] = await gateway.runners();
    // Or the stream, and with it the drain, might end before the second signal.
    process.kill(runner!.pid, 'SIGSTOP');
    gateway.child.kill('SIGTERM');
    await until(() => gateway.log().includes('draining'), 'the drain has begun');
    // Ctrl-C comes twice by way of npm, so what comes within a moment counts as one.
    await until(() => !gateway.child.kill('SIGTERM') || gateway.child.exitCode !== null, 'it has exited');
    expect(gateway.child.exitCode).toBe(143);
    process.kill(runner!.pid, 'SIGCONT');
    await until(() => !isAlive(runner!.pid), 'the runner has ended');
  });
});

describe('SIGINT', () => {
  test('that comes twice at once, as Ctrl-C under npm does, is one signal: the stream finishes', async () => {
    const gateway = await start();
    const { reader } = await longStream(gateway);
    gateway.child.kill('SIGINT');
    const ended = gateway.end('SIGINT');
    expect(await rest(reader)).toContain('data: [DONE]');
    expect(await ended).toBe(0);
  });
});

describe('a second gateway on the same data directory', () => {
  test('is refused with the pid of the first', async () => {
    const gateway = await start();
    await expect(startGateway({ directory: gateway.directory })).rejects.toThrow(
      new RegExp(`the gateway with pid ${gateway.child.pid} uses it`),
    );
  });
});
