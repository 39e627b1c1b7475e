import type { CatalogueAdapter } from '../../gateway/domain/catalogue.ts';
import type { Combo } from '../../gateway/domain/combo.ts';
import { segmentKey } from '../../gateway/domain/ids.ts';
import { PLAIN_TERMS, type WaitTerms } from '../../gateway/pool/terms.ts';
import { adapter, catalogueOf, comboOf, model } from '../../test/pool/builders.ts';
import { PerfectWorld } from './perfectWorld.ts';

/** A pool, and who waits for room in it. */
export interface Scene {
  readonly name: string;
  readonly combos: number;
  /** Requests that wait, spread over the combos. */
  readonly waiting: number;
  readonly bases: number;
  readonly runners: number;
  readonly combosPerRunner: number;
  /** Of how many API keys, every third of them flex work, with deadlines that can be met; 0: all of one, without. */
  readonly tenants: number;
  /** Combos that are pinned. */
  readonly pins: number;
  /** Combos that have failed and may not start. */
  readonly quarantines: number;
  /** All wait for one combo, which is ready. */
  readonly isHot: boolean;
}

const PLAIN: Omit<Scene, 'combos' | 'waiting'> = {
  name: 'spread',
  bases: 20,
  runners: 8,
  combosPerRunner: 8,
  tenants: 0,
  pins: 0,
  quarantines: 0,
  isHot: false,
};

const LARGE: Scene = { ...PLAIN, combos: 10_000, waiting: 1000 };

/** How the cost grows, then what else may make a large pool slow. */
export const SCENES: readonly Scene[] = [
  ...[100, 1000, 10_000].flatMap((combos) =>
    [0, 100, 1000].map((waiting) => ({ ...PLAIN, combos, waiting })),
  ),
  { ...LARGE, name: '64 x 16 places', bases: 100, runners: 64, combosPerRunner: 16 },
  { ...LARGE, name: '2,000 bases', bases: 2000 },
  { ...LARGE, name: '50 keys, flex', tenants: 50 },
  { ...LARGE, name: '16 pins', pins: 16 },
  { ...LARGE, name: '100 quarantined', quarantines: 100 },
  { ...LARGE, name: 'one combo', isHot: true },
];

/** A full pool at work, with the scene's crowd before it. */
export class Crowd {
  readonly world: PerfectWorld;
  readonly combos: readonly Combo[];
  readonly #scene: Scene;
  #arrived = 0;

  constructor(scene: Scene) {
    this.#scene = scene;
    this.combos = combosOf(scene);
    this.world = new PerfectWorld(this.combos, scene);
    const ofFirstBases = this.combos.filter((_, at) => at % scene.bases < 2);
    for (const combo of ofFirstBases.slice(0, scene.pins)) this.world.pin(combo);
    for (const combo of this.combos.slice(0, scene.quarantines)) this.world.bar(combo);
    while (this.world.state.runners.size < scene.runners - 1) this.#arrive(false);
    while (this.world.state.waiting < scene.waiting) this.#arrive(scene.isHot);
  }

  /** One request ends and another one comes: who waits is placed in turn, by evictions and by starts. */
  turnOver(): void {
    this.world.endOldest();
    this.#arrive(this.#scene.isHot);
  }

  /** On what terms the next one that comes waits. */
  terms(): WaitTerms {
    const { tenants } = this.#scene;
    if (tenants === 0) return PLAIN_TERMS;
    const number = this.#arrived % tenants;
    const tier = number % 3 === 0 ? 'flex' : 'interactive';
    return { tenant: `key ${number}`, weight: 1, tier, deadlineAtMs: 1e12 };
  }

  /** A stride that has no divisor in common with the number of combos visits all of them, the bases in turn. */
  #arrive(isHot: boolean): void {
    this.#arrived += 1;
    const combo = this.combos[isHot ? 0 : (this.#arrived * 7919) % this.combos.length];
    if (combo) this.world.arrive(combo, this.terms());
  }
}

function combosOf({ combos, bases }: Scene): Combo[] {
  const models = Array.from({ length: bases }, (_, at) =>
    model(`m${at}`, { sequences: 8, segment: segmentKey(`file ${at}`) }),
  );
  const adapters: CatalogueAdapter[] = [];
  for (let at = 0; at < combos - bases; at += 1) adapters.push(adapter(`l${at}`, `m${at % bases}`));
  const catalogue = catalogueOf(models, adapters);
  return [...models, ...adapters].map(({ id }) => comboOf(id, catalogue));
}
