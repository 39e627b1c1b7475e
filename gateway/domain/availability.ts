import type { CatalogueAdapter, CatalogueModel } from './catalogue.ts';
import type { Combo } from './combo.ts';
import type { Failure } from './errors.ts';

/** How often sources that were down are asked again. */
export const REVISIT_EVERY_MS = 15_000;

type Weights = Pick<CatalogueModel | CatalogueAdapter, 'id' | 'path' | 'segment' | 'unavailable'>;

/** Why a combo cannot be started whatever room there is. `bringsRemote`: there is a weight store. null: it can. */
export function unavailability({ name, model, adapters }: Combo, bringsRemote: boolean): Failure | null {
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
  const remote = parts.filter(({ path }) => !path.startsWith('/'));
  const [first] = remote;
  if (first && !bringsRemote) return refusal(name, first, 'a weight store that brings them here');
  const split = remote.find(({ segment }) => segment === null);
  return split ? refusal(name, split, 'one file, or the first of a split model') : null;
}

function refusal(name: string, { id }: Weights, expected: string): Failure {
  return {
    code: 'source_unavailable',
    message: `Cannot serve "${name}": the weights of "${id}" are behind a URI, expected ${expected}`,
    isPermanent: true,
  };
}
