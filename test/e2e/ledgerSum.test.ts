import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { user } from './chat.ts';
import { type RequestRow, readRequests } from './readRequests.ts';
import { demoConfig, startGateway, type TestGateway } from './startGateway.ts';

/**
 * The ledger against what clients counted themselves, over random traffic in which the gateway and its runners are
 * killed. One seed gives the same requests and the same kills; their timing is the machine's. HEARTH_LEDGER_ROUNDS and
 * HEARTH_LEDGER_SEED make it longer, or another one.
 */
const ROUNDS = Number(process.env['HEARTH_LEDGER_ROUNDS'] ?? 1);
const SEED = Number(process.env['HEARTH_LEDGER_SEED'] ?? 20_261_128);
const CLIENTS = 8;
/** From one kill to the next, on average: by requests and not by time, so that a slow machine kills no more often. */
const REQUESTS_PER_KILL = 24;
const REQUESTS_PER_CLIENT = 24;
const MODELS = ['tiny-chat', 'tiny-chat:pirate', 'tiny-chat:json'];
const PRICES =
  'prices: { start_policy: shared, default: { input_per_million: 1500, output_per_million: 6000, runner_second: 0.01, start: { cold: 0.01, staged: 0.007, attach: 0.001 } } }\n';
const QUESTIONS = ['What color is a banana?', 'Hello', 'Tell me a story about a fox.'];

interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens?: number;
}

/** What a client saw of one answer in full, by the id of the request that made it. */
interface Counted {
  readonly promptTokens: number;
  readonly completionTokens: number;
}

interface Books {
  /** Answers that came to their end. */
  readonly complete: Map<string, Counted>;
  /** Every id that a gateway told of, replays excepted. */
  readonly seen: Set<string>;
  /** Requests that were sent. */
  asked: number;
  replays: number;
  retries: number;
}

/** mulberry32: small, seeded, good enough to choose traffic. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

interface Planned {
  readonly path: string;
  readonly body: Record<string, unknown>;
  readonly key: string | null;
  /** Milliseconds after which the client leaves; null: it stays. */
  readonly leavesAfterMs: number | null;
}

function plan(dice: () => number, name: string): Planned {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(dice() * list.length)] as T;
  const key = dice() < 0.4 ? `key-${name}` : null;
  const leavesAfterMs = dice() < 0.2 ? Math.floor(dice() * 40) : null;
  if (dice() < 0.15) {
    const body = { model: 'tiny-chat', input: pick(QUESTIONS) };
    return { path: '/v1/embeddings', body, key, leavesAfterMs };
  }
  const stream = dice() < 0.5;
  // An unknown model now and then: refused at the door.
  const model = dice() < 0.05 ? 'nobody' : pick(MODELS);
  const body = {
    model,
    messages: user(pick(QUESTIONS)),
    max_tokens: 1 + Math.floor(dice() * 60),
    seed: Math.floor(dice() * 1000),
    ...(stream ? { stream, stream_options: { include_usage: true } } : {}),
  };
  return { path: '/v1/chat/completions', body, key, leavesAfterMs };
}

/** Asks once. Resolves with whether the answer was complete; throws on an answer that is neither that nor an error. */
async function ask(url: string, { path, body, key, leavesAfterMs }: Planned, books: Books): Promise<boolean> {
  books.asked += 1;
  const headers = { 'content-type': 'application/json', ...(key === null ? {} : { 'idempotency-key': key }) };
  const signal = leavesAfterMs === null ? null : AbortSignal.timeout(leavesAfterMs);
  const init = { method: 'POST', headers, body: JSON.stringify(body), signal };
  const response = await fetch(`${url}${path}`, init).catch(() => null);
  if (!response) return false;
  const isReplay = response.headers.get('x-hearth-idempotent-replay') === 'true';
  const own = response.headers.get('x-request-id') ?? '?';
  if (!isReplay) books.seen.add(own);
  const text = await response.text().catch(() => null);
  if (text === null || response.status !== 200) return false;
  const usage = usageOf(text, body['stream'] === true);
  if (!usage) return false;
  const id = isReplay ? (response.headers.get('x-hearth-original-request-id') ?? '?') : own;
  const counted = { promptTokens: usage.prompt_tokens, completionTokens: usage.completion_tokens ?? 0 };
  const before = books.complete.get(id);
  if (isReplay) books.replays += 1;
  if (before) expect(counted).toEqual(before);
  books.complete.set(id, counted);
  return true;
}

/** null: it ends without [DONE]. */
function usageOf(text: string, stream: boolean): Usage | null {
  if (!stream) return (JSON.parse(text) as { usage: Usage }).usage;
  const frames = text.split('\n\n').filter((frame) => frame.startsWith('data: '));
  if (frames.at(-1) !== 'data: [DONE]') return null;
  return (JSON.parse(frames.at(-2)?.slice('data: '.length) ?? '') as { usage: Usage }).usage;
}

/** One client's requests, one after the other. What has a key is asked again until it is answered, and once more. */
async function client(name: string, seed: number, url: () => Promise<string>, books: Books): Promise<void> {
  const dice = random(seed);
  for (let at = 0; at < REQUESTS_PER_CLIENT; at += 1) {
    const planned = plan(dice, `${name}-${at}`);
    const isAnswered = await ask(await url(), planned, books);
    if (planned.key === null || planned.body['model'] === 'nobody') continue;
    const patient = { ...planned, leavesAfterMs: null };
    for (let tries = 0; tries < 4; tries += 1) {
      if (isAnswered || (await ask(await url(), patient, books))) break;
      books.retries += 1;
      await pause(50);
    }
    await ask(await url(), patient, books);
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The gateway that serves, or will when it has started. */
interface Served {
  up: Promise<TestGateway>;
}

async function restart(gateway: TestGateway): Promise<TestGateway> {
  await gateway.end('SIGKILL');
  return startGateway({ directory: gateway.directory, environment: { HEARTH_LEASE: '30s' } });
}

/** Kills by chance while `work` goes on: mostly a runner, sometimes the gateway, which is started again. */
async function kill(
  dice: () => number,
  gateway: Served,
  books: Books,
  work: { isDone: boolean },
): Promise<number> {
  let gateways = 0;
  while (!work.isDone) {
    const killsAt = books.asked + (0.5 + dice()) * REQUESTS_PER_KILL;
    while (books.asked < killsAt && !work.isDone) await pause(5);
    // The gateway first, so that it is killed at least once.
    if (gateways > 0 && dice() < 0.8) {
      const runners = await (await gateway.up).runners();
      const victim = runners[Math.floor(dice() * runners.length)];
      if (victim?.pid) killIfThere(victim.pid);
      continue;
    }
    gateway.up = restart(await gateway.up);
    await gateway.up;
    gateways += 1;
  }
  return gateways;
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has gone by itself.
  }
}

interface Corrected {
  readonly request_id: string;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly cost_micro_usd: number;
}

function readOthers(dataDir: string): { admitted: string[]; corrections: Corrected[]; keyed: string[][] } {
  const database = new Database(join(dataDir, 'hearth.db'), { readonly: true });
  try {
    const admitted = database.prepare('select request_id from admissions').pluck().all() as string[];
    const corrections = database.prepare('select * from corrections').all() as Corrected[];
    const attempts = database.prepare('select key_hash, request_id from idempotency_keys').raw().all();
    return { admitted, corrections, keyed: attempts as string[][] };
  } finally {
    database.close();
  }
}

function check(rows: readonly RequestRow[], books: Books, dataDir: string): void {
  const byId = new Map(rows.map((row) => [row.request_id, row]));
  const { admitted, corrections, keyed } = readOthers(dataDir);
  // No row twice, none lost: request_id is the key, so equal counts are enough for the first.
  expect(byId.size).toBe(rows.length);
  expect(admitted.filter((id) => !byId.has(id))).toEqual([]);
  expect([...books.seen].filter((id) => !byId.has(id))).toEqual([]);
  // Every answer that a client had in full has an exact row.
  for (const [id, counted] of books.complete) {
    const row = byId.get(id);
    expect([id, row?.error_code]).toEqual([id, null]);
    const { prompt_tokens: promptTokens, completion_tokens: completionTokens } = row as RequestRow;
    expect([id, { promptTokens, completionTokens }]).toEqual([id, counted]);
  }
  // A row that says it ended well was one of these, but for those whose gateway or client died on the way out.
  const good = rows.filter((row) => row.error_code === null);
  const unheard = good.filter((row) => !books.complete.has(row.request_id));
  const sum = (list: readonly RequestRow[]) =>
    list.reduce((total, row) => total + row.prompt_tokens + row.completion_tokens, 0);
  const counts = [...books.complete.values()];
  const countedSum = counts.reduce((total, one) => total + one.promptTokens + one.completionTokens, 0);
  expect(sum(good) - sum(unheard)).toBe(countedSum);
  // A key is answered once, and what was tried before under it costs nothing.
  const answered = keyed.filter(([, id]) => byId.get(id ?? '')?.error_code === null);
  expect(new Set(answered.map(([hash]) => hash)).size).toBe(answered.length);
  const credits = new Map(corrections.map((one) => [one.request_id, one]));
  expect(credits.size).toBe(corrections.length);
  const hashes = new Set(answered.map(([hash]) => hash));
  for (const [hash, id] of keyed) {
    const row = byId.get(id ?? '');
    if (!row || row.error_code === null || !hashes.has(hash)) continue;
    const credit = credits.get(row.request_id);
    expect([id, row.prompt_tokens + (credit?.prompt_tokens ?? 0)]).toEqual([id, 0]);
    expect([id, row.completion_tokens + (credit?.completion_tokens ?? 0)]).toEqual([id, 0]);
    expect([id, row.cost_micro_usd + (credit?.cost_micro_usd ?? 0)]).toEqual([id, 0]);
  }
}

test(
  'the sum of the ledger is what clients counted, whatever was killed meanwhile',
  async () => {
    const books: Books = { complete: new Map(), seen: new Set(), asked: 0, replays: 0, retries: 0 };
    const config = demoConfig(
      `pool: { max_runners: 3, quarantine_base: 10ms, quarantine_cap: 50ms }\n${PRICES}`,
    );
    const gateway: Served = { up: startGateway({ config, environment: { HEARTH_LEASE: '30s' } }) };
    const url = async () => (await gateway.up).url;
    let gateways = 0;
    try {
      for (let round = 0; round < ROUNDS; round += 1) {
        const work = { isDone: false };
        const killed = kill(random(SEED + 1000 + round), gateway, books, work);
        const clients = Array.from({ length: CLIENTS }, (_, at) =>
          client(`${round}-${at}`, SEED + round * CLIENTS + at, url, books),
        );
        await Promise.all(clients);
        work.isDone = true;
        gateways += await killed;
      }
      const last = await gateway.up;
      const recheck = await last.admin('GET', '/ledger/check?from=2026-01-01T00:00:00Z');
      expect(recheck.json).toMatchObject({ differing: 0, starts_differing: 0, examples: [] });
      expect(recheck.json.recorded_micro_usd).toBeGreaterThan(0);
      expect(recheck.json.starts).toBeGreaterThan(0);
      expect(await last.end()).toBe(0);
      const rows = readRequests(last.dataDir);
      check(rows, books, last.dataDir);
      const codes: Record<string, number> = {};
      for (const { error_code: code } of rows) codes[code ?? 'none'] = (codes[code ?? 'none'] ?? 0) + 1;
      console.info(
        `${rows.length} rows, ${books.complete.size} complete, ${books.replays} replays, ${books.retries} retries, ${gateways} gateways killed`,
        codes,
      );
      // The traffic was of the kind that this is about.
      expect(books.complete.size).toBeGreaterThan(CLIENTS * REQUESTS_PER_CLIENT * ROUNDS * 0.3);
      expect(books.replays).toBeGreaterThan(0);
      expect(gateways).toBeGreaterThan(0);
    } finally {
      await (await gateway.up).dispose();
    }
  },
  60_000 + ROUNDS * 30_000,
);
