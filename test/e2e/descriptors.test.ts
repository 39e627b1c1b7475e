import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { Client } from 'undici';
import { afterEach, describe, expect, test } from 'vitest';
import { ENDLESS } from './chat.ts';
import { freeze, signal, thawAll } from './frozenRunner.ts';
import { demoConfig, isAlive, startGateway, type TestGateway, until } from './startGateway.ts';

const gateways: TestGateway[] = [];

/** Without standbys: nothing is spawned but what these tests ask for. */
async function start(config = demoConfig()): Promise<TestGateway> {
  const gateway = await startGateway({ standbys: 0, config });
  gateways.push(gateway);
  return gateway;
}

afterEach(async () => {
  thawAll();
  for (const gateway of gateways.splice(0)) await gateway.dispose();
});

const endless = { ...ENDLESS, max_tokens: 1000 };

function descriptors(gateway: TestGateway): Set<number> {
  return new Set(readdirSync(`/proc/${gateway.child.pid}/fd`).map(Number));
}

/** So many can be opened from now on; null: as many as it wants. */
function leaveDescriptors(gateway: TestGateway, count: number | null): void {
  const open = descriptors(gateway);
  let limit = 0;
  for (let left = count ?? 0; left > 0 || open.has(limit); limit += 1) if (!open.has(limit)) left -= 1;
  const soft = count === null ? 1024 : limit;
  execFileSync('prlimit', ['--pid', String(gateway.child.pid), `--nofile=${soft}:`]);
}

describe('a gateway that has no descriptor left', () => {
  test('fails the one request, not the runner and the streams on it', async () => {
    const gateway = await start();
    // The second takes what connection to the runner the first has left idle.
    const streams = [];
    for (let at = 0; at < 2; at += 1)
      streams.push(await gateway.post('/v1/completions', { ...endless, stream: true }));
    const [runner] = await gateway.runners();
    freeze(runner!.pid);
    // One connection to us stays open, so that the next request needs none; those to the runner are busy.
    await (await fetch(`${gateway.url}/metrics`)).text();
    leaveDescriptors(gateway, 0);
    const failed = await gateway.post('/v1/completions', { ...endless, max_tokens: 1 });
    expect(failed.status).toBe(503);
    expect(((await failed.json()) as any).error).toMatchObject({ code: 'no_capacity' });
    // Its process cannot be looked at now, which does not mean that it has gone.
    expect((await gateway.runners()).map(({ id }) => id)).toEqual([runner!.id]);
    leaveDescriptors(gateway, null);
    signal(runner!.pid, 'SIGCONT');
    for (const stream of streams) expect(await stream.text()).toContain('data: [DONE]');
    expect((await gateway.runners()).map(({ id }) => id)).toEqual([runner!.id]);
  });

  // Where it runs out of them within a start differs: at the log, at the pipe, at the process.
  test('or too few to start a runner, says so and goes on', async () => {
    const config = demoConfig('pool: { quarantine_base: 10ms, quarantine_cap: 50ms }\n');
    const gateway = await start(config);
    // One connection, which is open before.
    const client = new Client(gateway.url);
    const ask = async () => {
      const body = JSON.stringify({ ...endless, max_tokens: 1 });
      const answer = await client.request({ method: 'POST', path: '/v1/completions', body });
      return { status: answer.statusCode, text: await answer.body.text() };
    };
    await (await client.request({ method: 'GET', path: '/healthz' })).body.text();
    const reasons = new Set<string>();
    let answer = { status: 0, text: '' };
    for (let left = 0; answer.status !== 200; left += 1) {
      leaveDescriptors(gateway, left);
      await until(async () => {
        answer = await ask();
        return !answer.text.includes('"quarantined"');
      }, 'a start is tried again');
      if (answer.status !== 200)
        reasons.add(
          /could not be started: EMFILE: too many open files, (\w+)/.exec(answer.text)?.[1] ?? answer.text,
        );
    }
    expect([...reasons]).toEqual(['open', 'spawn']);
    expect(isAlive(gateway.child.pid!)).toBe(true);
    await client.close();
  });
});
