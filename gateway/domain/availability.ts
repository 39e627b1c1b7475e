import type { Combo } from './combo.ts';
import type { Failure } from './errors.ts';

/** How often sources that were down are asked again. */
export const REVISIT_EVERY_MS = 15_000;

/** Why a combo cannot be started whatever there is room for: nothing is known of weights of it. null: it can. */
export function unavailability({ name, model, adapters }: Combo): Failure | null {
  const missing = [model, ...adapters.map(({ adapter }) => adapter)].find(
    ({ unavailable }) => unavailable !== undefined,
  );
  if (!missing) return null;
  return {
    code: 'source_unavailable',
    message: `Cannot serve "${name}": the source of "${missing.id}" was not reached yet: ${missing.unavailable}`,
    retryAfterMs: REVISIT_EVERY_MS,
  };
}
