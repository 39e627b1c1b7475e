import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deviceName, runnerId, segmentKey } from '../../gateway/domain/ids.ts';
import {
  adoptPages,
  bytesThere,
  carriedBytes,
  comingPages,
  freedPages,
  isBooked,
  mapPages,
  mapsElsewhere,
  pagesAsleep,
  pagesKey,
  pagesMapped,
  pagesNeed,
  pagesOf,
  readsSource,
  segmentMissing,
  sharedBytes,
  unmapPages,
} from '../../gateway/pool/pages.ts';
import { emptyPool, type PoolState, type Runner } from '../../gateway/pool/state.ts';
import { catalogueOf, model, SETTINGS } from './builders.ts';

const FILE = segmentKey('file');
const OTHER = segmentKey('other');
const A = model('a', { segment: FILE });
const B = model('b', { segment: OTHER });
const OWN = model('own', { segment: null });
const MODELS = [A, B, OWN];

/** A pool that has these runners in these states, whatever else they do. */
function poolOf(...runners: readonly Pick<Runner, 'id' | 'model' | 'state'>[]): PoolState {
  const state = emptyPool(SETTINGS, catalogueOf(MODELS, []), 't');
  for (const runner of runners) state.runners.set(runner.id, { device: null, ...runner } as Runner);
  return state;
}

const runner = (id: string, base = A, state: Runner['state'] = 'ready') =>
  ({ id: runnerId(id), model: base, device: null, state }) as const;
const nobody = () => false;

describe('pagesKey()', () => {
  it.each([
    ['mapped in host memory', A, null, FILE],
    ['on a device', A, deviceName('gpu0'), null],
    ['repacked', { ...A, repack: true }, null, null],
    ['read', { ...A, useMmap: false }, null, null],
    ['without a name', OWN, null, null],
  ])('of weights that are %s', (_, base, device, key) => {
    expect(pagesKey(base, device)).toBe(key);
  });
});

describe('pages that are mapped', () => {
  it('are at the source for the first where the store has no segment, and for all after it', () => {
    const [one, two] = [runner('one'), runner('two')];
    const state = poolOf(one, two);
    expect([readsSource(state, A, null), pagesOf(state, one)]).toEqual([false, undefined]);
    mapPages(state, one, 10);
    expect([readsSource(state, A, null), readsSource(state, B, null)]).toEqual([true, false]);
    expect(readsSource(state, A, deviceName('gpu0'))).toBe(false);
    expect([mapsElsewhere(state, A, null, false), mapsElsewhere(state, A, null, true)]).toEqual([
      true,
      false,
    ]);
    expect(mapsElsewhere(state, B, null, false)).toBe(false);
    expect(mapsElsewhere(state, OWN, null, false)).toBe(false);
    expect(pagesOf(state, two)).toBeUndefined();
    mapPages(state, two, 10);
    expect(state.pages.size).toBe(1);
    expect([pagesOf(state, two)?.atSource, isBooked(state, FILE)]).toEqual([true, false]);
  });

  it('are none of a runner that shares nothing, or has no base', () => {
    const state = poolOf();
    mapPages(state, runner('own', OWN), 10);
    adoptPages(state, runner('own', OWN), 10, true);
    expect(state.pages.size).toBe(0);
    mapPages(state, runner('one'), 10);
    expect(pagesOf(state, { id: runnerId('none'), model: null })).toBeUndefined();
    expect(pagesOf(state, runner('own', OWN))).toBeUndefined();
    expect(pagesOf(state, runner('one', B))).toBeUndefined();
    unmapPages(state, { id: runnerId('none'), model: null });
    expect(sharedBytes(state)).toBe(10);
  });

  it('move to the source when the store does not bring them, unless somebody has them', () => {
    const [one, two] = [runner('one'), runner('two')];
    const state = poolOf(one, two);
    adoptPages(state, one, 10, false);
    mapPages(state, two, 10);
    segmentMissing(state, FILE);
    expect([pagesOf(state, two)?.atSource, isBooked(state, FILE)]).toEqual([false, true]);
    unmapPages(state, one);
    segmentMissing(state, FILE);
    expect([pagesOf(state, two)?.atSource, isBooked(state, FILE)]).toEqual([true, false]);
  });

  it('are known to be there once a runner has said so, also while it sleeps and when it maps them again', () => {
    for (const told of [
      (state: PoolState) => pagesMapped(state, runner('one'), 10, false),
      (state: PoolState) => pagesAsleep(state, runner('one')),
    ]) {
      const state = poolOf(runner('one'));
      mapPages(state, runner('one'), 10);
      pagesMapped(state, runner('one'), 10, false);
      told(state);
      mapPages(state, runner('one'), 10);
      segmentMissing(state, FILE);
      expect(pagesOf(state, runner('one'))?.atSource).toBe(false);
    }
  });

  it('are not booked with the store while they only sleep', () => {
    const state = poolOf(runner('one'));
    adoptPages(state, runner('one'), 10, false);
    pagesAsleep(state, runner('one'));
    expect([isBooked(state, FILE), sharedBytes(state), carriedBytes(state, runner('one'))]).toEqual([
      false,
      0,
      0,
    ]);
    expect(pagesOf(state, runner('one'))).toBeDefined();
  });

  it('follow their only runner to where it found them, and are not its any more where others have them elsewhere', () => {
    const state = poolOf(runner('one'), runner('two'));
    mapPages(state, runner('one'), 10);
    pagesMapped(state, runner('one'), 12, false);
    expect(pagesOf(state, runner('one'))?.atSource).toBe(false);
    pagesMapped(state, runner('one'), 12, undefined);
    mapPages(state, runner('two'), 12);
    pagesMapped(state, runner('two'), 12, true);
    expect([pagesOf(state, runner('two')), sharedBytes(state)]).toEqual([undefined, 12]);
  });
});

describe('pagesNeed()', () => {
  it('is what is there for a start, and nothing for what shares nothing or a sleeper with a copy of its own', () => {
    const state = poolOf(runner('one'));
    expect(pagesNeed(state, OWN, null, 7, null)).toBeNull();
    const first = pagesNeed(state, A, null, 7, null);
    expect([first, bytesThere(first), bytesThere(null)]).toEqual([{ pages: undefined, bytes: 7 }, 0, 0]);
    mapPages(state, runner('one'), 10);
    expect(bytesThere(pagesNeed(state, A, null, 7, null))).toBe(7);
    expect(bytesThere(pagesNeed(state, A, null, 70, null))).toBe(10);
    expect(bytesThere(pagesNeed(state, A, null, 7, runner('one')))).toBe(7);
    expect(pagesNeed(state, A, null, 7, runner('stranger'))).toBeNull();
  });
});

/** What the books must say, worked out anew from all mappings. */
function stays(state: PoolState, key: string, isOut: (id: string) => boolean, needed: number): number {
  const pages = state.pages.get(segmentKey(key));
  const bytes = [...(pages?.mappings ?? [])]
    .filter(([id]) => {
      const found = state.runners.get(id);
      return found && found.state !== 'stopping' && found.state !== 'dozing' && !isOut(id);
    })
    .map(([, mapping]) => mapping.bytes);
  return Math.max(0, needed, ...bytes);
}

const IDS = ['r1', 'r2', 'r3', 'r4', 'r5'];
const world = fc.record({
  runners: fc.array(
    fc.record({
      isOther: fc.boolean(),
      shares: fc.boolean(),
      bytes: fc.integer({ min: 0, max: 9 }),
      state: fc.constantFrom<Runner['state']>('ready', 'loading', 'stopping', 'dozing', 'asleep'),
      isGone: fc.boolean(),
      isGoing: fc.boolean(),
    }),
    { minLength: 1, maxLength: IDS.length },
  ),
  need: fc.option(fc.record({ isOther: fc.boolean(), bytes: fc.integer({ min: 0, max: 12 }) })),
});

function build({ runners, need }: typeof world extends fc.Arbitrary<infer T> ? T : never) {
  const made = runners.map(({ isOther, state }, at) => runner(IDS[at] ?? '', isOther ? B : A, state));
  const state = poolOf(...made);
  for (const [at, { shares, bytes }] of runners.entries()) {
    const one = made[at];
    if (one && shares) mapPages(state, one, bytes);
  }
  const idsWhere = (flag: 'isGone' | 'isGoing') =>
    new Set(made.filter((_, at) => runners[at]?.[flag]).map(({ id }): string => id));
  const needed = need && pagesNeed(state, need.isOther ? B : A, null, need.bytes, null);
  return { state, gone: idsWhere('isGone'), going: idsWhere('isGoing'), need: needed };
}

describe('the sums of shared pages', () => {
  const neededOf = (key: string, state: PoolState, need: ReturnType<typeof pagesNeed>) =>
    need?.pages !== undefined && need.pages === state.pages.get(segmentKey(key)) ? bytesThere(need) : 0;

  it('are booked once, with the oldest of those that map the most', () => {
    fc.assert(
      fc.property(world, (given) => {
        const { state } = build(given);
        let sum = 0;
        for (const [key, pages] of state.pages) {
          const most = Math.max(...[...pages.mappings.values()].map(({ bytes }) => bytes));
          expect(pages.bytes).toBe(most);
          const carrier = [...pages.mappings].find(([, { bytes }]) => bytes === most)?.[0];
          expect(pages.carrier).toBe(most === 0 ? null : carrier);
          sum += most;
          expect(isBooked(state, key)).toBe(false);
        }
        expect(sharedBytes(state)).toBe(sum);
        const carried = [...state.runners.values()].map((one) => carriedBytes(state, one));
        expect(carried.reduce((all, bytes) => all + bytes, 0)).toBe(sum);
      }),
    );
  });

  it('come when those that leave have gone', () => {
    fc.assert(
      fc.property(world, (given) => {
        const { state, need } = build(given);
        const left = [...state.runners.values()].filter((one) => ['stopping', 'dozing'].includes(one.state));
        const keys = new Set(left.flatMap((one) => (pagesOf(state, one) ? [one.model?.segment ?? ''] : [])));
        let coming = 0;
        for (const key of keys)
          coming +=
            (state.pages.get(segmentKey(key))?.bytes ?? 0) -
            stays(state, key, nobody, neededOf(key, state, need));
        expect(comingPages(state, need)).toBe(coming);
      }),
    );
  });

  it('are freed by runners that go, beside those that are counted already', () => {
    fc.assert(
      fc.property(world, (given) => {
        const { state, gone, going, need } = build(given);
        const goers = [...state.runners.values()].filter(({ id }) => going.has(id));
        const keys = new Set(goers.flatMap((one) => (pagesOf(state, one) ? [one.model?.segment ?? ''] : [])));
        let freed = 0;
        for (const key of keys) {
          const needed = neededOf(key, state, need);
          freed += stays(state, key, (id) => gone.has(id), needed);
          freed -= stays(state, key, (id) => gone.has(id) || going.has(id), needed);
        }
        expect(freedPages(state, goers, ({ id }) => gone.has(id), need)).toBe(freed);
      }),
    );
  });

  it('are what they were before when a runner has gone again', () => {
    fc.assert(
      fc.property(world, fc.nat(9), (given, bytes) => {
        const { state } = build(given);
        const told = (): unknown =>
          [...state.pages].map(([key, { carrier, bytes: booked, mappings }]) => [
            key,
            carrier,
            booked,
            [...mappings],
          ]);
        const before = told();
        const late = { ...runner('late'), id: runnerId('late') };
        mapPages(state, late, bytes);
        unmapPages(state, late);
        expect(told()).toEqual(before);
      }),
    );
  });
});
