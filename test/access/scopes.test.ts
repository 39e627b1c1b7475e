import { describe, expect, test } from 'vitest';
import { checkScopes, modelRefusal, permitsCombo, scopeRefusal } from '../../gateway/access/scopes.ts';
import { ALL_SCOPES, type KeyScopes } from '../../gateway/domain/apiKey.ts';
import { type Combo, parseCombo } from '../../gateway/domain/combo.ts';
import { keyId } from '../../gateway/domain/ids.ts';
import { catalogueAdapter, catalogueModel, catalogueOf } from '../fakes/catalogues.ts';

const CATALOGUE = catalogueOf(
  [catalogueModel('tiny'), catalogueModel('other')],
  [catalogueAdapter('pirate', 'tiny'), catalogueAdapter('json', 'tiny')],
  { captain: 'tiny+pirate@0.5', small: 'tiny' },
);

function combo(name: string): Combo {
  const parsed = parseCombo(name, [], CATALOGUE);
  if (!parsed.ok) throw new Error(parsed.error.message);
  return parsed.value;
}

const keyWith = (scopes: Partial<KeyScopes>) => ({
  id: keyId('key_1'),
  scopes: { ...ALL_SCOPES, ...scopes },
});

describe('permitsCombo()', () => {
  test.each<[models: string[] | null, adapters: string[] | null, name: string, expected: boolean]>([
    // Without scopes all is permitted; an empty list permits nothing.
    [null, null, 'other', true],
    [null, null, 'tiny+json+pirate', true],
    [[], null, 'tiny', false],
    [null, [], 'tiny', true],
    [null, [], 'tiny+json', false],
    // A base stands for itself and its combos with the adapters in scope.
    [['tiny'], null, 'tiny', true],
    [['tiny'], null, 'tiny+json', true],
    [['tiny'], null, 'other', false],
    [['tiny'], ['pirate'], 'tiny+pirate@0.25', true],
    [['tiny'], ['pirate'], 'tiny+json+pirate', false],
    [['other', 'tiny'], ['pirate'], 'tiny+pirate', true],
    // So does an alias of a base.
    [['small'], null, 'tiny+json', true],
    [['small'], ['pirate'], 'tiny+json', false],
    [['small'], null, 'other', false],
    // A combo or its alias stands for exactly what it names, whatever adapters are in scope.
    [['captain'], null, 'tiny+pirate@0.5', true],
    [['captain'], [], 'tiny+pirate@0.5', true],
    [['captain'], null, 'tiny+pirate', false],
    [['captain'], null, 'tiny', false],
    [['tiny+json'], null, 'tiny+json', true],
    // What is not in the catalogue any more permits nothing, and takes nothing from the others.
    [['gone'], null, 'tiny', false],
    [['gone', 'tiny'], null, 'tiny', true],
  ])('of models %j and adapters %j: %s is %s', (models, adapters, name, expected) => {
    expect(permitsCombo(keyWith({ models, adapters }), combo(name), CATALOGUE)).toBe(expected);
  });
});

describe('scopeRefusal()', () => {
  test('tells the endpoint that is not in scope, before the model', () => {
    const key = keyWith({ endpoints: ['embeddings'], models: ['other'] });
    expect(scopeRefusal(key, 'completions', combo('tiny'), CATALOGUE)).toEqual({
      code: 'permission_denied',
      message: 'Cannot use endpoint "completions" with API key "key_1": not in its scopes',
    });
    expect(scopeRefusal(key, 'embeddings', combo('tiny+json'), CATALOGUE)).toEqual({
      code: 'permission_denied',
      message: 'Cannot use model "tiny+json" with API key "key_1": not in its scopes',
      param: 'model',
    });
    expect(scopeRefusal(key, 'embeddings', combo('other'), CATALOGUE)).toBeNull();
    expect(scopeRefusal(keyWith({}), 'completions', combo('other'), CATALOGUE)).toBeNull();
  });

  test('has the words of modelRefusal()', () => {
    const key = keyWith({ models: [] });
    expect(scopeRefusal(key, 'completions', combo('tiny'), CATALOGUE)).toEqual(modelRefusal(key, 'tiny'));
  });
});

describe('checkScopes()', () => {
  test('takes what the catalogue has', () => {
    const scopes = { models: ['tiny', 'captain', 'tiny+json@0.5'], adapters: ['json'], endpoints: null };
    expect(checkScopes(scopes, CATALOGUE)).toEqual({ ok: true, value: true });
    expect(checkScopes(ALL_SCOPES, CATALOGUE).ok).toBe(true);
  });

  test('names the place of what it does not have', () => {
    expect(checkScopes({ ...ALL_SCOPES, models: ['tiny', 'gone'] }, CATALOGUE)).toMatchObject({
      ok: false,
      error: { code: 'model_not_found', param: 'scopes.models[1]' },
    });
    expect(checkScopes({ ...ALL_SCOPES, adapters: ['json', 'gone'] }, CATALOGUE)).toEqual({
      ok: false,
      error: {
        code: 'model_not_found',
        message: 'Cannot find adapter "gone": not in the catalogue',
        param: 'scopes.adapters[1]',
      },
    });
  });
});
