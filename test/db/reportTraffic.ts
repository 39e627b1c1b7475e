import type { Database } from '../../db/openDatabase.ts';
import { GRAIN_MS } from '../../db/rollups/grains.ts';
import { comboName } from '../../gateway/domain/ids.ts';
import type { GroupQuery, ReportGroup } from '../../gateway/domain/reportFigures.ts';
import type { RequestRecord } from '../../gateway/domain/requestRecord.ts';
import { requestRecord } from '../fakes/records.ts';

export const NOON = Date.UTC(2026, 10, 20, 12);
const { day: DAY } = GRAIN_MS;
const KINDS = ['warm', 'attach', 'cold'] as const;

/** Numbers that look random and are the same each time (Park and Miller's generator). */
function randoms(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/** Requests of two days before noon, of three combos, kinds and keys; one in ten has failed. */
export function traffic(count: number, seed = 7): RequestRecord[] {
  const random = randoms(seed);
  const one = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T;
  return Array.from({ length: count }, (_, index) => {
    const kind = one(KINDS);
    const prefill = Math.exp(random() * 6) / 4;
    const decode = random() * 400;
    const load = kind === 'cold' ? 100 + random() * 5000 : undefined;
    const waited = load ?? 0;
    return requestRecord(`req_${seed}_${index}`, {
      arrivedAtEpochMs: NOON - Math.floor(random() ** 2 * 2 * DAY),
      combo: comboName(one(['tiny-chat', 'tiny-chat+pirate', 'other'])),
      keyId: one([null, 'key_a', 'key_b']),
      startKind: kind,
      joined: random() < 0.2,
      phasesMs: { ...(load === undefined ? {} : { load }), prefill, decode },
      ttftMs: waited + prefill,
      tpotMs: decode / 20,
      totalMs: waited + prefill + decode,
      promptTokens: Math.floor(random() * 1000),
      cachedTokens: 3,
      completionTokens: 20,
      errorCode: random() < 0.1 ? one(['queue_full', 'client_closed', 'runner_died', 'x_engine']) : null,
    });
  });
}

export async function appendAll(database: Database, records: readonly RequestRecord[]): Promise<void> {
  await Promise.all(records.map((record) => database.ledger.append(record)));
}

export async function packAll(database: Database, nowEpochMs: number): Promise<number> {
  let steps = 0;
  while (await database.rollUps.pack(nowEpochMs)) steps += 1;
  return steps;
}

export async function rollUpAll(database: Database, mostRows = 1000, nowEpochMs = NOON): Promise<number> {
  let steps = 0;
  while ((await database.rollUps.step(nowEpochMs, mostRows)) > 0) steps += 1;
  return steps;
}

export const everything: GroupQuery = {
  cube: 'latency',
  combo: null,
  fromEpochMs: 0,
  toEpochMs: null,
  groupBy: ['combo', 'start_kind'],
};

const keyOf = ({ by }: Pick<ReportGroup, 'by'>) => JSON.stringify(by);

/** All but the sums of floats, whose last digit is that of the order. */
export function comparable(groups: readonly ReportGroup[] | null): unknown {
  return groups
    ?.toSorted((a, b) => keyOf(a).localeCompare(keyOf(b)))
    .map(({ by, counters, measures }) => ({
      by,
      counters,
      measures: Object.entries(measures).map(([name, { sum, ...stats }]) => [name, sum.toFixed(3), stats]),
    }));
}

export function requestsOf(counters: ReportGroup['counters']): number {
  const { answered = 0, failedByClient = 0, failedByGateway = 0, failedByRunner = 0, aborted = 0 } = counters;
  return answered + failedByClient + failedByGateway + failedByRunner + aborted;
}
