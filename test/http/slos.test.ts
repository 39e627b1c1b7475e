import { beforeEach, describe, expect, test } from 'vitest';
import { createApp } from '../../gateway/http/app.ts';
import type { HttpApp } from '../../gateway/http/deps.ts';
import { ADMIN_TOKEN, type FakeWorld, fakeWorld } from './fakes.ts';

let world: FakeWorld;
let app: HttpApp;
beforeEach(() => {
  world = fakeWorld();
  app = createApp(world.deps);
  world.slos.objectives = [
    {
      id: 'fast',
      model: 'tiny-chat',
      combo: null,
      objective: 'ttft_warm',
      thresholdMs: 200,
      target: 0.9,
      windowMs: 30 * 86_400_000,
      countsCold: false,
    },
  ];
});

const get = (path: string, headers: Record<string, string> = {}) =>
  app.request(`/admin/v1/${path}`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}`, ...headers } });

describe('GET /admin/v1/slos', () => {
  test('tells state, budget, burn rates and both numbers', async () => {
    world.slos.count = (_slo, { fromEpochMs, toEpochMs }) =>
      toEpochMs - fromEpochMs > 7 * 86_400_000
        ? { good: 95, bad: 5, startGood: 1, startBad: 9 }
        : { good: 5, bad: 5, startGood: 0, startBad: 0 };
    const { object, data } = (await (await get('slos')).json()) as any;
    expect(object).toBe('list');
    expect(data).toEqual([
      {
        id: 'fast',
        model: 'tiny-chat',
        combo: null,
        objective: 'ttft_warm',
        threshold_ms: 200,
        target: 0.9,
        counts_cold: false,
        window_s: 2_592_000,
        state: 'warning',
        is_complete: true,
        good: 95,
        bad: 5,
        ratio: 0.95,
        budget: { allowed_bad: 10, left_bad: 5, left_share: 0.5 },
        burn_rates: { '5m': 5, '30m': 5, '1h': 5, '6h': 5, '3d': 5 },
        burn_limits: { '1h_5m': 14.4, '6h_30m': 6, '3d_6h': 1 },
        with_starts: { good: 96, bad: 14, ratio: 0.872727 },
        without_starts: { good: 95, bad: 5, ratio: 0.95 },
      },
    ]);
  });

  test('is empty without objectives, and needs the admin token', async () => {
    world.slos.objectives = [];
    expect(await (await get('slos')).json()).toEqual({ object: 'list', data: [] });
    expect((await app.request('/admin/v1/slos')).status).toBe(401);
  });
});

describe('GET /admin/v1/reports/slo', () => {
  test('tells what a span came to, as JSON and as CSV', async () => {
    world.slos.count = () => ({ good: 9, bad: 1, startGood: 0, startBad: 10 });
    const path = 'reports/slo?from=2026-11-01&to=2026-11-02';
    const { data } = (await (await get(path)).json()) as any;
    expect(data).toHaveLength(1);
    expect(data[0]).toMatchObject({
      slo: 'fast',
      requests: 10,
      is_met: true,
      burn_rate: 1,
      starts_share: 0.5,
    });
    expect(world.slos.asked.at(-1)).toEqual([
      { fromEpochMs: Date.UTC(2026, 10, 1), toEpochMs: Date.UTC(2026, 10, 2) },
    ]);
    const [head, row] = (await (await get(path, { accept: 'text/csv' })).text()).split('\r\n');
    expect(head).toContain(
      'slo,model,combo,objective,threshold_ms,target,counts_cold,requests,good,bad,ratio,is_met',
    );
    expect(row).toContain('fast,tiny-chat,,ttft_warm,200,0.9,false,10,9,1,0.9,true');
  });

  test('refuses a range that ends before it begins', async () => {
    expect((await get('reports/slo?from=2026-11-02&to=2026-11-01')).status).toBe(400);
  });
});

describe('GET /admin/v1/reports/keepwarm', () => {
  const HOUR = 3_600_000;

  /** Ten requests, half an hour apart, for a combo of the catalogue that takes a second to start. */
  async function record() {
    const base = [...world.deps.catalogue.current().models.keys()][0] as string;
    world.keepWarm.recorded = {
      found: 12,
      combos: [
        {
          combo: base,
          base,
          requests: 10,
          starts: 4,
          waitedMs: 4000,
          startMicroUsd: 40,
          baseMs: 990,
          attachMs: 10,
        },
        {
          combo: 'gone',
          base: 'gone',
          requests: 2,
          starts: 0,
          waitedMs: 0,
          startMicroUsd: 0,
          baseMs: 5,
          attachMs: 5,
        },
      ],
      atEpochMs: Float64Array.from({ length: 12 }, (_, index) => 1e12 + (index * HOUR) / 2),
      combo: Uint32Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]),
      durationMs: new Float64Array(12).fill(100),
    };
    return base;
  }

  test('replays the recorded requests with each time to live', async () => {
    const base = await record();
    const { data } = (await (await get('reports/keepwarm?from=2026-11-01')).json()) as any;
    expect(data.map((row: any) => [row.combo, row.ttl_s, row.cold_starts])).toEqual([
      [base, 0, 10],
      [base, 60, 10],
      [base, 300, 10],
      [base, 900, 10],
      [base, 3600, 1],
      [base, 14_400, 1],
      [base, null, 1],
    ]);
    expect(data[0].waited_s).toBeCloseTo(10, 0);
    expect(data[6].waited_s).toBeCloseTo(1, 0);
    expect(data[6].warm_gb_hours).toBeGreaterThan(data[3].warm_gb_hours);
    expect(data[0]).toMatchObject({
      is_best: null,
      replayed: { requests: 10, found: 12, left_out: 2, hours: 4.5 },
    });
  });

  test('finds the best one by the prices: dear memory lets go, dear starts keep', async () => {
    await record();
    const bestWith = async (deviceGbSecond: number, cold: number) => {
      await world.deps.prices.set(
        { startPolicy: 'initiator', default: { deviceGbSecond, start: { cold } }, models: {}, adapters: {} },
        'api',
      );
      const { data } = (await (await get('reports/keepwarm?from=2026-11-01')).json()) as any;
      const best = data.filter((row: any) => row.is_best);
      expect(best).toHaveLength(1);
      expect(best[0].cost_micro_usd).toBe(Math.min(...data.map((row: any) => row.cost_micro_usd)));
      for (const row of data) {
        const parts = row.memory_micro_usd + row.start_micro_usd + row.wait_micro_usd;
        expect(Math.abs(row.cost_micro_usd - parts)).toBeLessThanOrEqual(1);
      }
      return best[0].ttl_s;
    };
    expect(await bestWith(1000, 0.000001)).toBe(0);
    expect(await bestWith(0.000001, 1000)).toBe(3600);
  });

  test('has CSV, and refuses a negative price of waiting', async () => {
    await record();
    const csv = await (await get('reports/keepwarm?from=2026-11-01&format=csv')).text();
    expect(csv.split('\r\n')[0]).toContain(
      'combo,ttl_s,is_best,cold_starts,waited_s,warm_gb_hours,cost_micro_usd',
    );
    expect((await get('reports/keepwarm?from=2026-11-01&wait_usd_per_second=-1')).status).toBe(400);
  });
});
