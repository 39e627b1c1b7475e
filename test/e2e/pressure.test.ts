import { afterAll, beforeAll, expect, test } from 'vitest';
import { BANANA, banana, DEMO_FILES } from './chat.ts';
import { type EventRow, type RequestRow, readEvents, readRequests } from './readRequests.ts';
import { demoConfig, startGateway, type TestGateway } from './startGateway.ts';

/** A base takes 5.8 MB, a combo of 8 x 2,048 tokens 58.9 MB: room for three combos on two bases. */
const BUDGET_BYTES = 190_000_000;
const ROOM_FOR = 3;
const REQUESTS = 1_000;
const TURN_MS = 50;
const CLIENTS = 50;

/** The most popular first. */
const COMBOS = [
  ...['tiny-chat', 'tiny-chat+pirate', 'tiny-two', 'tiny-chat+json'],
  ...Array.from({ length: 11 }, (_, at) => `tiny-chat+pirate@0.${81 + at}`),
  ...Array.from({ length: 5 }, (_, at) => `tiny-two+pirate-two@0.${91 + at}`),
];
const EXACT: Readonly<Record<string, string>> = {
  'tiny-chat': BANANA.base,
  'tiny-two': BANANA.base,
  'tiny-chat+pirate': BANANA.pirate,
  'tiny-chat+json': BANANA.json,
};

let gateway: TestGateway;
beforeAll(async () => {
  const config = demoConfig(
    `pool: { memory: ${BUDGET_BYTES}, swap_after: 100ms, queue_limit_per_combo: 1000 }\n`,
  )
    .replace(
      'adapters:',
      `  - { id: tiny-two, path: ${DEMO_FILES.base}, context: 2048, sequences: 8 }\nadapters:`,
    )
    .replace('adapters:', `adapters:\n  - { id: pirate-two, base: tiny-two, path: ${DEMO_FILES.pirate} }`);
  gateway = await startGateway({ config });
});
afterAll(() => gateway.dispose());

/** Popularity falls with the rank (Zipf, exponent 1); the same order in every run. */
function zipf(count: number): string[] {
  const weights = COMBOS.map((_, at) => 1 / (at + 1));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let seed = 20_261_121;
  return Array.from({ length: count }, () => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    let left = (seed / 2 ** 32) * total;
    return COMBOS.find((_, at) => (left -= weights[at] ?? 0) <= 0) ?? COMBOS[0] ?? '';
  });
}

test('a thousand requests of fifty clients for twenty combos in room for three', async () => {
  const requests = zipf(REQUESTS).entries();
  let answered = 0;
  const client = async (): Promise<void> => {
    for (const [, model] of requests) {
      const response = await gateway.post('/v1/chat/completions', banana(model));
      const json = (await response.json()) as any;
      expect([model, response.status, json.error?.message]).toEqual([model, 200, undefined]);
      if (EXACT[model]) expect(json.choices[0].message.content).toBe(EXACT[model]);
      answered += 1;
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  expect(answered).toBe(REQUESTS);

  await gateway.end();
  const rows = readRequests(gateway.dataDir);
  const events = readEvents(gateway.dataDir);
  expect(rows.filter((row) => row.http_status === 200)).toHaveLength(REQUESTS);
  expect(peakBytes(events)).toBeGreaterThan(BUDGET_BYTES / 2);
  expect(peakBytes(events)).toBeLessThanOrEqual(BUDGET_BYTES);
  expect(letGoWhileBusy(rows, events)).toEqual([]);
  const starts = events.filter(({ type }) => type === 'combo_ready').length;
  const swaps = swapsPerRequest(rows);
  console.log(`starts per request: ${starts / REQUESTS}; swapped per request: ${swaps / REQUESTS}`);
  expect(starts).toBeLessThan(swaps);
}, 240_000);

/** Most that runners held at one time by the event log: from ready until the process has gone or the combo was detached. */
function peakBytes(events: readonly EventRow[]): number {
  const held = new Map<string, number>();
  let peak = 0;
  for (const { type, runner_id: runner, combo, detail } of events) {
    if (type === 'runner_ready') held.set(`${runner}`, Number(detail['weightBytes']));
    if (type === 'combo_ready')
      held.set(`${runner} ${combo}`, Number(detail['kvBytes']) + Number(detail['computeBytes']));
    if (type === 'combo_detached') held.delete(`${runner} ${combo}`);
    if (type === 'runner_exited')
      for (const key of held.keys()) if (key.split(' ')[0] === runner) held.delete(key);
    peak = Math.max(
      peak,
      [...held.values()].reduce((sum, bytes) => sum + bytes, 0),
    );
  }
  return peak;
}

/**
 * Combos that were let go while a request ran on them. A request's end is read a turn of the event loop after the pool has
 * heard of it, which is not long after.
 */
function letGoWhileBusy(rows: readonly RequestRow[], events: readonly EventRow[]): string[] {
  const gone = events.filter(({ type }) => type === 'combo_detached' || type === 'runner_stopping');
  return gone.flatMap(({ at_epoch_ms: atMs, runner_id: runner, combo, detail }) => {
    if (detail['reason'] === 'shutdown') return [];
    const busy = rows.filter((row) => {
      const endMs = row.arrived_at_epoch_ms + row.total_ms;
      const beganMs = endMs - (row.prefill_ms ?? 0) - (row.decode_ms ?? 0);
      const isHere = row.runner_id === runner && (combo === null || row.combo === combo);
      return isHere && beganMs + TURN_MS < atMs && atMs < endMs - TURN_MS;
    });
    return busy.map((row) => `${row.request_id} on ${runner} ${combo ?? ''}`);
  });
}

/** What a gateway would start that serves in order of arrival and holds the three combos that were used last. */
function swapsPerRequest(rows: readonly RequestRow[]): number {
  const inOrder = rows.toSorted((a, b) => a.arrived_at_epoch_ms - b.arrived_at_epoch_ms);
  const held: (string | null)[] = [];
  let swaps = 0;
  for (const { combo } of inOrder) {
    const at = held.indexOf(combo);
    if (at < 0) swaps += 1;
    else held.splice(at, 1);
    held.unshift(combo);
    held.splice(ROOM_FOR);
  }
  return swaps;
}
