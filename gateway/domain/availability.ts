import type { CatalogueAdapter, CatalogueModel } from './catalogue.ts';
import type { Combo } from './combo.ts';
import type { Failure } from './errors.ts';

/** How often sources that were down are asked again. */
export const REVISIT_EVERY_MS = 15_000;

type Weights = Pick<CatalogueModel | CatalogueAdapter, 'id' | 'path' | 'unavailable'>;

/** Why a combo cannot be started whatever room there is. null: it can. */
export function unavailability({ name, model, adapters }: Combo): Failure | null {
  const parts: readonly Weights[] = [model, ...adapters.map(({ adapter }) => adapter)];
  const unknown = parts.find(({ unavailable }) => unavailable !== undefined);
  if (unknown) {
    return {
      code: 'source_unavailable',
      message: `Cannot serve "${name}": the source of "${unknown.id}" was not reached yet: ${unknown.unavailable}`,
      retryAfterMs: REVISIT_EVERY_MS,
    };
  }
  // A runner opens files of this machine alone, and its words about a URI would show what is secret in it.
  const remote = parts.find(({ path }) => !path.startsWith('/'));
  if (!remote) return null;
  return {
    code: 'source_unavailable',
    message: `Cannot serve "${name}": the weights of "${remote.id}" are behind a URI, expected a weight store that brings them here`,
    isPermanent: true,
  };
}
