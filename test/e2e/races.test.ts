import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { BANANA, banana, DEMO_FILES, ENDLESS } from './chat.ts';
import { freeze, signal, spawnedRunner, thawAll } from './frozenRunner.ts';
import { ledger, readRequests, sumOfPhases } from './readRequests.ts';
import { demoConfig, isAlive, startGateway, type TestGateway, until } from './startGateway.ts';

const gateways: TestGateway[] = [];

/** Without standbys: these tests name the one runner that a start spawns. */
async function start(options: Parameters<typeof startGateway>[0] = {}): Promise<TestGateway> {
  const gateway = await startGateway({ standbys: 0, ...options });
  gateways.push(gateway);
  return gateway;
}

afterEach(async () => {
  thawAll();
  for (const gateway of gateways.splice(0)) await gateway.dispose();
});

async function metrics(gateway: TestGateway): Promise<string> {
  return (await fetch(`${gateway.url}/metrics`)).text();
}

async function counters(gateway: TestGateway): Promise<Record<string, number>> {
  return ((await gateway.runners())[0] as any).counters;
}

describe('a client that goes away', () => {
  test('while its combo starts cold has a row that says what it waited for, and the start goes on', async () => {
    const gateway = await start();
    const abort = new AbortController();
    const asked = gateway.post('/v1/chat/completions', banana('tiny-chat'), { signal: abort.signal });
    const pid = await spawnedRunner(gateway);
    freeze(pid);
    abort.abort();
    await asked.catch(() => {});
    const [row] = await ledger(gateway, 1);
    process.kill(pid, 'SIGCONT');
    expect(row).toMatchObject({ http_status: 499, error_code: 'client_closed', start_kind: 'cold' });
    expect(row?.spawn_ms).toBeGreaterThan(0);
    expect(sumOfPhases(row!)).toBeCloseTo(row!.total_ms, 3);
    await until(async () => (await gateway.runners())[0]?.combos.length === 1, 'the start has ended');
    const next = await gateway.post('/v1/chat/completions', banana('tiny-chat'));
    expect(next.headers.get('x-hearth-start')).toBe('warm');
    await next.text();
  });

  test('as soon as it has asked is not generated for', async () => {
    const gateway = await start();
    await (await gateway.post('/v1/chat/completions', banana('tiny-chat'))).text();
    const before = await counters(gateway);
    const body = JSON.stringify(ENDLESS);
    const head = `POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n`;
    for (let round = 0; round < 20; round += 1) {
      const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
      await new Promise((resolve) => socket.once('connect', resolve));
      socket.end(head + body, () => socket.resetAndDestroy());
      await new Promise((resolve) => socket.once('close', resolve));
    }
    const rows = await ledger(gateway, 21);
    expect(rows.slice(1).every((row) => row.error_code === 'client_closed')).toBe(true);
    const after = await counters(gateway);
    expect(after['decoded_tokens']! - before['decoded_tokens']!).toBeLessThan(4000);
  });

  test('with keep_alive 0 takes its combo along, not its runner', async () => {
    const gateway = await start();
    await (await gateway.post('/v1/chat/completions', banana('tiny-chat'))).text();
    const [runner] = await gateway.runners();
    const other = await gateway.post('/v1/completions', { ...ENDLESS, stream: true });
    for (let round = 0; round < 10; round += 1) {
      const abort = new AbortController();
      const response = await gateway.post(
        '/v1/completions',
        { ...ENDLESS, model: 'tiny-chat+pirate', stream: true, keep_alive: 0 },
        { signal: abort.signal },
      );
      await response.body!.getReader().read();
      abort.abort();
    }
    await ledger(gateway, 11);
    expect(await other.text()).toContain('data: [DONE]');
    expect((await gateway.runners()).map(({ id }) => id)).toEqual([runner!.id]);
  });

  test('has its embeddings stopped, and its runner lives', async () => {
    const gateway = await start();
    await (await gateway.post('/v1/chat/completions', banana('tiny-chat'))).text();
    const [runner] = await gateway.runners();
    const abort = new AbortController();
    const long = 'once upon a time '.repeat(400);
    const asked = gateway.post(
      '/v1/embeddings',
      { model: 'tiny-chat', input: Array.from({ length: 1000 }, () => long), keep_alive: 0 },
      { signal: abort.signal },
    );
    setTimeout(() => abort.abort(), 300);
    await asked.catch(() => {});
    await ledger(gateway, 2);
    const next = await gateway.post('/v1/embeddings', { model: 'tiny-chat', input: 'Hello' });
    expect(next.status).toBe(200);
    await next.text();
    expect((await gateway.runners()).map(({ id }) => id)).toEqual([runner!.id]);
    const [, , row] = await ledger(gateway, 3);
    expect(row!.total_ms).toBeLessThan(2000);
  }, 60_000);
});

describe('a runner that is killed', () => {
  test('at any moment of its start costs nobody an answer who waits for it', async () => {
    const gateway = await start({ config: demoConfig('pool: { max_runners: 1 }\n') });
    let rows = 0;
    let waited = 0;
    for (let afterMs = 0; afterMs < 130; afterMs += 10) {
      const asked = Array.from({ length: 3 }, (_, index) =>
        gateway.post('/v1/chat/completions', { ...banana('tiny-chat:pirate'), stream: index === 0 }),
      );
      const pid = await spawnedRunner(gateway);
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      signal(pid, 'SIGKILL');
      for (const response of await Promise.all(asked)) {
        const text = await response.text();
        // Only who was sent to two runners that died can have no answer: the one that is killed here, and one before it.
        if (response.status !== 200) expect(text).toContain('Cannot finish answer of runner');
        waited += response.status === 503 ? 1 : 0;
      }
      rows += 3;
      expect(await ledger(gateway, rows)).toHaveLength(rows);
      for (const { pid: left } of await gateway.runners()) signal(left, 'SIGKILL');
      await until(async () => (await gateway.runners()).length === 0, 'no runner is left');
    }
    expect(waited).toBe(0);
  }, 60_000);

  test('during an attach leaves who waits for it to the next one', async () => {
    const gateway = await start();
    await (await gateway.post('/v1/chat/completions', banana('tiny-chat'))).text();
    const [runner] = await gateway.runners();
    freeze(runner!.pid);
    const asked = Array.from({ length: 3 }, () =>
      gateway.post('/v1/chat/completions', banana('tiny-chat:pirate')),
    );
    await until(async () => (await metrics(gateway)).includes('waiting_requests 3'), 'three wait');
    process.kill(runner!.pid, 'SIGKILL');
    for (const response of await Promise.all(asked)) {
      expect(response.status).toBe(200);
      expect(response.headers.get('x-hearth-runner')).not.toBe(runner!.id);
      await response.text();
    }
    for (const row of (await ledger(gateway, 4)).slice(1)) {
      expect(row).toMatchObject({ start_kind: 'cold', http_status: 200 });
      expect(sumOfPhases(row)).toBeCloseTo(row.total_ms, 3);
    }
  });

  test('between a grant and its first byte is replaced without the client noticing', async () => {
    const gateway = await start();
    await (await gateway.post('/v1/chat/completions', banana('tiny-chat'))).text();
    const [runner] = await gateway.runners();
    freeze(runner!.pid);
    const asked = [false, true].map((stream) =>
      gateway.post('/v1/chat/completions', { ...banana('tiny-chat'), stream }),
    );
    await new Promise((resolve) => setTimeout(resolve, 100));
    process.kill(runner!.pid, 'SIGKILL');
    for (const response of await Promise.all(asked)) {
      expect(response.status).toBe(200);
      expect(response.headers.get('x-hearth-start')).toBe('cold');
      await response.text();
    }
  });
});

describe('a stream that waits', () => {
  test('for more than 2 s gets its headers, comment lines and then its tokens', async () => {
    const gateway = await start();
    const asked = gateway.post('/v1/chat/completions', {
      ...banana('tiny-chat'),
      stream: true,
      stream_options: { include_usage: true },
    });
    const pid = await spawnedRunner(gateway);
    freeze(pid);
    setTimeout(() => signal(pid, 'SIGCONT'), 3500);
    const response = await asked;
    expect(response.status).toBe(200);
    expect(response.headers.get('x-hearth-start')).toBe('cold');
    expect(response.headers.get('server-timing')).toContain('spawn;dur=');
    const text = await response.text();
    const lines = text.split('\n\n');
    expect(lines[0]).toMatch(/^: hearth cold \d+%$/);
    expect(text).toContain('"content":"A');
    expect(lines.at(-2)).toBe('data: [DONE]');
    const { hearth } = JSON.parse(lines.at(-3)!.replace('data: ', ''));
    expect(hearth.start).toBe('cold');
    expect(hearth.runner).toBe(response.headers.get('x-hearth-runner'));
    expect(hearth.phases_ms.spawn).toBeGreaterThan(3000);
  }, 20_000);

  test('and was told its runner is served by it, though somebody who waits longer wants another base', async () => {
    const gateway = await start({
      config: `
models:
  - { id: one, path: ${DEMO_FILES.base}, context: 2048, sequences: 1 }
  - { id: two, path: ${DEMO_FILES.base}, context: 2048, sequences: 1 }
pool: { max_runners: 1, swap_after: 50ms }
`,
    });
    const first = gateway.post('/v1/completions', { ...ENDLESS, model: 'one', stream: true });
    const pid = await spawnedRunner(gateway);
    freeze(pid);
    const waiting = async (count: number) => (await metrics(gateway)).includes(`waiting_requests ${count}\n`);
    const other = gateway.post('/v1/chat/completions', banana('two'));
    await until(() => waiting(2), 'the other base is waited for');
    const told = await gateway.post('/v1/chat/completions', { ...banana('one'), stream: true });
    signal(pid, 'SIGCONT');
    expect(await told.text()).toContain('data: [DONE]');
    expect((await other).status).toBe(200);
    await (await other).text();
    await (await first).text();
    const rows = await ledger(gateway, 3);
    expect(rows.map((row) => row.error_code)).toEqual([null, null, null]);
    expect(rows[1]!.runner_id).toBe(told.headers.get('x-hearth-runner'));
  }, 20_000);

  test('until start_timeout gets an error frame, others a 503, and the row agrees with the headers', async () => {
    const gateway = await start({ config: demoConfig('pool: { start_timeout: 3s }\n') });
    const asked = [true, false].map((stream) =>
      gateway.post('/v1/chat/completions', { ...banana('tiny-chat'), stream }),
    );
    const pid = await spawnedRunner(gateway);
    freeze(pid);
    const [streamed, whole] = await Promise.all(asked);
    expect(streamed!.status).toBe(200);
    const frames = (await streamed!.text()).split('\n\n').filter((frame) => frame.startsWith('data: '));
    expect(frames).toHaveLength(1);
    expect(JSON.parse(frames[0]!.slice(6)).error.code).toBe('start_timed_out');
    expect(whole!.status).toBe(503);
    expect(((await whole!.json()) as any).error.code).toBe('start_timed_out');
    await until(() => !isAlive(pid), 'the runner that hung was killed');
    for (const row of await ledger(gateway, 2)) {
      expect(row).toMatchObject({
        start_kind: 'cold',
        runner_id: streamed!.headers.get('x-hearth-runner'),
        error_code: 'start_timed_out',
      });
      expect(row.spawn_ms).toBeGreaterThan(1900);
      expect(sumOfPhases(row)).toBeCloseTo(row.total_ms, 3);
    }
    const next = await gateway.post('/v1/chat/completions', banana('tiny-chat'));
    expect(next.status).toBe(200);
    await next.text();
  }, 20_000);
});

describe('two bases that take turns on one runner', () => {
  test('answer 20 clients, each with its own words', async () => {
    const gateway = await start({
      config: `
models:
  - { id: one, path: ${DEMO_FILES.base}, context: 512, sequences: 2 }
  - { id: two, path: ${DEMO_FILES.base}, context: 512, sequences: 2 }
adapters:
  - { id: pirate, base: one, path: ${DEMO_FILES.pirate} }
  - { id: json, base: two, path: ${DEMO_FILES.json} }
pool: { max_runners: 1, swap_after: 50ms }
`,
    });
    const answers: [string, string][] = [
      ['one', BANANA.base],
      ['one+pirate', BANANA.pirate],
      ['two', BANANA.base],
      ['two+json', BANANA.json],
    ];
    const worker = async (client: number) => {
      for (let round = 0; round < 6; round += 1) {
        const [model, answer] = answers[(client + round) % 4]!;
        const stream = (client + round) % 3 === 0;
        const response = await gateway.post('/v1/chat/completions', { ...banana(model), stream });
        const text = await response.text();
        expect([response.status, text.slice(0, 300)]).toEqual([200, expect.anything()]);
        const said = stream
          ? text
              .split('\n\n')
              .filter((frame) => frame.startsWith('data: {'))
              .map((frame) => JSON.parse(frame.slice(6)))
              .map((chunk) => chunk.choices?.[0]?.delta.content ?? JSON.stringify(chunk.error ?? ''))
              .join('')
              .replaceAll('""', '')
          : JSON.parse(text).choices[0].message.content;
        expect(said).toBe(answer);
      }
    };
    await Promise.all(Array.from({ length: 20 }, (_, client) => worker(client)));
    const rows = await ledger(gateway, 120);
    expect(rows).toHaveLength(120);
    for (const row of rows) expect(Math.abs(sumOfPhases(row) - row.total_ms)).toBeLessThan(0.01);
  }, 120_000);
});

describe('a drain', () => {
  test('that takes too long ends its streams with an error frame', async () => {
    const gateway = await start({ config: demoConfig('pool: { drain_timeout: 1s }\n') });
    const response = await gateway.post('/v1/completions', { ...ENDLESS, stream: true });
    const [runner] = await gateway.runners();
    freeze(runner!.pid);
    const ended = gateway.end('SIGTERM');
    const text = await response.text();
    expect(JSON.parse(text.split('\n\n').at(-2)!.replace('data: ', '')).error.code).toBe('runner_died');
    expect(await ended).toBe(0);
    expect(readRequests(gateway.dataDir)).toMatchObject([{ error_code: 'runner_died' }]);
  }, 20_000);
});

describe('what a client sends', () => {
  test('never reaches the log of its runner', async () => {
    const gateway = await start();
    const secret = 'xyzzySecret';
    const schemas: unknown[] = [
      {
        type: 'array',
        minItems: 100_000,
        maxItems: 200_000,
        items: { type: 'object', properties: { [secret]: { enum: [secret] } }, required: [secret] },
      },
      { type: 'string', pattern: `^${secret}{1,99999}$` },
      { type: 'string', pattern: `^(${secret}|[)$` },
      { type: 'string', pattern: `^(?=${secret})$` },
      { $ref: `#/definitions/${secret}` },
      { type: 'object', properties: { a: { type: secret } } },
      { const: secret, minLength: 3 },
      { type: 'string', minLength: 1_000_000 },
    ];
    for (const schema of schemas) {
      const response = await gateway.post('/v1/chat/completions', {
        ...banana('tiny-chat'),
        max_tokens: 8,
        response_format: { type: 'json_schema', json_schema: { name: 'x', schema } },
      });
      expect([200, 400]).toContain(response.status);
      await response.text();
    }
    const run = join(gateway.dataDir, 'run');
    const logs = readdirSync(run).filter((name) => name.endsWith('.log'));
    expect(logs).toHaveLength(1);
    const log = readFileSync(join(run, logs[0]!), 'utf8');
    expect(log).not.toContain(secret);
  });
});
