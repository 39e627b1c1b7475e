import { describe, expect, test } from 'vitest';
import { strike } from '../../gateway/pool/quarantine.ts';
import { comboViews } from '../../gateway/shell/comboViews.ts';
import { BROKEN, PoolDriver } from '../pool/driver.ts';

const NOON = Date.UTC(2026, 10, 21, 12);
const views = (pool: PoolDriver) => comboViews(pool.state, { monoMs: pool.nowMs, epochMs: NOON });

describe('comboViews()', () => {
  test('comboViews() lists bases and each adapter on its base, in the order of their names', () => {
    const found = views(new PoolDriver());
    expect(found.map(({ combo }) => combo)).toEqual(['a', 'a+x', 'a+y', 'b', 'b+z', 'c']);
    expect(found[1]).toEqual({
      object: 'combo',
      combo: 'a+x',
      base: 'a',
      status: 'unloaded',
      runners: [],
      waiting: 0,
      quarantine: null,
    });
  });

  test('comboViews() tells which runner has a combo ready, and how many wait for one', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    pool.arrive('q1', 'a+x@0.5');
    pool.arrive('q2', 'a+x@0.5');
    const found = views(pool);
    expect(found.find(({ combo }) => combo === 'a')).toMatchObject({ status: 'loaded', runners: ['r_t_1'] });
    expect(found.find(({ combo }) => combo === 'a+x@0.5')).toMatchObject({
      status: 'loading',
      runners: [],
      waiting: 2,
    });
  });

  test('comboViews() tells until when a combo is quarantined and why, no longer than it is', () => {
    const pool = new PoolDriver({ quarantineBaseMs: 5000, quarantineCapMs: 5000 });
    const combo = pool.combo('a+x@0.5');
    for (let times = 0; times < 2; times += 1) strike(pool.state, { scope: 'combo', combo }, BROKEN, 0, []);
    pool.nowMs = 1000;
    const quarantine = {
      scope: 'combo',
      failures: 2,
      until: '2026-11-21T12:00:04.000Z',
      last_error: { code: 'start_failed', message: 'Cannot start: broken' },
    };
    expect(views(pool).find((view) => view.combo === combo.name)?.quarantine).toEqual(quarantine);
    pool.nowMs = 5000;
    expect(views(pool).find((view) => view.combo === combo.name)?.quarantine).toBeNull();
  });

  test('comboViews() shows the quarantine of a base on all its combos while no runner holds it', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    for (let times = 0; times < 2; times += 1)
      strike(pool.state, { scope: 'base', model: pool.combo('a').model }, BROKEN, 0, []);
    const scopes = () => views(pool).map(({ quarantine }) => quarantine?.scope ?? null);
    expect(scopes()).toEqual([null, null, null, null, null, null]);
    pool.killed('r1');
    expect(scopes()).toEqual(['base', 'base', 'base', null, null, null]);
  });
});
