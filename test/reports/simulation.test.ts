import { describe, expect, it } from 'vitest';
import { START_KINDS } from '../../gateway/domain/phases.ts';
import type { Outcome } from '../../gateway/reports/replay/tally.ts';
import { type Asked, FLEET, replay, waitsOf } from './replayBuilders.ts';

const kindsOf = ({ kinds }: Outcome): string[] => [...kinds].map((kind) => START_KINDS[kind] ?? '?');
const sum = (values: Iterable<number>): number => [...values].reduce((all, one) => all + one, 0);
const LATE = 1e9;

describe('Simulation, of starts', () => {
  it('has a cold start take a spawn, a load and an attach', () => {
    const asked: Asked[] = [['m', 100]];
    const outcome = replay(asked);
    expect(waitsOf(asked, outcome)).toEqual([300 + 1000 + 10]);
    // `reloadMs` is of loads and attaches: a spawn brings nothing.
    expect(outcome).toMatchObject({ requests: 1, loads: 1, attaches: 1, reloadMs: 1010 });
    expect(outcome).toMatchObject({ joined: 0, refusals: 0, evictedBases: 0, detachedCombos: 0 });
    expect(outcome.begun).toEqual({ warm: 0, attach: 0, wake: 0, staged: 0, cold: 1 });
  });

  it('names its outcome as it was told', () => {
    expect(replay([], { name: 'lru' })).toMatchObject({ policy: 'lru', requests: 0, meanBytes: 0 });
  });

  it('tells the pool five facts of one cold start, and the ticks of each second while somebody waits', () => {
    // Arrival, up, loaded, ready, end; a tick at 1000 ms, and none when all are served.
    expect(replay([['m', 0]]).decides).toBe(6);
  });

  it('has whoever comes while a start is under way join it', () => {
    const asked: Asked[] = [
      ['m', 0],
      ['m', 500],
    ];
    const bases = FLEET.bases.map((base) => ({ ...base, sequences: 2 }));
    const outcome = replay(asked, { fleet: { ...FLEET, bases } });
    expect(waitsOf(asked, outcome)).toEqual([1310, 810]);
    expect(outcome).toMatchObject({ loads: 1, attaches: 1, joined: 1, begun: { cold: 1 } });
    expect([...outcome.joins]).toEqual([0, 1]);
  });

  it('has who finds no free sequence wait until the request before it has ended', () => {
    const asked: Asked[] = [
      ['m', 0, 400],
      ['m', 2000, 700],
      ['m', 2100, 50],
    ];
    const outcome = replay(asked);
    expect(waitsOf(asked, outcome)).toEqual([1310, 0, 600]);
    expect(outcome.begun).toMatchObject({ cold: 1, warm: 2 });
  });

  it('attaches a combo where its base is, and starts a base of its own for another', () => {
    const asked: Asked[] = [
      ['m', 0],
      ['m+a', 5000],
      ['n', 6000],
      ['m', 9000],
    ];
    const outcome = replay(asked);
    expect(waitsOf(asked, outcome)).toEqual([1310, 20, 1330, 0]);
    expect(kindsOf(outcome)).toEqual(['cold', 'attach', 'cold', 'warm']);
    expect(outcome).toMatchObject({ loads: 2, attaches: 3, reloadMs: 1010 + 20 + 1030 });
  });

  it('has a standby take the spawn off a start, once a tick has begun it', () => {
    const early: Asked[] = [['m', 0]];
    const late: Asked[] = [['m', 5000]];
    const settings = { standbys: 1 };
    expect(waitsOf(early, replay(early, { settings }))).toEqual([1310]);
    expect(waitsOf(late, replay(late, { settings }))).toEqual([1010]);
  });

  it('gives up a start that takes longer than its limit, and what that process says later is of no use', () => {
    const told: string[] = [];
    const policy = () => 0;
    const foresight = {
      policy,
      nowMs: 0,
      isBase: () => told.push('base'),
      isCombo: () => told.push('combo'),
    };
    const asked: Asked[] = [
      ['large', 0],
      ['m', 10_000],
    ];
    // The load begins at 300; at 2000 it has had more than 1500 ms. It would have ended at 2300, after its process.
    const outcome = replay(asked, { settings: { startTimeoutMs: 1500 }, foresight });
    expect(waitsOf(asked, outcome)).toEqual([Number.NaN, 1310]);
    expect(outcome).toMatchObject({ refusals: 1, loads: 2, attaches: 1, evictedBases: 0, peakBytes: 2000 });
    // Held from 300 until the process has gone at 2150; then m's base and context until 11360.
    expect(outcome.meanBytes).toBeCloseTo((2000 * 1850 + 1000 * 1060 + 100 * 60) / 11_360, 9);
    expect([...outcome.byteMs]).toEqual([1000 * 1060 + 100 * 60, 0, 0, 0, 0]);
    expect(told).toEqual(['base', 'combo']);
  });

  it('refuses a request for a combo that the fleet does not have', () => {
    expect(() => replay([['other', 0]])).toThrow('Cannot replay request 0: expected a combo of the fleet');
  });
});

describe('Simulation, of room', () => {
  it('evicts an idle base where memory is full: its process stops, then the other one starts', () => {
    const asked: Asked[] = [
      ['m', 0],
      ['large', 5000],
    ];
    const outcome = replay(asked, { settings: { memoryBytes: 2200 } });
    expect(waitsOf(asked, outcome)).toEqual([1310, 150 + 300 + 2000 + 40]);
    expect(outcome).toMatchObject({ evictedBases: 1, detachedCombos: 0, loads: 2, peakBytes: 2200 });
  });

  it('detaches an idle combo where that is enough', () => {
    const asked: Asked[] = [
      ['m', 0],
      ['m+a', 5000],
    ];
    const outcome = replay(asked, { settings: { memoryBytes: 1150 } });
    expect(waitsOf(asked, outcome)).toEqual([1310, 5 + 20]);
    expect(outcome).toMatchObject({ evictedBases: 0, detachedCombos: 1, loads: 1, peakBytes: 1100 });
  });

  it('replaces a busy base after the time for that, once what runs there has ended', () => {
    const asked: Asked[] = [
      ['m', 0, 10_000],
      ['large', 2000],
      ['m', 5000],
    ];
    const outcome = replay(asked, { settings: { maxRunners: 1, swapAfterMs: 2000 } });
    // m ends at 11310 and has stopped at 11460; large takes 2340 ms, runs 50 and stops, then m takes 1310.
    expect(waitsOf(asked, outcome)).toEqual([1310, 11_460 + 2340 - 2000, 13_850 + 150 + 1310 - 5000]);
    expect(outcome).toMatchObject({ evictedBases: 2, loads: 3, refusals: 0 });
  });

  it('refuses who has waited for room up to the limit, on the grid of 200 ms', () => {
    const asked: Asked[] = [
      ['m', 0, 10_000],
      ['n', 2100],
      ['m', 11_400],
    ];
    const settings = { maxRunners: 1, swapAfterMs: LATE, startTimeoutMs: 3000 };
    const outcome = replay(asked, { settings });
    expect(waitsOf(asked, outcome)).toEqual([1310, Number.NaN, 0]);
    expect(outcome).toMatchObject({ refusals: 1, meanWaitMs: 655, requests: 3 });
    // Seven facts of m (one more arrival and end), n's arrival, a tick at 1000, and those from 2200 to 5200.
    expect(outcome.decides).toBe(7 + 1 + 1 + 16);
  });

  it('refuses at once what can never fit, and counts each one', () => {
    const asked: Asked[] = [
      ['large', 0],
      ['m', 10],
      ['large', 20],
    ];
    const outcome = replay(asked, { settings: { memoryBytes: 2000 } });
    expect(waitsOf(asked, outcome)).toEqual([Number.NaN, 1310, Number.NaN]);
    expect(outcome).toMatchObject({ refusals: 2, loads: 1, peakBytes: 1100 });
  });

  it('goes on while somebody waits and nothing else is under way', () => {
    const asked: Asked[] = [
      ['m', 0],
      ['n', 2000],
    ];
    // m's base was ready at 1300 and stays until the tick of 6400; then a stop and a cold start.
    const settings = { maxRunners: 1, minResidencyMs: 5000, swapAfterMs: LATE };
    const outcome = replay(asked, { settings });
    expect(waitsOf(asked, outcome)).toEqual([1310, 6400 + 150 + 1330 - 2000]);
  });
});

describe('Simulation, of bytes', () => {
  it('holds weights from the load on and a context from the attach on, until the last answer', () => {
    const { byteMs, meanBytes, peakBytes } = replay([['m', 100]]);
    // Load at 400, attach at 1400, grant at 1410, end at 1460.
    expect([...byteMs]).toEqual([1000 * 1060 + 100 * 60, 0, 0, 0, 0]);
    expect(meanBytes).toBeCloseTo((1000 * 1060 + 100 * 60) / 1460, 9);
    expect(peakBytes).toBe(1100);
  });

  it('holds all of a process until it has gone, and no longer', () => {
    const outcome = replay(
      [
        ['m', 0],
        ['large', 5000],
      ],
      { settings: { memoryBytes: 2200 } },
    );
    // m: 300, 1300, gone at 5150. large: 5450, 7450, end at 7540.
    const [m, n, large] = outcome.byteMs;
    expect([m, n, large]).toEqual([1000 * 4850 + 100 * 3850, 0, 2000 * 2090 + 200 * 90]);
    expect(outcome.meanBytes * 7540).toBeCloseTo(sum(outcome.byteMs), 3);
  });

  it('lays the base on the combos of its runner in equal shares, and holds a context until it is detached', () => {
    const outcome = replay(
      [
        ['m', 0],
        ['m+a', 5000],
      ],
      { settings: { memoryBytes: 1150 } },
    );
    // m has the base from 300 to 5005, its context from 1300; m+a both from then to its end at 5075.
    expect([...outcome.byteMs]).toEqual([1000 * 4705 + 100 * 3705, 0, 0, 1100 * 70, 0]);
    const shared = replay([
      ['m', 0],
      ['m+a', 5000],
    ]);
    // Both from 5000 to 5070.
    expect([...shared.byteMs]).toEqual([1000 * 4700 + 100 * 3700 + 600 * 70, 0, 0, 600 * 70, 0]);
    expect(shared.peakBytes).toBe(1200);
  });

  it('takes nothing from a process that has gone before its combo was detached', () => {
    const outcome = replay(
      [
        ['m', 0],
        ['large', 1361],
      ],
      {
        idleTtlMs: 0,
        times: { spawnMs: 300, detachMs: 5, stopMs: 1 },
        settings: { memoryBytes: 2200 },
      },
    );
    // The context goes from 1360 on, the whole process at 1362. large: load at 1662, attach at 3662, end at 3752.
    const [m, , large] = outcome.byteMs;
    expect(m).toBe(1000 * 1062 + 100 * 62);
    expect(large).toBe(2000 * 2090 + 200 * 90);
    expect(outcome).toMatchObject({ peakBytes: 2200, detachedCombos: 2, evictedBases: 1 });
    expect(outcome.meanBytes * 3752).toBeCloseTo(sum(outcome.byteMs), 3);
  });
});

describe('Simulation, of time', () => {
  const twice: Asked[] = [
    ['m', 0],
    ['m', 60_000],
  ];

  it('keeps what is idle for ever without a time to live', () => {
    const outcome = replay(twice);
    expect(waitsOf(twice, outcome)).toEqual([1310, 0]);
    expect(kindsOf(outcome)).toEqual(['cold', 'warm']);
    expect(outcome.byteMs[0]).toBe(1000 * 59_750 + 100 * 58_750);
  });

  it('lets go of what was idle for its time to live at the next whole second', () => {
    const outcome = replay(twice, { idleTtlMs: 10_000 });
    expect(waitsOf(twice, outcome)).toEqual([1310, 1310]);
    // Idle from 1360 on, so over at 11360; the tick of 12000 stops it. That is no eviction, nor is a combo detached first.
    expect(outcome.byteMs[0]).toBe(1000 * 11_850 + 100 * 10_850 + 1000 * 1060 + 100 * 60);
    expect(outcome).toMatchObject({ loads: 2, evictedBases: 0, detachedCombos: 0 });
  });

  it('looks for idle ones as often as it is told, and on the grid of 200 ms with every tick', () => {
    const seldom = replay(twice, { idleTtlMs: 10_000, slowTickMs: 5000 });
    expect(seldom.byteMs[0]).toBe(1000 * 14_850 + 100 * 13_850 + 1000 * 1060 + 100 * 60);
    const all = replay(twice, { idleTtlMs: 10_000, ticks: 'all' });
    expect(all.byteMs[0]).toBe(1000 * 11_250 + 100 * 10_250 + 1000 * 1060 + 100 * 60);
  });

  it('detaches a combo at the end of its last request when the time to live is 0, its base at the next tick', () => {
    const outcome = replay(twice, { idleTtlMs: 0 });
    // Ends at 1360: the context goes at 1365, the base from the tick of 2000 on, at 2150. The lone base is the last combo's.
    expect(outcome.byteMs[0]).toBe(1000 * 1850 + 100 * 65 + 1000 * 1060 + 100 * 60);
    expect(outcome).toMatchObject({ loads: 2, detachedCombos: 2, evictedBases: 0 });
  });

  it('has who arrives at the very moment of an end, or of a tick, come before it', () => {
    const atEnd: Asked[] = [
      ['m', 0],
      ['m', 1360],
    ];
    expect(waitsOf(atEnd, replay(atEnd, { idleTtlMs: 0 }))).toEqual([1310, 0]);
    const atTick: Asked[] = [
      ['m', 0],
      ['m', 12_000],
    ];
    expect(waitsOf(atTick, replay(atTick, { idleTtlMs: 10_000 }))).toEqual([1310, 0]);
    const afterTick: Asked[] = [
      ['m', 0],
      ['m', 12_001],
    ];
    expect(waitsOf(afterTick, replay(afterTick, { idleTtlMs: 10_000 }))).toEqual([1310, 1310]);
  });

  it('goes to the end of the last request and no further, whatever is under way then', () => {
    const held = 1000 * (101_310 - 300) + 100 * (101_310 - 1300);
    // With a time to live of 0 a detach begins at that moment.
    for (const idleTtlMs of [null, 0, 60_000])
      expect(replay([['m', 0, 100_000]], { idleTtlMs }).byteMs[0]).toBe(held);
    // What was refused leaves a load behind, which would go on until 2300.
    const { meanBytes } = replay([['large', 0]], { settings: { startTimeoutMs: 500 } });
    expect(meanBytes).toBeCloseTo((2000 * 700) / 1000, 9);
  });

  it('comes to the same waits and bytes with every tick as with the needed ones, where nothing goes by time', () => {
    const asked: Asked[] = [
      ['m', 0, 3000],
      ['n', 130],
      ['m+a', 2222],
      ['large', 3500],
      ['m', 9050],
    ];
    const settings = { maxRunners: 1, memoryBytes: 2250 };
    const { decides: needed, ...some } = replay(asked, { settings });
    const { decides, ...all } = replay(asked, { settings, ticks: 'all' });
    expect(all).toEqual(some);
    expect(decides).toBeGreaterThan(needed);
  });
});
