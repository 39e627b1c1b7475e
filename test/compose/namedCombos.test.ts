import { expect, test } from 'vitest';
import { namedCombos } from '../../gateway/compose/namedCombos.ts';
import type { Catalogue } from '../../gateway/domain/catalogue.ts';
import { comboName } from '../../gateway/domain/ids.ts';
import type { Pin } from '../../gateway/pool/pins.ts';
import { catalogueAdapter, catalogueModel, catalogueOf } from '../fakes/catalogues.ts';

test('namedCombos() has the canonical names of all that operators name, as they are now', () => {
  const adapters = [catalogueAdapter('a', 'base'), catalogueAdapter('b', 'base')];
  const catalogue: Catalogue = {
    ...catalogueOf([catalogueModel('base')], adapters, { strong: 'base+b@2+a@0.5', broken: 'gone+a' }),
    scaling: new Map([[comboName('base+a@0.25'), { minRunners: 1, maxRunners: 1 }]]),
  };
  const pins = new Map<Pin['name'], Pin>();
  const state = { catalogue, pins };
  const objectives = [{ combo: 'base+a@4' }, { combo: null }, { combo: 'gone+x' }];
  const combos = namedCombos(state, ['base:b'], () => objectives);
  const fixed = ['base', 'base+a@0.25', 'base+a@0.5+b@2', 'base+b', 'base+a@4'];
  expect(combos.named()).toEqual(new Set(fixed));
  expect(combos.alone()).toEqual(new Set(['base+a', 'base+b']));

  const name = comboName('base+b@7');
  pins.set(name, { name, level: 'ready', count: 1, untilMs: Number.POSITIVE_INFINITY });
  state.catalogue = { ...catalogue, adapters: new Map() };
  expect(combos.named()).toEqual(new Set(['base', 'base+a@0.25', 'base+b@7']));
  expect(combos.alone()).toEqual(new Set());
});
