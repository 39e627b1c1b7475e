import type { CatalogueAdapter, CatalogueModel } from '../domain/catalogue.ts';
import type { Result } from '../domain/errors.ts';

/** Whether weight files are still those that the catalogue's revisions were made of. */
export interface WeightFiles {
  /**
   * Looks at them again, which is cheap. A file that has changed under its name is a new revision from then on, and all that
   * follow the catalogue have been told so when this resolves. `start_failed`: what was read of these files may not be used as
   * those revisions; `not_found`: nor can that be known, since one cannot be read.
   */
  review(model: CatalogueModel, adapters: readonly CatalogueAdapter[]): Promise<Result<true>>;
}
