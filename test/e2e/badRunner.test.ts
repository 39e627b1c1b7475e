import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { DEMO_FILES } from './chat.ts';
import { ROOT, startGateway, type TestGateway, until } from './startGateway.ts';

const gateways: TestGateway[] = [];

afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.dispose();
});

/** A gateway whose runners misbehave as the base's id says (test/fixtures/fake-runner.mjs). */
async function start(ids: readonly string[], pool = ''): Promise<TestGateway> {
  const models = ids.map((id) => `  - { id: ${id}, path: ${DEMO_FILES.base}, context: 512 }`);
  const gateway = await startGateway({
    config: `models:\n${models.join('\n')}\npool: { max_runners: 8${pool} }\n`,
    standbys: 0,
    runner: join(ROOT, 'test/fixtures/fake-runner.mjs'),
  });
  gateways.push(gateway);
  return gateway;
}

const ask = (gateway: TestGateway, model: string, stream = false) =>
  gateway.post('/v1/chat/completions', { model, stream, messages: [{ role: 'user', content: 'Hi' }] });

async function errorOf(response: Response): Promise<{ code: string; message: string }> {
  return ((await response.json()) as any).error;
}

/** So many of that type and no more. They are written in groups, a moment after what they tell of. */
async function events(gateway: TestGateway, type: string, expected: number): Promise<any[]> {
  let found: any[] = [];
  const areThere = async (): Promise<boolean> => {
    const { json } = await gateway.admin('GET', '/events?limit=1000');
    found = json.data.filter((event: any) => event.type === type);
    return found.length >= expected;
  };
  await until(areThere, `${expected} of ${type} are in the event log`);
  expect(found).toHaveLength(expected);
  return found;
}

describe('a runner that answers nonsense', () => {
  test.each([
    ['bad-type', 'its content type is "text/html", expected "application/json"'],
    ['bad-status', 'its status is 302'],
    ['bad-refusal', 'its content type is "text/plain", expected "application/json"'],
    ['no-report', 'it ends without a report'],
    ['not-http', 'does not match the HTTP/1.1 protocol'],
  ])('as %s is replaced and tried once more, then its client gets a 502', async (id, why) => {
    const gateway = await start([id]);
    const response = await ask(gateway, id);
    expect(response.status).toBe(502);
    const error = await errorOf(response);
    expect(error.code).toBe('runner_failed');
    expect(error.message).toMatch(/^Cannot use answer of runner "r_\w+": /);
    expect(error.message).toContain(why);
    await until(async () => (await gateway.runners()).length === 0, 'both runners have gone');
    await events(gateway, 'runner_failed', 2);
  });

  test.each(['bad-type-once', 'not-http-once', 'no-report-once', 'dies-at-work-once'])(
    'as %s goes unnoticed by the client, who is served by its successor',
    async (id) => {
      const gateway = await start([id]);
      const response = await ask(gateway, id);
      expect(response.status).toBe(200);
      expect(((await response.json()) as any).choices[0].message.content).toBe('hi');
    },
  );

  test.each([
    ['bad-chunk', 'does not match the HTTP/1.1 protocol'],
    ['no-report', 'it ends without a report'],
  ])('in mid-stream as %s ends it with an error frame', async (id, why) => {
    const gateway = await start([id]);
    const response = await ask(gateway, id, true);
    expect(response.status).toBe(200);
    const text = await response.text();
    expect(text).not.toContain('[DONE]');
    const { error } = JSON.parse(text.split('\n\n').at(-2)!.replace('data: ', ''));
    expect(error.code).toBe('runner_failed');
    expect(error.message).toContain(why);
    await events(gateway, 'runner_failed', 1);
  });

  test.each([
    ['wrong-answer', 'start_failed', 'expected "loaded", got "done"'],
    ['answers-nobody', 'start_failed', '"done" answers no order'],
    ['no-message', 'start_failed', 'line is no message of the protocol'],
    // The base is there, so that another runner is tried; it does the same.
    ['no-json', 'quarantined', 'line is no message of the protocol'],
  ])('to an order as %s is ended, and who waits hears why', async (id, code, why) => {
    const gateway = await start([id]);
    const response = await ask(gateway, id);
    expect(response.status).toBe(503);
    const error = await errorOf(response);
    expect(error.code).toBe(code);
    expect(error.message).toContain(`Cannot start "${id}": Cannot read control pipe: ${why}`);
    await until(async () => (await gateway.runners()).length === 0, 'it has gone');
  });
});

describe('a base that fails to start', () => {
  test('twice in a row is refused at once with the last cause, until the operator lifts that', async () => {
    const gateway = await start(['exits', 'good'], ', quarantine_base: 1m, quarantine_cap: 1h');
    const message =
      'Cannot start "exits": runner exited with code 70 (an error that nobody caught): first line | last line';
    const first = await ask(gateway, 'exits');
    // Not barred yet: as long as a start takes, which for these bytes is under a second.
    expect([first.status, first.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await errorOf(first)).toMatchObject({ code: 'start_failed', message });
    const second = await ask(gateway, 'exits');
    expect(Number(second.headers.get('retry-after'))).toBeGreaterThanOrEqual(59);
    expect((await errorOf(second)).code).toBe('start_failed');
    const refused = await ask(gateway, 'exits');
    expect(refused.status).toBe(503);
    expect(refused.headers.get('x-should-retry')).toBeNull();
    expect(Number(refused.headers.get('retry-after-ms'))).toBeGreaterThan(50_000);
    const error = await errorOf(refused);
    expect(error).toMatchObject({ code: 'quarantined', type: 'service_unavailable' });
    expect(error.message).toContain(`after 2 failed starts, the last: ${message}`);
    await events(gateway, 'runner_spawned', 2);

    const combos = (await gateway.admin('GET', '/combos')).json.data;
    expect(combos).toEqual([
      expect.objectContaining({
        combo: 'exits',
        status: 'unloaded',
        waiting: 0,
        quarantine: {
          scope: 'base',
          failures: 2,
          until: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
          last_error: { code: 'start_failed', message },
        },
      }),
      expect.objectContaining({ combo: 'good', quarantine: null }),
    ]);
    expect((await ask(gateway, 'good')).status).toBe(200);

    const lifted = await gateway.admin('DELETE', '/quarantines/exits');
    expect(lifted).toEqual({ status: 200, json: { object: 'quarantine', combo: 'exits', lifted: true } });
    expect((await gateway.admin('DELETE', '/quarantines/exits')).json.lifted).toBe(false);
    expect((await gateway.admin('DELETE', '/quarantines/nobody')).status).toBe(404);
    expect((await errorOf(await ask(gateway, 'exits'))).code).toBe('start_failed');
    await events(gateway, 'combo_quarantined', 1);
    expect((await events(gateway, 'quarantine_lifted', 1))[0].detail.reason).toBe('operator');
  });

  test('for a reason that no retry helps is refused from then on, and clients are told not to retry', async () => {
    const gateway = await start(['bad-file']);
    const first = await ask(gateway, 'bad-file');
    expect(first.headers.get('x-should-retry')).toBe('false');
    expect(await errorOf(first)).toMatchObject({
      code: 'start_failed_permanently',
      message: 'Cannot start "bad-file": no file: tensor 7 is not there',
    });
    const second = await ask(gateway, 'bad-file');
    expect([second.status, second.headers.get('x-should-retry')]).toEqual([503, 'false']);
    expect((await errorOf(second)).code).toBe('quarantined');
    await events(gateway, 'runner_spawned', 1);
  });

  test('by an abort says so, with its last words', async () => {
    const gateway = await start(['aborts']);
    const { message } = await errorOf(await ask(gateway, 'aborts'));
    expect(message).toContain('runner was ended by SIGABRT (it aborted): ');
    expect(message).toContain('GGML_ASSERT(false) failed');
  });

  test('and dies at its first work is not started for ever', async () => {
    const gateway = await start(['dies-at-work'], ', quarantine_base: 1m');
    // A request is tried on two runners: these are the two failures.
    const first = await ask(gateway, 'dies-at-work');
    expect([first.status, (await errorOf(first)).code]).toEqual([502, 'runner_died']);
    await until(async () => (await gateway.runners()).length === 0, 'both have gone');
    const { code, message } = await errorOf(await ask(gateway, 'dies-at-work'));
    expect(code).toBe('quarantined');
    expect(message).toContain('kernel launch failed');
  });
});

describe('a start that takes too long', () => {
  test('is told once, with what the runner said last', async () => {
    const gateway = await start(['never-loads']);
    const abort = new AbortController();
    const asked = gateway.post(
      '/v1/completions',
      { model: 'never-loads', prompt: 'Hi' },
      { signal: abort.signal },
    );
    const [event] = await events(gateway, 'start_slow', 1);
    expect(event).toMatchObject({
      combo: 'never-loads',
      detail: { step: 'load', lastLine: 'reading tensor 7 of 99' },
    });
    expect(event.detail.elapsedMs).toBeGreaterThanOrEqual(3 * event.detail.predictedMs);
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    expect(metrics).toContain('hearth_slow_starts_total{base="never-loads"} 1');
    abort.abort();
    await asked.catch(() => {});
  });
});

describe('a runner whose decode stands still', () => {
  test('is replaced, and its stream ends with an error frame', async () => {
    const gateway = await start(['runs-on'], ', probe_every: 50ms, stall_timeout: 500ms');
    const response = await ask(gateway, 'runs-on', true);
    const text = await response.text();
    const { error } = JSON.parse(text.split('\n\n').at(-2)!.replace('data: ', ''));
    expect(error).toMatchObject({ code: 'runner_died' });
    expect((await events(gateway, 'runner_hung', 1))[0].detail).toMatchObject({
      cause: 'stalled',
      base: 'runs-on',
    });
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    expect(metrics).toContain('hearth_runner_hangs_total{base="runs-on",cause="stalled"} 1');
  });
});
