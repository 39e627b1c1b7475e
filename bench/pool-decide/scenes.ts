import type { CatalogueAdapter } from '../../gateway/domain/catalogue.ts';
import type { Combo } from '../../gateway/domain/combo.ts';
import { adapter, catalogueOf, comboOf, model } from '../../test/pool/builders.ts';
import { PerfectWorld } from './perfectWorld.ts';

const SIZE = { runners: 8, combosPerRunner: 8 };
const BASES = 20;

export interface Scene {
  readonly combos: number;
  /** Requests that wait for room, spread over the combos. */
  readonly waiting: number;
}

export const SCENES: readonly Scene[] = [100, 1000, 10_000].flatMap((combos) =>
  [0, 100, 1000].map((waiting) => ({ combos, waiting })),
);

/** A full pool at work, with the scene's crowd before it. */
export class Crowd {
  readonly world: PerfectWorld;
  readonly combos: readonly Combo[];
  #next = 0;

  constructor({ combos, waiting }: Scene) {
    this.combos = combosOf(combos);
    this.world = new PerfectWorld(this.combos, SIZE);
    while (this.world.state.runners.size < SIZE.runners - 1) this.#arrive();
    while (this.world.state.waiting < waiting) this.#arrive();
  }

  /** One request ends and another one comes: who waits is placed in turn, by evictions and by starts. */
  turnOver(): void {
    this.world.endOldest();
    this.#arrive();
  }

  /** A stride that has no divisor in common with the number of combos visits all of them, the bases in turn. */
  #arrive(): void {
    this.#next = (this.#next + 7919) % this.combos.length;
    const combo = this.combos[this.#next];
    if (combo) this.world.arrive(combo);
  }
}

function combosOf(count: number): Combo[] {
  const models = Array.from({ length: BASES }, (_, at) => model(`m${at}`, { sequences: 8 }));
  const adapters: CatalogueAdapter[] = [];
  for (let at = 0; at < count - BASES; at += 1) adapters.push(adapter(`l${at}`, `m${at % BASES}`));
  const catalogue = catalogueOf(models, adapters);
  return [...models, ...adapters].map(({ id }) => comboOf(id, catalogue));
}
