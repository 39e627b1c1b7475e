import { copyFileSync, existsSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { BANANA, banana, DEMO_FILES } from './chat.ts';
import { demoConfig, isAlive, startGateway, type TestGateway, until } from './startGateway.ts';

const COMBOS = { base: 'tiny-chat', pirate: 'tiny-chat+pirate', json: 'tiny-chat+json' } as const;
const ALL = [COMBOS.base, COMBOS.json, COMBOS.pirate];
const LEASE = { HEARTH_LEASE: '30s' };

const gateways: TestGateway[] = [];

async function start(options: Parameters<typeof startGateway>[0] = {}): Promise<TestGateway> {
  const gateway = await startGateway({ environment: LEASE, standbys: 0, ...options });
  gateways.push(gateway);
  return gateway;
}

afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.dispose();
});

async function ask(gateway: TestGateway, model: string): Promise<{ text: string; kind: string | null }> {
  const response = await gateway.post('/v1/chat/completions', banana(model));
  const json = (await response.json()) as any;
  if (response.status !== 200) throw new Error(`${response.status}: ${json.error.message}`);
  return { text: json.choices[0].message.content, kind: response.headers.get('x-hearth-start') };
}

/** A gateway whose one runner has the base and both adapters ready. */
async function loaded(
  options: Parameters<typeof startGateway>[0] = {},
): Promise<{ gateway: TestGateway; runner: { id: string; pid: number } }> {
  const gateway = await start({ config: demoConfig(), ...options });
  for (const combo of ALL) await ask(gateway, combo);
  const [runner] = await gateway.runners();
  return { gateway, runner: runner! };
}

async function killed(gateway: TestGateway): Promise<void> {
  await gateway.end('SIGKILL');
}

async function events(gateway: TestGateway, type: string): Promise<any[]> {
  const { json } = await gateway.admin('GET', '/events?limit=1000');
  return json.data.filter((event: { type: string }) => event.type === type);
}

describe('a gateway that starts after one was killed', () => {
  test('adopts the runner with all its combos, and the first requests are warm and right', async () => {
    const { gateway, runner } = await loaded();
    await killed(gateway);
    const next = await start({ directory: gateway.directory });
    const [listed, ...others] = await next.runners();
    expect(others).toEqual([]);
    expect(listed).toMatchObject({ id: runner.id, pid: runner.pid, state: 'ready', base: 'tiny-chat' });
    expect(listed?.combos.toSorted()).toEqual(ALL);
    expect(await ask(next, COMBOS.pirate)).toEqual({ text: BANANA.pirate, kind: 'warm' });
    expect(await ask(next, COMBOS.base)).toEqual({ text: BANANA.base, kind: 'warm' });
    expect(await ask(next, COMBOS.json)).toEqual({ text: BANANA.json, kind: 'warm' });
    expect(await ask(next, 'tiny-chat+pirate@0.5')).toMatchObject({ kind: 'attach' });
    expect(await events(next, 'runner_adopted')).toMatchObject([
      { detail: { base: 'tiny-chat', combos: 3 } },
    ]);
  });

  test('has the sequences that a hot combo got, and serves as many at a time', async () => {
    const config = `
models:
  - { id: tiny-chat, path: ${DEMO_FILES.base}, context: 2048, sequences: 1, max_sequences: 2 }
pool: { scale_up_delay: 1ms, panic_window: 1ms, scale_down_after: 1h }
`;
    const gateway = await start({ config });
    const sequencesOf = async (one: TestGateway) =>
      (await one.admin('GET', '/runners')).json.data[0]?.sequences['tiny-chat'];
    await ask(gateway, COMBOS.base);
    while ((await sequencesOf(gateway)) !== 2)
      await Promise.all(Array.from({ length: 40 }, () => ask(gateway, COMBOS.base)));
    const [runner] = await gateway.runners();
    await killed(gateway);
    const next = await start({ directory: gateway.directory });
    expect(await next.runners()).toMatchObject([{ id: runner?.id, pid: runner?.pid }]);
    expect(await sequencesOf(next)).toBe(2);
    expect(await ask(next, COMBOS.base)).toEqual({ text: BANANA.base, kind: 'warm' });
  });

  test('has its sizes, and evicts and attaches on it as on its own', async () => {
    const { gateway } = await loaded();
    const memory = async (one: TestGateway) => {
      const [row] = (await one.admin('GET', '/runners')).json.data;
      const { resident_bytes: _resident, ...booked } = row.memory;
      return booked;
    };
    const before = await memory(gateway);
    await killed(gateway);
    const next = await start({ directory: gateway.directory });
    expect(await memory(next)).toEqual(before);
    const evicted = await next.admin('POST', `/combos/${encodeURIComponent(COMBOS.pirate)}/evict`);
    expect(evicted.json).toMatchObject({ evicted: true });
    await until(
      async () => (await next.runners())[0]?.combos.length === 2,
      'the combo has left the adopted runner',
    );
    expect(await ask(next, COMBOS.pirate)).toEqual({ text: BANANA.pirate, kind: 'attach' });
  });

  test('finds the runner idle although it was in the middle of answers', async () => {
    const { gateway, runner } = await loaded();
    for (const model of ALL) {
      const response = await gateway.post('/v1/completions', {
        model,
        prompt: 'Once upon a time',
        max_tokens: 2000,
        temperature: 1.5,
        logit_bias: { '0': -100, '1': -100, '2': -100 },
        stream: true,
      });
      const reader = response.body!.getReader();
      await reader.read();
      void reader.closed.catch(() => {});
    }
    await killed(gateway);
    const next = await start({ directory: gateway.directory });
    const [row] = (await next.admin('GET', '/runners')).json.data;
    expect(row).toMatchObject({ pid: runner.pid, state: 'ready', active_requests: 0 });
    expect(row.counters).toMatchObject({ active_sequences: 0, waiting_requests: 0 });
    expect(await ask(next, COMBOS.base)).toEqual({ text: BANANA.base, kind: 'warm' });
  });

  test('five times in a row under load keeps the process, and every client comes through by retrying', async () => {
    const { gateway, runner } = await loaded();
    let current = gateway;
    const load = { goesOn: true, answered: 0 };
    const client = async (combo: string, expected: string) => {
      while (load.goesOn) {
        const answer = await ask(current, combo).catch(() => null);
        if (answer === null) await new Promise((resolve) => setTimeout(resolve, 5));
        else {
          expect(answer.text).toBe(expected);
          load.answered += 1;
        }
      }
    };
    const clients = [
      client(COMBOS.base, BANANA.base),
      client(COMBOS.pirate, BANANA.pirate),
      client(COMBOS.json, BANANA.json),
    ];
    for (let round = 0; round < 5; round += 1) {
      await killed(current);
      current = await start({ directory: gateway.directory });
      expect((await current.runners()).map(({ pid, id }) => ({ pid, id }))).toEqual([
        { pid: runner.pid, id: runner.id },
      ]);
      const before = load.answered;
      await until(() => load.answered >= before + 6, 'clients are answered again');
    }
    load.goesOn = false;
    await Promise.all(clients);
    expect(await events(current, 'runner_spawned')).toHaveLength(1);
    expect(await events(current, 'runner_adopted')).toHaveLength(5);
    expect(await events(current, 'runner_failed')).toEqual([]);
  });

  test('adopts the standby, too, and starts the next base on it', async () => {
    const { gateway, runner } = await loaded({ standbys: 1 });
    const standby = async (one: TestGateway) =>
      (await one.runners()).find(({ state, base }) => state === 'standby' && base === null);
    await until(async () => (await standby(gateway)) !== undefined, 'a standby is up');
    const { id, pid } = (await standby(gateway))!;
    await killed(gateway);
    const twin = demoConfig().replace(
      'adapters:',
      `  - { id: twin, path: ${DEMO_FILES.base}, context: 2048 }\nadapters:`,
    );
    const next = await start({ directory: gateway.directory, config: twin, standbys: 1 });
    expect((await next.runners()).map((row) => row.pid).toSorted()).toEqual([runner.pid, pid].toSorted());
    expect(await events(next, 'standby_adopted')).toMatchObject([{ runner: id }]);
    const response = await next.post('/v1/chat/completions', banana('twin'));
    expect(((await response.json()) as any).choices[0].message.content).toBe(BANANA.base);
    expect(response.headers.get('x-hearth-runner')).toBe(id);
    expect(response.headers.get('x-hearth-start')).toBe('cold');
    expect(response.headers.get('server-timing')).not.toContain('spawn');
  });

  test('ends the adopted runner at SIGTERM', async () => {
    const { gateway, runner } = await loaded();
    await killed(gateway);
    const next = await start({ directory: gateway.directory });
    expect(await next.end('SIGTERM')).toBe(0);
    expect(isAlive(runner.pid)).toBe(false);
    expect(readdirSync(join(next.dataDir, 'run'))).toEqual([]);
  });

  test('notices when the adopted runner dies, and starts another', async () => {
    const { gateway, runner } = await loaded();
    await killed(gateway);
    const next = await start({ directory: gateway.directory });
    process.kill(runner.pid, 'SIGKILL');
    await until(async () => (await events(next, 'runner_exited')).length === 1, 'the exit is noticed');
    expect((await ask(next, COMBOS.base)).text).toBe(BANANA.base);
    const [listed, ...others] = await next.runners();
    expect(others).toEqual([]);
    expect(listed?.pid).not.toBe(runner.pid);
    expect(await events(next, 'runner_exited')).toMatchObject([
      { runner: runner.id, detail: { expected: false } },
    ]);
  });

  test('that is killed again before its lease leaves the runner to the lease', async () => {
    const { gateway, runner } = await loaded();
    await killed(gateway);
    const next = await start({ directory: gateway.directory, environment: { HEARTH_LEASE: '1s' } });
    expect((await next.runners()).map(({ pid }) => pid)).toEqual([runner.pid]);
    await killed(next);
    expect(isAlive(runner.pid)).toBe(true);
    await until(
      () => !isAlive(runner.pid),
      'the runner has ended itself after the lease of its adopter',
      5000,
    );
    const last = await start({ directory: gateway.directory });
    expect(await ask(last, COMBOS.base)).toEqual({ text: BANANA.base, kind: 'cold' });
  });
});

describe('a runner that cannot be adopted is ended:', () => {
  /** Starts again, and tells why the runner was not adopted. */
  async function refusedBy(gateway: TestGateway, runner: { pid: number }, config?: string): Promise<string> {
    const next = await start({ directory: gateway.directory, ...(config === undefined ? {} : { config }) });
    expect(isAlive(runner.pid)).toBe(false);
    expect(await next.runners()).toEqual([]);
    expect(readdirSync(join(next.dataDir, 'run'))).toEqual([]);
    expect(await ask(next, COMBOS.base)).toEqual({ text: BANANA.base, kind: 'cold' });
    const [event, ...others] = await events(next, 'runner_not_adopted');
    expect(others).toEqual([]);
    expect(event.detail.pid).toBe(runner.pid);
    return event.detail.reason;
  }

  test('its base file was replaced', async () => {
    const gateway = await start();
    const own = join(gateway.directory, 'own.gguf');
    copyFileSync(DEMO_FILES.base, own);
    await gateway.end();
    const config = demoConfig().replace(DEMO_FILES.base, own);
    const { gateway: first, runner } = await loaded({ directory: gateway.directory, config });
    await killed(first);
    utimesSync(own, new Date(), new Date(Date.now() + 5000));
    expect(await refusedBy(first, runner)).toContain('was replaced');
  });

  test('its base left the catalogue', async () => {
    const { gateway, runner } = await loaded();
    await killed(gateway);
    const renamed = demoConfig().replaceAll('tiny-chat,', 'other,');
    const next = await start({ directory: gateway.directory, config: renamed });
    expect(isAlive(runner.pid)).toBe(false);
    expect(await next.runners()).toEqual([]);
    expect((await events(next, 'runner_not_adopted'))[0].detail.reason).toContain('not in the catalogue');
  });

  test('the secret of the data directory was replaced', async () => {
    const { gateway, runner } = await loaded();
    await killed(gateway);
    const path = join(gateway.dataDir, 'runner-secret');
    expect(existsSync(path)).toBe(true);
    writeFileSync(path, 'another-secret-that-is-long-enough\n');
    expect(await refusedBy(gateway, runner)).toContain('403');
  });

  test('it hangs', async () => {
    const { gateway, runner } = await loaded();
    process.kill(runner.pid, 'SIGSTOP');
    await killed(gateway);
    expect(await refusedBy(gateway, runner)).toContain('within 2000 ms');
  });

  test('it was still loading or had nothing', async () => {
    const gateway = await start({ config: demoConfig() });
    const asked = ask(gateway, COMBOS.base).catch(() => null);
    await until(async () => (await gateway.runners()).length === 1, 'a runner is there');
    const [runner] = await gateway.runners();
    await killed(gateway);
    await asked;
    // However far it was: it is adopted with what it has, or ended.
    const next = await start({ directory: gateway.directory });
    const kept = (await next.runners()).some(({ pid }) => pid === runner!.pid);
    expect(isAlive(runner!.pid)).toBe(kept);
    expect((await ask(next, COMBOS.base)).text).toBe(BANANA.base);
    expect(await next.runners()).toHaveLength(1);
  });
});

test('an adapter that was replaced meanwhile is not served by what the adopted runner holds of it', async () => {
  const gateway = await start();
  const own = join(gateway.directory, 'own-lora.gguf');
  copyFileSync(DEMO_FILES.pirate, own);
  await gateway.end();
  const config = demoConfig().replace(DEMO_FILES.pirate, own);
  const { gateway: first, runner } = await loaded({ directory: gateway.directory, config });
  await killed(first);
  copyFileSync(DEMO_FILES.json, own);
  const next = await start({ directory: gateway.directory });
  const [listed] = await next.runners();
  expect(listed).toMatchObject({ pid: runner.pid, state: 'ready' });
  expect(listed?.combos.toSorted()).toEqual([COMBOS.base, COMBOS.json]);
  expect(await ask(next, COMBOS.pirate)).toEqual({ text: BANANA.json, kind: 'attach' });
  expect(await ask(next, COMBOS.base)).toEqual({ text: BANANA.base, kind: 'warm' });
});

test('a gateway that cannot start after it adopted lets the runner go on under its lease', async () => {
  const { gateway, runner } = await loaded();
  await killed(gateway);
  const other = await startGateway();
  gateways.push(other);
  const port = new URL(other.url).port;
  await expect(
    startGateway({
      directory: gateway.directory,
      environment: { ...LEASE, HEARTH_PORT: port, HEARTH_STANDBYS: '0' },
    }),
  ).rejects.toThrow(/the gateway ended with 1/);
  expect(isAlive(runner.pid)).toBe(true);
  const next = await start({ directory: gateway.directory });
  expect((await next.runners()).map(({ pid }) => pid)).toEqual([runner.pid]);
  expect(await ask(next, COMBOS.base)).toEqual({ text: BANANA.base, kind: 'warm' });
});
