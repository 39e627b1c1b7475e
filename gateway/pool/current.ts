import type { Catalogue, CatalogueModel } from '../domain/catalogue.ts';
import type { Combo } from '../domain/combo.ts';
import type { Failure } from '../domain/errors.ts';

/** The catalogue still has this very revision of the base. */
export function isCurrentModel(model: CatalogueModel, catalogue: Catalogue): boolean {
  return catalogue.models.get(model.id)?.revision === model.revision;
}

/** The catalogue still has these very revisions of the base and of every adapter. */
export function isCurrentCombo(combo: Combo, catalogue: Catalogue): boolean {
  return (
    isCurrentModel(combo.model, catalogue) &&
    combo.adapters.every(({ adapter }) => catalogue.adapters.get(adapter.id)?.revision === adapter.revision)
  );
}

/** Why no start begins for a combo that is not current: its files may already be those of another revision. */
export function staleFailure(combo: Combo, catalogue: Catalogue): Failure {
  const removed =
    !catalogue.models.has(combo.model.id) ||
    combo.adapters.some(({ adapter }) => !catalogue.adapters.has(adapter.id));
  return removed
    ? { code: 'model_not_found', message: `Cannot start "${combo.name}": it was removed from the catalogue` }
    : {
        code: 'start_failed',
        message: `Cannot start "${combo.name}": it was replaced in the catalogue while the request waited`,
      };
}
