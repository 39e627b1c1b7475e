import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { banana } from './chat.ts';
import { readRequests } from './readRequests.ts';
import { demoConfig, isAlive, startGateway, type TestGateway, until } from './startGateway.ts';

const CHAT = '/v1/chat/completions';

/** The one standby, once it is up. */
async function standbyOf(gateway: TestGateway, but = 0): Promise<{ id: string; pid: number }> {
  let found: { id: string; pid: number } | undefined;
  await until(async () => {
    const rows = (await gateway.admin('GET', '/standbys')).json.data;
    expect(rows.length).toBeLessThanOrEqual(1);
    found = rows.find(({ state, pid }: any) => state === 'standby' && pid !== but);
    return found !== undefined;
  }, 'a standby is up');
  return found!;
}

const eventsOf = async (gateway: TestGateway, type: string) =>
  (await gateway.admin('GET', '/events?limit=1000')).json.data.filter((event: any) => event.type === type);

describe('a gateway with its standby', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.dispose());

  test('lists it as a runner without a base', async () => {
    const { pid } = await standbyOf(gateway);
    expect(isAlive(pid)).toBe(true);
    const { json } = await gateway.admin('GET', '/runners');
    expect(json.data).toHaveLength(1);
    expect(json.data[0]).toMatchObject({
      pid,
      state: 'standby',
      base: null,
      combos: [],
      device: 'cpu',
      memory: { weight_bytes: 0, kv_bytes: 0, compute_bytes: 0 },
      active_requests: 0,
    });
    expect(json.data[0].memory.resident_bytes).toBeGreaterThan(0);
  });

  test('starts the first request on it, cold and without a spawn, and then has another', async () => {
    const { id, pid } = await standbyOf(gateway);
    const response = await gateway.post(CHAT, banana('tiny-chat'));
    expect(((await response.json()) as any).choices[0].message.content).toBe('A banana is yellow.');
    expect(response.headers.get('x-hearth-start')).toBe('cold');
    expect(response.headers.get('x-hearth-runner')).toBe(id);
    expect(response.headers.get('server-timing')).not.toContain('spawn');
    const [row] = readRequests(gateway.dataDir);
    expect(row).toMatchObject({ start_kind: 'cold', spawn_ms: null, runner_id: id });
    expect(row?.load_ms).toBeGreaterThan(0);
    const phases = ['queue', 'spawn', 'stage', 'load', 'attach', 'context', 'prefill', 'decode'] as const;
    const sum = phases.reduce((total, phase) => total + (row?.[`${phase}_ms`] ?? 0), 0);
    expect(sum).toBeCloseTo(row?.total_ms ?? 0, 3);
    const next = await standbyOf(gateway, pid);
    const runners = await gateway.runners();
    expect(runners.map((runner) => [runner.pid, runner.base])).toEqual([
      [pid, 'tiny-chat'],
      [next.pid, null],
    ]);
    expect(await eventsOf(gateway, 'standby_claimed')).toMatchObject([{ runner: id, combo: 'tiny-chat' }]);
  });

  test('replaces it when it is killed', async () => {
    const { pid } = await standbyOf(gateway);
    process.kill(pid, 'SIGKILL');
    const next = await standbyOf(gateway, pid);
    expect(isAlive(pid)).toBe(false);
    expect(isAlive(next.pid)).toBe(true);
    const [lost] = await eventsOf(gateway, 'standby_lost');
    expect(lost.detail).toMatchObject({ inARow: 1, retryInMs: 500 });
    const exits = await eventsOf(gateway, 'runner_exited');
    expect(exits[0].detail.message).toContain('Cannot start a standby: runner was ended by SIGKILL');
  });

  test('ends it when it ends itself', async () => {
    const { pid } = await standbyOf(gateway);
    expect(await gateway.end()).toBe(0);
    expect(isAlive(pid)).toBe(false);
  });
});

test('a standby that was killed is not noticed by a client that asks at once', async () => {
  const gateway = await startGateway();
  try {
    for (let round = 0; round < 3; round += 1) {
      const { pid } = await standbyOf(gateway);
      process.kill(pid, 'SIGKILL');
      const response = await gateway.post(CHAT, banana('tiny-chat'));
      expect(response.status).toBe(200);
      await response.text();
      const { pid: used } = (await gateway.runners())[0]!;
      process.kill(used, 'SIGKILL');
      await until(
        async () => (await gateway.runners()).every(({ pid }) => pid !== used),
        'the runner has gone',
      );
    }
  } finally {
    await gateway.dispose();
  }
});

test('a gateway with `standbys: 0` starts nothing before it is asked', async () => {
  const gateway = await startGateway({ config: demoConfig('pool: { standbys: 0 }\n') });
  try {
    const response = await gateway.post(CHAT, banana('tiny-chat'));
    await response.text();
    expect(response.headers.get('server-timing')).toContain('spawn;dur=');
    const { json } = await gateway.admin('GET', '/standbys');
    expect(json).toEqual({ object: 'list', data: [] });
    expect(await eventsOf(gateway, 'standby_spawned')).toEqual([]);
  } finally {
    await gateway.dispose();
  }
});
