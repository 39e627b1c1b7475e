import type { Catalogue } from '../domain/catalogue.ts';
import { parseCombo } from '../domain/combo.ts';
import type { Slo } from '../domain/slo.ts';
import type { PoolState } from '../pool/state.ts';
import type { NamedCombos } from '../ports/telemetry.ts';

interface Named {
  readonly catalogue: Catalogue;
  readonly named: ReadonlySet<string>;
  readonly alone: ReadonlySet<string>;
}

/** What operators have named: the catalogue as it is now, pins, the preloaded, and combos of objectives. */
export function namedCombos(
  state: Pick<PoolState, 'catalogue' | 'pins'>,
  preload: readonly string[],
  objectives: () => readonly Pick<Slo, 'combo'>[],
): NamedCombos {
  let known: Named | null = null;
  const current = (): Named => {
    const { catalogue } = state;
    // A catalogue is never changed in place.
    if (known?.catalogue !== catalogue) {
      const combos = objectives().flatMap(({ combo }) => combo ?? []);
      const named = namedIn(catalogue, [...preload, ...combos]);
      known = { catalogue, named, alone: aloneIn(catalogue) };
    }
    return known;
  };
  return {
    named: () => new Set([...current().named, ...state.pins.keys()]),
    alone: () => current().alone,
  };
}

/** `written`: in any form; what the catalogue does not have is left out. */
function namedIn(catalogue: Catalogue, written: readonly string[]): Set<string> {
  const names = new Set<string>([...catalogue.models.keys(), ...catalogue.scaling.keys()]);
  for (const text of [...catalogue.aliases.keys(), ...written]) {
    const combo = parseCombo(text, [], catalogue);
    if (combo.ok) names.add(combo.value.name);
  }
  return names;
}

function aloneIn({ adapters }: Catalogue): Set<string> {
  return new Set([...adapters.values()].map(({ id, base }) => `${base}+${id}`));
}
