import { describe, expect, it } from 'vitest';
import type { Combo } from '../../gateway/domain/combo.ts';
import { parseCombo } from '../../gateway/domain/combo.ts';
import type { Worth } from '../../gateway/pool/eviction.ts';
import { catalogueOfFleet } from '../../gateway/reports/replay/fleet.ts';
import type { Foresight, Outlook } from '../../gateway/reports/replay/simulation.ts';
import { type Asked, FLEET, replay, waitsOf } from './replayBuilders.ts';

const { catalogue } = catalogueOfFleet(FLEET, null);

function comboOf(name: string): Combo {
  const combo = parseCombo(name, [], catalogue);
  if (!combo.ok) throw new Error(combo.error.message);
  return combo.value;
}

/** Lets the last of the fleet go first, and says what it was told. */
class LastGoesFirst implements Foresight {
  nowMs = Number.NaN;
  readonly told: string[] = [];
  /** When it was asked to rank something, and whether it knew what. */
  readonly asked: { readonly nowMs: number; readonly isKnown: boolean }[] = [];
  readonly #ranks = new Map<Worth, number>();

  isBase(worth: Worth, base: number): void {
    this.told.push(`base ${base}`);
    this.#ranks.set(worth, -base);
  }

  isCombo(worth: Worth, combo: number): void {
    this.told.push(`combo ${combo}`);
    this.#ranks.set(worth, -combo);
  }

  readonly policy = ({ worth }: { readonly worth: Worth }): number => {
    this.asked.push({ nowMs: this.nowMs, isKnown: this.#ranks.has(worth) });
    return this.#ranks.get(worth) ?? 0;
  };
}

/** Looks ahead at the given times, and finds the same combo each time. */
class OneLikely implements Outlook {
  readonly log: string[] = [];
  readonly terms: Outlook['terms'];
  readonly #combo: Combo;
  readonly #looks: number[];

  constructor(name: string, looks: readonly number[], budgetBytes = 1e9) {
    this.#combo = comboOf(name);
    this.#looks = [...looks];
    this.terms = { horizonMs: 60_000, minChance: 0.5, budgetBytes };
  }

  get nextMs(): number {
    return this.#looks[0] ?? Number.POSITIVE_INFINITY;
  }

  arrived({ name }: Combo, nowMs: number): void {
    this.log.push(`${name} at ${nowMs}`);
  }

  look(nowMs: number) {
    this.#looks.shift();
    this.log.push(`look at ${nowMs}`);
    return [{ combo: this.#combo, chance: 1 }];
  }
}

describe('Simulation with foresight', () => {
  const three: Asked[] = [
    ['m', 0],
    ['n', 2000],
    ['large', 5000],
    ['m', 10_000],
  ];
  const settings = { maxRunners: 2 };

  it('evicts by its policy, and by the settings without one', () => {
    const foresight = new LastGoesFirst();
    // n goes, which is the younger one, and m is still there.
    expect(waitsOf(three, replay(three, { settings, foresight }))).toEqual([1310, 1330, 2490, 0]);
    expect(waitsOf(three, replay(three, { settings }))).toEqual([1310, 1330, 2490, 150 + 1310]);
  });

  it('is told whose worth the pool books for each base and combo that gets ready, and when it decides', () => {
    const foresight = new LastGoesFirst();
    replay(three, { settings, foresight });
    expect(foresight.told).toEqual(['base 0', 'combo 0', 'base 1', 'combo 1', 'base 2', 'combo 2']);
    expect(foresight.asked).toEqual([
      { nowMs: 5000, isKnown: true },
      { nowMs: 5000, isKnown: true },
    ]);
  });

  it('ranks the combos of a runner, too', () => {
    const asked: Asked[] = [
      ['m', 0],
      ['m+a', 2000],
      ['m+b', 3000],
      ['m', 4000],
      ['m+a', 5000],
    ];
    const foresight = new LastGoesFirst();
    const outcome = replay(asked, { settings: { maxCombosPerRunner: 2 }, foresight });
    // m+a gives way for m+b, then that one for m+a: a detach and an attach each.
    expect(waitsOf(asked, outcome)).toEqual([1310, 20, 55, 0, 25]);
    expect(foresight.told).toEqual(['base 0', 'combo 0', 'combo 3', 'combo 4', 'combo 3']);
    expect(outcome).toMatchObject({ detachedCombos: 2, evictedBases: 0 });
  });
});

describe('Simulation with an outlook', () => {
  const asked: Asked[] = [['m', 10_000]];

  it('starts what is likely before anybody asks', () => {
    const outcome = replay(asked, { outlook: new OneLikely('m', [4000]) });
    expect(waitsOf(asked, outcome)).toEqual([0]);
    expect(outcome).toMatchObject({ begun: { warm: 1, cold: 0 }, loads: 1, attaches: 1 });
    // Load at 4300, attach at 5300, to the end at 10050.
    expect(outcome.byteMs[0]).toBe(1000 * 5750 + 100 * 4750);
  });

  it('starts nothing beyond the budget of its terms', () => {
    const outcome = replay(asked, { outlook: new OneLikely('m', [4000], 1099) });
    expect(waitsOf(asked, outcome)).toEqual([1310]);
    expect(outcome.begun).toMatchObject({ warm: 0, cold: 1 });
  });

  it('hears of every arrival, and looks whenever it wants to, after who arrives at that time', () => {
    const outlook = new OneLikely('m', [4000, 8000, 10_000]);
    const more: Asked[] = [...asked, ['n', 20_000]];
    replay(more, { outlook });
    expect(outlook.log).toEqual([
      ...['look at 4000', 'look at 8000', 'm at 10000', 'look at 10000', 'n at 20000'],
    ]);
  });

  it('looks before what happens later, and after what happens by then', () => {
    const outlook = new OneLikely('m+a', [500, 1310, 1400]);
    const outcome = replay(
      [
        ['m', 0],
        ['n', 20_000],
      ],
      { outlook },
    );
    expect(outlook.log).toEqual(['m at 0', 'look at 500', 'look at 1310', 'look at 1400', 'n at 20000']);
    // Already expected at 500: it is attached as soon as the base is there, at 1300.
    expect(outcome.byteMs[3]).toBe(600 * (20_000 + 1330 + 50 - 1300));
  });

  it('looks no more when nobody is to come', () => {
    const outlook = new OneLikely('n', [500]);
    expect(replay([['m', 0]], { outlook })).toMatchObject({ loads: 1 });
    expect(outlook.log).toEqual(['m at 0']);
  });

  it('refuses to start what the catalogue has and the fleet has not', () => {
    expect(() => replay(asked, { outlook: new OneLikely('m+a@0.5', [4000]) })).toThrow(
      /^Cannot replay "m\+a@0\.5.*": expected one of the fleet$/,
    );
  });
});
