import { afterEach, describe, expect, test } from 'vitest';
import { BANANA, banana } from './chat.ts';
import { freeze, signal, spawnedRunner, thawAll } from './frozenRunner.ts';
import { demoConfig, isAlive, startGateway, type TestGateway, until } from './startGateway.ts';

const gateways: TestGateway[] = [];

afterEach(async () => {
  thawAll();
  for (const gateway of gateways.splice(0)) await gateway.dispose();
});

async function start(): Promise<TestGateway> {
  const gateway = await startGateway({ config: demoConfig(), standbys: 0 });
  gateways.push(gateway);
  return gateway;
}

/** Ends the process that is being started, before it takes orders, and waits for the end of it. */
async function killSpawned(gateway: TestGateway): Promise<void> {
  const pid = await spawnedRunner(gateway);
  freeze(pid);
  signal(pid, 'SIGKILL');
  await until(() => !isAlive(pid), 'it has ended');
}

async function contentOf(response: Response): Promise<string> {
  return ((await response.json()) as any).choices[0].message.content;
}

describe('a request that waits for a start', () => {
  test('is served by the next one when somebody else ends its runner', async () => {
    const gateway = await start();
    const requests = [banana('tiny-chat'), banana('tiny-chat+pirate')].map((body) =>
      gateway.post('/v1/chat/completions', body),
    );
    await killSpawned(gateway);
    const answers = await Promise.all(requests);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(answers.map(({ headers }) => headers.get('x-hearth-start'))).toEqual(['cold', 'cold']);
    expect(await contentOf(answers[0]!)).toBe(BANANA.base);
    expect(await contentOf(answers[1]!)).toBe(BANANA.pirate);
  });

  test('is told so when the fourth runner is ended under it', async () => {
    const gateway = await start();
    const request = gateway.post('/v1/chat/completions', banana('tiny-chat'));
    for (let kills = 0; kills < 4; kills += 1) await killSpawned(gateway);
    const response = await request;
    expect(response.status).toBe(503);
    const { error } = (await response.json()) as any;
    expect(error).toMatchObject({ code: 'start_failed', type: 'service_unavailable' });
    expect(error.message).toBe('Cannot start "tiny-chat": runner was ended by SIGKILL');
    const next = await gateway.post('/v1/chat/completions', banana('tiny-chat'));
    expect([next.status, await contentOf(next)]).toEqual([200, BANANA.base]);
  });

  test('for an attach is served by another runner when its own dies', async () => {
    const gateway = await start();
    await (await gateway.post('/v1/chat/completions', banana('tiny-chat'))).text();
    const [runner] = await gateway.runners();
    freeze(runner!.pid);
    const request = gateway.post('/v1/chat/completions', banana('tiny-chat+pirate'));
    const isAttaching = async (): Promise<boolean> => {
      const { json } = await gateway.admin('GET', '/events?limit=1000');
      return json.data.some(
        (event: any) => event.type === 'combo_attaching' && event.combo === 'tiny-chat+pirate',
      );
    };
    await until(isAttaching, 'the attach is ordered');
    // What it does to itself as well as what others do to it.
    signal(runner!.pid, 'SIGABRT');
    signal(runner!.pid, 'SIGCONT');
    const response = await request;
    expect([response.status, response.headers.get('x-hearth-start')]).toEqual([200, 'cold']);
    expect(response.headers.get('x-hearth-runner')).not.toBe(runner!.id);
    expect(await contentOf(response)).toBe(BANANA.pirate);
  });
});
