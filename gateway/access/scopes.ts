import type { ApiKey } from '../domain/apiKey.ts';
import type { Catalogue } from '../domain/catalogue.ts';
import { type Combo, parseCombo } from '../domain/combo.ts';
import { type Failure, fail, ok, type Result } from '../domain/errors.ts';
import { adapterId } from '../domain/ids.ts';
import type { Endpoint } from '../domain/requestRecord.ts';

type Scoped = Pick<ApiKey, 'id' | 'scopes'>;

/** Whether the key may use the combo, by the catalogue as it is now: an alias in its scopes follows its target. */
export function permitsCombo({ scopes }: Scoped, combo: Combo, catalogue: Catalogue): boolean {
  const { models, adapters } = scopes;
  const adaptersFit =
    adapters === null || combo.adapters.every(({ adapter }) => adapters.includes(adapter.id));
  if (models === null) return adaptersFit;
  return models.some((name) => {
    if (name === combo.model.id) return adaptersFit;
    const scope = parseCombo(name, [], catalogue);
    if (!scope.ok) return false;
    if (scope.value.adapters.length > 0) return scope.value.name === combo.name;
    return scope.value.model.id === combo.model.id && adaptersFit;
  });
}

/** Why the key may not do that; null: it may. */
export function scopeRefusal(
  key: Scoped,
  endpoint: Endpoint,
  combo: Combo,
  catalogue: Catalogue,
): Failure | null {
  const { endpoints } = key.scopes;
  if (endpoints !== null && !endpoints.includes(endpoint)) {
    return fail(
      'permission_denied',
      `Cannot use endpoint "${endpoint}" with API key "${key.id}": not in its scopes`,
    ).error;
  }
  return permitsCombo(key, combo, catalogue) ? null : modelRefusal(key, combo.name);
}

/** The refusal of a model that is out of the key's scopes. */
export function modelRefusal({ id }: Scoped, model: string): Failure {
  const message = `Cannot use model "${model}" with API key "${id}": not in its scopes`;
  return { code: 'permission_denied', message, param: 'model' };
}

/** A scope that names what the catalogue does not have is a slip of its writer: `model_not_found`. */
export function checkScopes(scopes: ApiKey['scopes'], catalogue: Catalogue): Result<true> {
  for (const [index, name] of (scopes.models ?? []).entries()) {
    const combo = parseCombo(name, [], catalogue);
    if (!combo.ok) return { ok: false, error: { ...combo.error, param: `scopes.models[${index}]` } };
  }
  for (const [index, id] of (scopes.adapters ?? []).entries()) {
    if (!catalogue.adapters.has(adapterId(id))) {
      const message = `Cannot find adapter "${id}": not in the catalogue`;
      return fail('model_not_found', message, `scopes.adapters[${index}]`);
    }
  }
  return ok(true);
}
