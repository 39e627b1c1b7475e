import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Catalogue, CatalogueModel } from '../../gateway/domain/catalogue.ts';
import { type Combo, parseCombo } from '../../gateway/domain/combo.ts';
import { deviceName, segmentKey } from '../../gateway/domain/ids.ts';
import type { PoolSettings } from '../../gateway/pool/settings.ts';
import type { WaitTerms } from '../../gateway/pool/terms.ts';
import { adapter, catalogueOf, model } from './builders.ts';
import { missingReplicas } from './keeping.ts';
import type { Faults } from './processes.ts';
import { wrongStandbys } from './spawning.ts';
import { World } from './world.ts';

/** Events over all properties of this file; the nightly run sets a million. */
const EVENTS = Number(process.env['HEARTH_POOL_EVENTS'] ?? 40_000);
const EVENTS_PER_RUN = 100;

/** An ordinary run plays the same worlds each time, so that it says what a change has done; the nightly run plays others. */
const ORDINARY_SEED = 2026;

/** More than a spawn and a tick for each of them, and than what is idle stays on a device that has no room for them. */
const STANDBYS_ARE_BACK_MS = 5_000;

const NAMES = ['a', 'a+x', 'a+y@0.5', 'a+x+y', 'b', 'b+z', 'c', 'd'];
const ORDERS = { warm: 'warmAsked', evict: 'evictAsked', lift: 'liftAsked' } as const;
const pick = fc.nat({ max: 1000 });
const keepAliveMs = fc.constantFrom(undefined, undefined, 0, 500, Number.POSITIVE_INFINITY);

const calmStep = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('arrive' as const),
      combo: fc.constantFrom(...NAMES),
      keepAliveMs,
      durationMs: fc.nat({ max: 900 }),
      tenant: fc.constantFrom('t1', 't1', 't2', 't3'),
      weight: fc.constantFrom(1, 1, 4),
      tier: fc.constantFrom('interactive' as const, 'interactive' as const, 'flex' as const),
      deadlineMs: fc.constantFrom(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 2000, 100, 0),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('adopt' as const),
      combos: fc.uniqueArray(fc.constantFrom(...NAMES), { maxLength: 4 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('expect' as const),
      combos: fc.uniqueArray(fc.constantFrom(...NAMES), { maxLength: 4 }),
      budgetBytes: fc.constantFrom(1020, 1040, 1e12),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('promise' as const), pick }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('pin' as const),
      combo: fc.constantFrom(...NAMES),
      count: fc.constantFrom(0, 1, 1, 2),
      forMs: fc.constantFrom(Number.POSITIVE_INFINITY, 2000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('unpin' as const), combo: fc.constantFrom(...NAMES) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat({ max: 400 }) }) },
);
const anyStep = fc.oneof(
  { weight: 14, arbitrary: calmStep },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('leave' as const), pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('kill' as const), pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('freeze' as const), pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lift' as const), combo: fc.constantFrom(...NAMES) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('warm' as const), combo: fc.constantFrom(...NAMES) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('evict' as const), combo: fc.constantFrom(...NAMES) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('change' as const), pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('drain' as const), pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('rest' as const), pick }) },
);
type Step = typeof anyStep extends fc.Arbitrary<infer T> ? T : never;

const settings = fc.record<PoolSettings>({
  maxRunners: fc.integer({ min: 1, max: 3 }),
  standbys: fc.integer({ min: 0, max: 2 }),
  memoryBytes: fc.constantFrom(1020, 1050, 2045, 1e12),
  store: fc.constantFrom(null, { bases: 1010, adapters: 15 }, { bases: 5000, adapters: 1000 }),
  deviceBytes: fc.constantFrom<Record<string, number>>({}, {}, { CUDA0: 1030 }, { CUDA0: 2050, CUDA1: 1045 }),
  maxAsleep: fc.constantFrom(0, 1, 2),
  maxCombosPerRunner: fc.integer({ min: 1, max: 3 }),
  queueLimit: fc.constantFrom(4, 1000),
  queueLimitPerCombo: fc.constantFrom(3, 1000),
  queueShare: fc.constantFrom(0.1, 0.5, 1),
  fairWeights: fc.constant({ inputToken: 1, outputToken: 2, startSecond: 100 }),
  flexSparesMs: fc.constantFrom(0, 500, 60_000),
  flexWaitMs: fc.constantFrom(500, 30_000),
  flexWatermarkMs: fc.constantFrom(0, 300, 60_000),
  abandonedStarts: fc.constantFrom('keep', 'drop'),
  startTimeoutMs: fc.constantFrom(700, 3000),
  spawnTimeoutMs: fc.constantFrom(500, 1e9),
  cpuThreads: fc.integer({ min: 1, max: 5 }),
  drainTimeoutMs: fc.constantFrom(300, 2000),
  targetOccupancy: fc.constantFrom(0.5, 1),
  scaleUpDelayMs: fc.constantFrom(0, 200),
  scaleDownAfterMs: fc.constantFrom(0, 500, 5000),
  stableWindowMs: fc.constant(2000),
  panicWindowMs: fc.constant(300),
  swapAfterMs: fc.constantFrom(0, 300, 1000),
  eviction: fc.constantFrom('gdsf', 'lru', 'size'),
  minResidencyMs: fc.constantFrom(0, 0, 400),
  quarantineBaseMs: fc.constantFrom(0, 100, 1000),
  quarantineCapMs: fc.constantFrom(500, 5000),
});

/** Where there are devices: one model on any, one on half of any, one on none, one on one alone. What can sleep differs. */
const PLACES: Readonly<Record<string, Partial<CatalogueModel>>> = {
  a: { deviceLayers: -1 },
  b: { deviceLayers: 4, layers: 8, sleepAfterMs: 300 },
  c: { deviceLayers: 0, sleeps: true },
  d: { deviceLayers: -1, device: deviceName('CUDA0'), sleeps: false },
};

function catalogue(
  sequences: number,
  idleTtlMs: number | null,
  revisions: readonly string[] = [],
  minRunners = 0,
): Catalogue {
  const [a = 'r1', b = 'r1', x = 'a1', gone = ''] = revisions;
  const models = ['a', 'b', 'c', 'd']
    .filter((id) => id !== gone)
    .map((id) =>
      model(id, {
        sequences,
        maxSequences: { a: 4 * sequences, b: sequences + 1 }[id] ?? sequences,
        idleTtlMs,
        revision: id === 'a' ? a : b,
        // Two of the bases are of one file.
        segment: segmentKey(id === 'a' ? `a ${a}` : `${id === 'c' ? 'b' : id} ${b}`),
        repack: id === 'd',
        maxThreads: id === 'c' ? 2 : null,
        maxRunners: id === 'a' ? 2 : 1,
        minRunners: id === 'd' ? minRunners : 0,
        ...PLACES[id],
      }),
    );
  const adapters = [
    adapter('x', 'a', { revision: x, segment: segmentKey(`x ${x}`) }),
    adapter('y', 'a', { segment: segmentKey('y') }),
    adapter('z', 'b'),
  ];
  return catalogueOf(models, adapters);
}

/** Now and then a client's combo was read from the catalogue before the last change. */
function comboFor(name: string, world: World, before: Catalogue): Combo | null {
  const parsed = parseCombo(name, [], world.random() < 0.1 ? before : world.state.catalogue);
  return parsed.ok ? parsed.value : null;
}

function termsOf(
  { tenant, weight, tier, deadlineMs }: Extract<Step, { do: 'arrive' }>,
  nowMs: number,
): WaitTerms {
  return { tenant, weight, tier, deadlineAtMs: nowMs + deadlineMs };
}

function play(world: World, steps: readonly Step[], change: (pick: number) => Catalogue): void {
  let before = world.state.catalogue;
  for (const step of steps) {
    const combo = 'combo' in step ? comboFor(step.combo, world, before) : null;
    if (step.do === 'adopt') world.adopt(step.combos.flatMap((name) => comboFor(name, world, before) ?? []));
    else if (step.do === 'expect') {
      const combos = step.combos.flatMap((name) => comboFor(name, world, before) ?? []);
      world.expectDemand(combos, step.budgetBytes);
    } else if (step.do === 'wait') world.agenda.advance(step.ms);
    else if (step.do === 'leave') world.leave(step.pick);
    else if (step.do === 'promise') world.promise(step.pick);
    else if (step.do === 'kill') world.kill(step.pick);
    else if (step.do === 'freeze') world.freeze(step.pick);
    else if (step.do === 'drain') world.orderOn('drainAsked', step.pick);
    else if (step.do === 'rest')
      world.orderOn(step.pick % 2 === 0 ? 'sleepAsked' : 'wakeAsked', step.pick >> 1);
    else if (step.do === 'change') {
      before = world.state.catalogue;
      world.tell({ type: 'catalogueChanged', catalogue: change(step.pick) });
    } else if (!combo) continue;
    else if (step.do === 'arrive')
      world.arrive(combo, step.keepAliveMs, step.durationMs, termsOf(step, world.agenda.nowMs));
    else if (step.do === 'pin') world.pin(combo, step.count, step.forMs);
    else if (step.do === 'unpin')
      world.tell({ type: 'unpinAsked', orderId: world.newOrder(null), combo: combo.name });
    else world.order(ORDERS[step.do], combo);
  }
}

const scenario = fc.record({
  settings,
  seed: fc.integer(),
  sequences: fc.integer({ min: 1, max: 3 }),
  idleTtlMs: fc.constantFrom(null, 0, 1000),
});

/** Plays random scenarios until so many events have been decided. */
function manyEvents<T>(share: number, arbitrary: fc.Arbitrary<T>, playOne: (scenario: T) => World): void {
  let events = 0;
  const property = fc.property(arbitrary, (one) => {
    events += playOne(one).events;
  });
  const numRuns = Math.ceil((EVENTS * share) / EVENTS_PER_RUN);
  const { HEARTH_POOL_SEED: given, HEARTH_POOL_EVENTS: nightly } = process.env;
  const seed = given === undefined ? (nightly === undefined ? ORDINARY_SEED : undefined) : Number(given);
  // A mutation run wants to know that it fails, not how little it takes.
  const chosen = { ...(seed !== undefined && { seed }), ...(given !== undefined && { endOnFailure: true }) };
  fc.assert(property, { numRuns, ...chosen });
  expect(events).toBeGreaterThan(EVENTS * share * 0.5);
}

const steps = (arbitrary: fc.Arbitrary<Step>): fc.Arbitrary<Step[]> =>
  fc.array(arbitrary, { minLength: 20, maxLength: 90, size: 'max' });

it('keeps every promise while runners fail, hang and die, clients leave and the catalogue changes', () => {
  const faults = fc.record<Faults>({
    start: fc.constantFrom(0, 0.2),
    attach: fc.constantFrom(0, 0.2),
    hang: fc.constantFrom(0, 0, 0.1),
  });
  const whole = fc.record({ scenario, faults, steps: steps(anyStep), endsWithShutdown: fc.boolean() });
  manyEvents(0.6, whole, ({ scenario: { settings, seed, sequences, idleTtlMs }, faults, steps, ...one }) => {
    const world = new World(settings, catalogue(sequences, idleTtlMs), seed, faults);
    play(world, steps, (pick) => {
      const revisions = [`r${pick & 1}`, `r${(pick >> 1) & 1}`, `a${(pick >> 2) & 1}`, pick & 8 ? 'b' : ''];
      return catalogue(sequences, idleTtlMs, revisions);
    });
    if (one.endsWithShutdown) {
      world.shutDown();
      play(world, steps.slice(0, 10), () => world.state.catalogue);
    }
    world.settle(120_000);
    if (!one.endsWithShutdown) return world;
    world.agenda.advance(settings.drainTimeoutMs + 1000);
    expect([...world.processes.keys()]).toEqual([]);
    expect([...world.state.runners.keys()]).toEqual([]);
    return world;
  });
}, 600_000);

it('grants every request in a world without faults, however little room there is', () => {
  const whole = fc.record({ scenario, steps: steps(calmStep) });
  manyEvents(0.4, whole, ({ scenario: { settings, seed, sequences, idleTtlMs }, steps }) => {
    const roomy = {
      ...settings,
      queueLimit: 1000,
      queueLimitPerCombo: 1000,
      startTimeoutMs: 1e9,
      spawnTimeoutMs: 1e9,
      flexWaitMs: 1e9,
    };
    const faults = { start: 0, attach: 0, hang: 0 };
    const world = new World(roomy, catalogue(sequences, idleTtlMs), seed, faults);
    const patient = steps.map((step) =>
      step.do === 'arrive' ? { ...step, deadlineMs: Number.POSITIVE_INFINITY } : step,
    );
    play(world, patient, () => world.state.catalogue);
    world.settle(600_000);
    // What is pinned may leave no room for others; nobody else is refused.
    expect(world.rejections.filter((code) => code !== 'no_capacity')).toEqual([]);
    if (world.pinned === 0) expect(world.rejections).toEqual([]);
    expect([...world.state.quarantines.keys()]).toEqual([]);
    world.agenda.advance(STANDBYS_ARE_BACK_MS);
    expect(missingReplicas(world.state)).toEqual([]);
    expect(wrongStandbys(world.state)).toBeNull();
    return world;
  });
}, 600_000);
