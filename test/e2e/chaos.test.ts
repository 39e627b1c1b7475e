import { expect, test } from 'vitest';
import { BANANA, banana } from './chat.ts';
import { readRequests } from './readRequests.ts';
import { demoConfig, isAlive, startGateway, type TestGateway, until } from './startGateway.ts';

/** How long each test makes trouble; the nightly run sets more. */
const TROUBLE_MS = Number(process.env['HEARTH_CHAOS_MS'] ?? 6_000);
const CLIENTS = 12;
const PINS = ['tiny-chat', 'tiny-chat+pirate'];
const ANSWERS: Readonly<Record<string, string>> = {
  'tiny-chat': BANANA.base,
  'tiny-chat:pirate': BANANA.pirate,
  'tiny-chat:json': BANANA.json,
};
const MODELS = Object.keys(ANSWERS);
const LEASE = { HEARTH_LEASE: '30s' };

interface Tally {
  right: number;
  /** By code: errors in OpenAI's envelope, and frames of it. */
  readonly errors: Map<string, number>;
}

/** One client that asks on, streaming every other time, until it is told to stop; anything but an answer or an error throws. */
async function ask(at: number, url: () => string, tally: Tally, goesOn: () => boolean): Promise<void> {
  for (let turn = at; goesOn(); turn += 1) {
    const model = MODELS[turn % MODELS.length] ?? '';
    const stream = turn % 2 === 0;
    const response = await fetch(`${url()}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...banana(model), stream }),
    }).catch(() => null);
    const body = response && (await response.text().catch(() => null));
    // The gateway itself was killed: its connections break.
    if (!response || body === null) {
      note(tally, 'connection');
      await new Promise((resolve) => setTimeout(resolve, 20));
      continue;
    }
    judge(
      model,
      response.status,
      stream && response.status === 200 ? streamed(body) : JSON.parse(body),
      tally,
    );
  }
}

interface Answer {
  readonly choices?: readonly { readonly message: { readonly content: string } }[];
  readonly error?: { readonly code: string; readonly message: string; readonly type: string };
}

function judge(model: string, status: number, answer: Answer, tally: Tally): void {
  if (answer.error) {
    expect(answer.error).toMatchObject({ message: expect.any(String), type: expect.any(String) });
    expect(status === 200 || status >= 429).toBe(true);
    note(tally, answer.error.code);
    return;
  }
  expect([model, answer.choices?.[0]?.message.content]).toEqual([model, ANSWERS[model]]);
  tally.right += 1;
}

/** A stream ends with [DONE] or with an error frame, never without either. */
function streamed(body: string): Answer {
  const frames = body.split('\n\n').filter((frame) => frame.startsWith('data: '));
  const last = frames.at(-1)?.slice('data: '.length) ?? '';
  if (last !== '[DONE]') return JSON.parse(last) as Answer;
  const deltas = frames
    .slice(0, -1)
    .map((frame) => JSON.parse(frame.slice('data: '.length)).choices[0]?.delta);
  return { choices: [{ message: { content: deltas.map((delta) => delta?.content ?? '').join('') } }] };
}

function note({ errors }: Tally, code: string): void {
  errors.set(code, (errors.get(code) ?? 0) + 1);
}

async function arePinsReady(gateway: TestGateway): Promise<boolean> {
  const { json } = await gateway.admin('GET', '/pins');
  return (
    json.data.length === PINS.length && json.data.every(({ state }: { state: string }) => state === 'ready')
  );
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test(
  'runners killed at random every second: every client is answered, and the pins are back',
  async () => {
    const gateway = await startGateway({ config: demoConfig('pool: { max_runners: 4 }\n') });
    const tally: Tally = { right: 0, errors: new Map() };
    try {
      for (const combo of PINS) await gateway.admin('PUT', `/pins/${combo}`, { level: 'ready' });
      await until(() => arePinsReady(gateway), 'the pins are ready');
      let goesOn = true;
      const clients = Array.from({ length: CLIENTS }, (_, at) =>
        ask(
          at,
          () => gateway.url,
          tally,
          () => goesOn,
        ),
      );
      let killed = 0;
      const kill = ({ pid }: { readonly pid: number }): void => {
        process.kill(pid, 'SIGKILL');
        killed += 1;
      };
      for (const endMs = performance.now() + TROUBLE_MS; performance.now() < endMs; await pause(1_000)) {
        const runners = (await gateway.runners()).filter(({ pid }) => pid);
        const victim = runners[killed % Math.max(1, runners.length)];
        if (victim) kill(victim);
      }
      // The last one holds the pins.
      await until(() => arePinsReady(gateway), 'the pins are back');
      const last = (await gateway.runners()).find(({ combos }) => combos.includes('tiny-chat'));
      if (last) kill(last);
      const killedMs = performance.now();
      await until(async () => (await gateway.runners()).every(({ id }) => id !== last?.id), 'it has gone');
      await until(() => arePinsReady(gateway), 'the pins are back');
      const backMs = Math.round(performance.now() - killedMs);
      goesOn = false;
      await Promise.all(clients);
      console.log(
        `${killed} runners killed; ${tally.right} right answers; errors:`,
        tally.errors,
        `pins back: ${backMs} ms`,
      );
      expect(killed).toBeGreaterThan(2);
      expect(tally.right).toBeGreaterThan(20);
      expect([...tally.errors.keys()].filter((code) => code === 'connection' || code === 'internal')).toEqual(
        [],
      );
    } finally {
      await gateway.dispose();
    }
  },
  120_000 + TROUBLE_MS,
);

test(
  'a gateway killed and started again and again keeps its runners and their process ids',
  async () => {
    let gateway = await startGateway({ config: demoConfig(), environment: LEASE });
    const { directory } = gateway;
    const tally: Tally = { right: 0, errors: new Map() };
    try {
      for (const combo of PINS) await gateway.admin('PUT', `/pins/${combo}`, { level: 'ready' });
      await until(() => arePinsReady(gateway), 'the pins are ready');
      const holder = async () => (await gateway.runners()).find(({ base }) => base === 'tiny-chat');
      const before = await holder();
      let goesOn = true;
      const clients = Array.from({ length: CLIENTS }, (_, at) =>
        ask(
          at,
          () => gateway.url,
          tally,
          () => goesOn,
        ),
      );
      for (let round = 0; round < 3; round += 1) {
        await pause(TROUBLE_MS / 3);
        await gateway.end('SIGKILL');
        gateway = await startGateway({ directory, environment: LEASE });
        const after = await holder();
        expect([after?.id, after?.pid]).toEqual([before?.id, before?.pid]);
        const first = await gateway.post('/v1/chat/completions', banana('tiny-chat'));
        expect([first.status, first.headers.get('x-hearth-start')]).toEqual([200, 'warm']);
        await first.text();
      }
      goesOn = false;
      await Promise.all(clients);
      console.log(`${tally.right} right answers over four gateways; errors:`, tally.errors);
      expect(isAlive(before?.pid ?? 0)).toBe(true);
      const served = readRequests(gateway.dataDir).filter(
        (row) => row.http_status === 200 && row.error_code === null,
      );
      expect(served.length).toBeGreaterThanOrEqual(tally.right);
    } finally {
      await gateway.dispose();
    }
  },
  120_000 + TROUBLE_MS,
);
