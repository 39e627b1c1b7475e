import type { Catalogue, CatalogueAdapter, CatalogueAlias, CatalogueModel } from '../domain/catalogue.ts';
import { parseCombo } from '../domain/combo.ts';

/** New catalogues with one entry more, other or less; the old one stays as it was. */
export const withModel = (catalogue: Catalogue, model: CatalogueModel): Catalogue => ({
  ...catalogue,
  models: new Map(catalogue.models).set(model.id, model),
});

export const withAdapter = (catalogue: Catalogue, adapter: CatalogueAdapter): Catalogue => ({
  ...catalogue,
  adapters: new Map(catalogue.adapters).set(adapter.id, adapter),
});

export const withAlias = (catalogue: Catalogue, alias: CatalogueAlias): Catalogue => ({
  ...catalogue,
  aliases: new Map(catalogue.aliases).set(alias.name, alias),
});

/** Without the entry of that name, whatever kind it is of. */
export const without = (catalogue: Catalogue, name: string): Catalogue => ({
  ...catalogue,
  models: new Map([...catalogue.models].filter(([id]) => id !== name)),
  adapters: new Map([...catalogue.adapters].filter(([id]) => id !== name)),
  aliases: new Map([...catalogue.aliases].filter(([alias]) => alias !== name)),
});

/** The first alias that the second catalogue has and cannot resolve. */
export function brokenAlias(catalogue: Catalogue): CatalogueAlias | undefined {
  return [...catalogue.aliases.values()].find(({ target }) => !parseCombo(target, [], catalogue).ok);
}
