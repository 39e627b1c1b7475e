import { describe, expect, it } from 'vitest';
import { unavailability } from '../../gateway/domain/availability.ts';
import { adapterId, modelId } from '../../gateway/domain/ids.ts';
import { pagesKey } from '../../gateway/pool/pages.ts';
import { baseOf, catalogueOfFleet, type Fleet } from '../../gateway/reports/replay/fleet.ts';
import { FLEET } from './replayBuilders.ts';

const withCombo = (name: string, base = 0): Fleet => ({
  ...FLEET,
  combos: [...FLEET.combos, { name, base, attachMs: 1 }],
});

describe('catalogueOfFleet()', () => {
  it('has a model for each base that takes what the fleet says it takes', () => {
    const { models } = catalogueOfFleet(FLEET, null).catalogue;
    expect([...models.keys()]).toEqual(['m', 'n', 'large']);
    // All of a context is booked at once: it does not grow with its tokens.
    expect(models.get(modelId('large'))).toMatchObject({
      ...{ weightBytes: 2000, computeBytes: 200, kvBytesPerToken: 0, sequences: 1, maxSequences: 1 },
    });
  });

  it('keeps every base on one runner at most, none without a request, and none asleep', () => {
    for (const model of catalogueOfFleet(FLEET, null).catalogue.models.values())
      expect(model).toMatchObject({ minRunners: 0, maxRunners: 1, sleeps: null, sleepAfterMs: null });
  });

  it('gives every base the time to live; null: for ever', () => {
    for (const ttlMs of [null, 0, 60_000])
      for (const { idleTtlMs } of catalogueOfFleet(FLEET, ttlMs).catalogue.models.values())
        expect(idleTtlMs).toBe(ttlMs);
  });

  it('takes no two bases or adapters for one file, and all for files of this machine', () => {
    const { catalogue, combos } = catalogueOfFleet(FLEET, null);
    const files = [...catalogue.models.values(), ...catalogue.adapters.values()];
    expect(new Set(files.map(({ path }) => path)).size).toBe(5);
    for (const file of files) expect(file).toMatchObject({ source: 'file', revision: '1' });
    // Who is served without a weight store.
    for (const combo of combos) expect(unavailability(combo, false)).toBeNull();
  });

  it('has llama.cpp map the weights as they are, and shares them with no other runner', () => {
    for (const model of catalogueOfFleet(FLEET, null).catalogue.models.values()) {
      expect(model).toMatchObject({ engine: 'llama', useMmap: true, repack: false });
      expect(pagesKey(model, null)).toBeNull();
    }
  });

  it('has each adapter once, for the base of its combo and without weights of its own', () => {
    const { adapters } = catalogueOfFleet(withCombo('m+a@0.5+b'), null).catalogue;
    expect([...adapters.keys()].sort()).toEqual(['a', 'b']);
    expect(adapters.get(adapterId('a'))).toMatchObject({ id: 'a', base: 'm', weightBytes: 0, scale: 1 });
    expect(adapters.get(adapterId('b'))).toMatchObject({ id: 'b', base: 'm', weightBytes: 0 });
  });

  it('resolves the combos in the order of the fleet, with the scales of their names', () => {
    const { combos } = catalogueOfFleet(withCombo('m+a@0.5+b'), null);
    expect(combos.map(({ name }) => name)).toEqual(['m', 'n', 'large', 'm+a', 'm+b', 'm+a@0.5+b']);
    expect(combos.map(({ model }) => model.id)).toEqual(['m', 'n', 'large', 'm', 'm', 'm']);
    expect(combos[5]?.adapters.map(({ adapter, scale }) => [adapter.id, scale])).toEqual([
      ['a', 0.5],
      ['b', 1],
    ]);
  });

  it('refuses a combo whose name or place has no base in the fleet', () => {
    expect(() => catalogueOfFleet(withCombo('other'), null)).toThrow('other');
    expect(() => catalogueOfFleet(withCombo('m+a', 3), null)).toThrow(
      'Cannot replay "m+a": expected a base of the fleet at 3',
    );
  });
});

describe('baseOf()', () => {
  it('finds the base that a combo is on', () => {
    const bases = FLEET.combos.map((combo) => baseOf(FLEET, combo).id);
    expect(bases).toEqual(['m', 'n', 'large', 'm', 'm']);
  });
});
