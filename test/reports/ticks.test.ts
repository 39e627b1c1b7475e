import { describe, expect, it } from 'vitest';
import { requestId, runnerId } from '../../gateway/domain/ids.ts';
import { decide } from '../../gateway/pool/decide.ts';
import type { PoolSettings } from '../../gateway/pool/settings.ts';
import { emptyPool, type PoolState } from '../../gateway/pool/state.ts';
import { catalogueOfFleet } from '../../gateway/reports/replay/fleet.ts';
import { nextTickMs } from '../../gateway/reports/replay/ticks.ts';
import { SETTINGS } from '../pool/builders.ts';
import { FLEET } from './replayBuilders.ts';

const NEVER = Number.POSITIVE_INFINITY;
const { catalogue, combos } = catalogueOfFleet(FLEET, null);

const pool = (settings: Partial<PoolSettings> = {}): PoolState =>
  emptyPool({ ...SETTINGS, ...settings }, catalogue, 't');

/** Asks for a combo of the fleet, at time 0. */
function ask(state: PoolState, combo: number): PoolState {
  const found = combos[combo];
  if (!found) throw new Error(`Cannot ask for combo ${combo}: expected one of the fleet`);
  const id = requestId(`q${combo}`);
  return decide(state, { type: 'requestArrived', requestId: id, combo: found, keepAliveMs: undefined }, 0)
    .state;
}

/** Its only runner has base m ready, and nobody asks for anything. */
function idle(settings: Partial<PoolSettings> = {}): PoolState {
  const state = ask(pool(settings), 0);
  const id = runnerId('r_t_1');
  const [combo] = combos;
  if (!combo) throw new Error('Cannot start: expected a combo');
  const { key } = combo;
  decide(state, { type: 'runnerUp', runnerId: id }, 0);
  decide(state, { type: 'runnerLoaded', runnerId: id, weightBytes: 1000 }, 0);
  decide(state, { type: 'comboReady', runnerId: id, comboKey: key, kvBytes: 100, computeBytes: 0 }, 0);
  return decide(state, { type: 'requestEnded', requestId: requestId('q0') }, 0).state;
}

describe('nextTickMs()', () => {
  it('is the next of the whole grid of 200 ms when all are wanted', () => {
    for (const [nowMs, tickMs] of [
      [0, 200],
      [199.5, 200],
      [200, 400],
      [1030, 1200],
    ] as const)
      expect(nextTickMs(pool(), 'all', nowMs, 0)).toBe(tickMs);
    expect(nextTickMs(ask(pool(), 0), 'all', 30, 0)).toBe(200);
  });

  it('never comes while nobody waits and nothing goes by time, not even one that was promised', () => {
    expect(nextTickMs(pool(), 'no ttl', 50, 200)).toBe(NEVER);
    expect(nextTickMs(pool(), 'ttl', 50, 200)).toBe(NEVER);
    expect(nextTickMs(idle(), 'no ttl', 50, 200)).toBe(NEVER);
  });

  it('comes each second while somebody waits for a start that is under way', () => {
    const state = ask(pool(), 0);
    expect(nextTickMs(state, 'no ttl', 0, 0)).toBe(1000);
    expect(nextTickMs(state, 'no ttl', 1000, 1000)).toBe(2000);
    // Where somebody waits, a rarer look at idle ones is no reason to come later.
    expect(nextTickMs(state, 'ttl', 0, 0, 5000)).toBe(1000);
  });

  it('comes each 200 ms while somebody waits for room', () => {
    const state = ask(ask(pool({ maxRunners: 1 }), 0), 1);
    expect(nextTickMs(state, 'no ttl', 0, 0)).toBe(200);
    expect(nextTickMs(state, 'ttl', 1000, 1000)).toBe(1200);
  });

  it('comes each 200 ms while a standby is missing, which a runner with a base is none of', () => {
    expect(nextTickMs(pool({ standbys: 1 }), 'no ttl', 0, 0)).toBe(200);
    expect(nextTickMs(idle({ standbys: 1 }), 'no ttl', 0, 0)).toBe(200);
  });

  it('need not come for standbys once they are there or on their way, nor while a request goes before them', () => {
    const state = decide(pool({ standbys: 1 }), { type: 'tick' }, 200).state;
    expect(nextTickMs(state, 'no ttl', 200, 200)).toBe(NEVER);
    expect(nextTickMs(ask(pool({ standbys: 1 }), 0), 'no ttl', 0, 0)).toBe(1000);
  });

  it('comes each second, or as often as it is told, where idle ones have a time to live', () => {
    expect(nextTickMs(idle(), 'ttl', 1500, 1000)).toBe(2000);
    expect(nextTickMs(idle(), 'ttl', 1500, 1000, 8000)).toBe(8000);
  });

  it('need not come for standbys, which have no time to live', () => {
    const state = decide(pool({ standbys: 1 }), { type: 'tick' }, 200).state;
    expect(nextTickMs(state, 'ttl', 200, 200)).toBe(NEVER);
  });

  it('is not put off once promised, but comes sooner where there is haste', () => {
    expect(nextTickMs(idle(), 'ttl', 1050, 1200)).toBe(1200);
    expect(nextTickMs(idle(), 'ttl', 1050, 2050)).toBe(2050);
    const inHaste = ask(ask(pool({ maxRunners: 1 }), 0), 1);
    expect(nextTickMs(inHaste, 'ttl', 1050, 8000)).toBe(1200);
  });
});
