import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Combo,
  comboOfKey,
  formatScale,
  type LoraField,
  parseCombo,
} from '../../gateway/domain/combo.ts';
import type { Failure } from '../../gateway/domain/errors.ts';
import { catalogueAdapter, catalogueModel, catalogueOf } from '../fakes/catalogues.ts';

const ADAPTERS = ['pirate', 'json', 'terse', 'a/b.c-d_e'];
const CATALOGUE = catalogueOf(
  [catalogueModel('tiny'), catalogueModel('other')],
  [...ADAPTERS.map((id) => catalogueAdapter(id, 'tiny')), catalogueAdapter('foreign', 'other')],
  {
    captain: 'tiny+pirate@0.5',
    'captain:old': 'captain',
    'tiny:pirate': 'other',
    loop: 'pool',
    pool: 'loop',
    dangling: 'gone',
  },
);

function parsed(text: string, lora: readonly LoraField[] = []): Combo {
  const combo = parseCombo(text, lora, CATALOGUE);
  if (!combo.ok) throw new Error(combo.error.message);
  return combo.value;
}

function refused(text: string, lora: readonly LoraField[] = []): Failure {
  const combo = parseCombo(text, lora, CATALOGUE);
  if (combo.ok) throw new Error(`parsed as ${combo.value.name}`);
  return combo.error;
}

describe('parseCombo() names', () => {
  test.each([
    ['tiny', 'tiny'],
    ['tiny+pirate', 'tiny+pirate'],
    ['tiny:json', 'tiny+json'],
    ['tiny:json:terse', 'tiny+json+terse'],
    ['tiny:terse+json@0.5', 'tiny+json@0.5+terse'],
    ['tiny+pirate+json', 'tiny+json+pirate'],
    ['tiny+pirate@1', 'tiny+pirate'],
    ['tiny+pirate@1.0', 'tiny+pirate'],
    ['tiny+pirate@0', 'tiny'],
    ['tiny+pirate@-0.0', 'tiny'],
    ['tiny+pirate@0.80', 'tiny+pirate@0.8'],
    ['tiny+pirate@-1', 'tiny+pirate@-1'],
    ['pirate', 'tiny+pirate'],
    ['pirate+json', 'tiny+json+pirate'],
    ['captain', 'tiny+pirate@0.5'],
    ['captain:old', 'tiny+pirate@0.5'],
    ['captain+json', 'tiny+json+pirate@0.5'],
    ['captain:json', 'tiny+json+pirate@0.5'],
    ['captain:old+json', 'tiny+json+pirate@0.5'],
    ['tiny+a/b.c-d_e', 'tiny+a/b.c-d_e'],
  ])('reads %s as %s', (text, name) => {
    expect(parsed(text).name).toBe(name);
  });

  test('lets an exact alias win over splitting', () => {
    expect(parsed('tiny:pirate').name).toBe('other');
    expect(parsed('tiny+pirate').name).toBe('tiny+pirate');
  });

  test('takes the lora field as the same as the name', () => {
    const field = parsed('tiny', [{ id: 'pirate', scale: 0.8 }, { id: 'json' }]);
    expect(field.key).toBe(parsed('tiny+json+pirate@0.8').key);
  });

  test('adds the lora field to the name', () => {
    expect(parsed('tiny+terse', [{ id: 'json', scale: 0 }, { id: 'pirate' }]).name).toBe('tiny+pirate+terse');
  });

  test('puts the revisions of base and adapters into the key, so that a replaced adapter is another combo', () => {
    expect(parsed('tiny+pirate+json').key).toBe('tiny+json+pirate#rev-tiny.rev-json.rev-pirate');
    const replaced = catalogueOf(
      [catalogueModel('tiny')],
      [catalogueAdapter('pirate', 'tiny', { revision: 'new' })],
    );
    const again = parseCombo('tiny+pirate', [], replaced);
    expect(again.ok && again.value.key).not.toBe(parsed('tiny+pirate').key);
  });
});

describe('parseCombo() refuses', () => {
  test.each([
    ['nope', 'model_not_found', 'Cannot find model "nope": not in the catalogue'],
    ['', 'model_not_found', 'Cannot find model "": not in the catalogue'],
    ['nope:pirate', 'model_not_found', 'Cannot find model "nope": not in the catalogue'],
    ['dangling', 'model_not_found', 'Cannot find model "gone": not in the catalogue'],
    ['loop', 'model_not_found', 'Cannot follow alias "loop": more than 8 steps'],
    ['tiny+nope', 'model_not_found', 'Cannot find adapter "nope": not in the catalogue'],
    ['tiny+nope@0', 'model_not_found', 'Cannot find adapter "nope": not in the catalogue'],
    ['tiny+tiny', 'model_not_found', 'Cannot find adapter "tiny": not in the catalogue'],
    ['tiny+foreign', 'invalid_lora', 'Cannot use adapter "foreign" with "tiny": it is for "other"'],
    ['tiny+pirate+pirate', 'invalid_lora', 'Cannot use adapter "pirate" twice in one combo'],
    ['tiny+pirate@0+pirate', 'invalid_lora', 'Cannot use adapter "pirate" twice in one combo'],
    ['captain+pirate', 'invalid_lora', 'Cannot use adapter "pirate" twice in one combo'],
    ['tiny+', 'invalid_lora', 'expected an adapter id, got an empty one'],
    ['tiny:', 'invalid_lora', 'expected an adapter id, got an empty one'],
    ['tiny+@0.5', 'invalid_lora', 'expected an adapter id, got an empty one'],
    ['tiny+pirate@', 'invalid_lora', 'Cannot read adapter scale ""'],
    ['tiny+pirate@NaN', 'invalid_lora', 'Cannot read adapter scale "NaN"'],
    ['tiny+pirate@1e3', 'invalid_lora', 'Cannot read adapter scale "1e3"'],
    ['tiny+pirate@.5', 'invalid_lora', 'Cannot read adapter scale ".5"'],
    ['tiny+pirate@+1', 'invalid_lora', 'Cannot read adapter scale ""'],
    ['tiny+pirate@1@1', 'invalid_lora', 'Cannot read adapter scale "1@1"'],
    ['tiny+pirate@1001', 'invalid_lora', 'expected a decimal number from -1000 to 1000'],
  ])('%s with %s', (text, code, message) => {
    const failure = refused(text);
    expect(failure.code).toBe(code);
    expect(failure.message).toContain(message);
    expect(failure.param).toBe('model');
  });

  test.each([
    [[{ id: 'nope' }], 'model_not_found', 'lora'],
    [[{ id: 'foreign' }], 'invalid_lora', 'lora'],
    [[{ id: 'json' }, { id: 'json', scale: 0 }], 'invalid_lora', 'lora'],
    [[{ id: 'json' }, { id: 'pirate', scale: Number.NaN }], 'invalid_lora', 'lora[1].scale'],
    [[{ id: 'json', scale: Number.POSITIVE_INFINITY }], 'invalid_lora', 'lora[0].scale'],
  ])('the lora field %j with %s', (lora, code, param) => {
    expect(refused('tiny', lora)).toMatchObject({ code, param });
  });

  test('more adapters than a combo may have', () => {
    const ids = Array.from({ length: 33 }, (_, index) => `a${index}`);
    const catalogue = catalogueOf(
      [catalogueModel('m')],
      ids.map((id) => catalogueAdapter(id, 'm')),
    );
    const combo = parseCombo(['m', ...ids].join('+'), [], catalogue);
    expect(combo).toMatchObject({ ok: false, error: { code: 'invalid_lora' } });
  });

  test('a name of megabytes without taking it apart, and shows little of it', () => {
    const failure = refused(`tiny${'+pirate'.repeat(1_000_000)}`);
    expect(failure.code).toBe('model_not_found');
    expect(failure.message.length).toBeLessThan(300);
  });
});

describe('parseCombo() always', () => {
  const scale = fc.oneof(
    fc.constantFrom(0, 1, -1, 0.5, 1e-7, -1.25e-9, 1e-30, 5e-324),
    fc.double({ min: -1000, max: 1000, noNaN: true }),
  );
  const choice = fc.uniqueArray(fc.record({ id: fc.constantFrom(...ADAPTERS), scale }), {
    selector: ({ id }) => id,
  });
  const written = ({ id, scale: value }: { id: string; scale: number }) => `${id}@${formatScale(value)}`;

  test('reads its own canonical name back as the same combo', () => {
    fc.assert(
      fc.property(choice, (lora) => {
        const combo = parsed('tiny', lora);
        const again = parsed(combo.name);
        expect(again.name).toBe(combo.name);
        expect(again.key).toBe(combo.key);
        expect(again.adapters).toEqual(combo.adapters);
      }),
    );
  });

  test('gives one name to every order and way of writing', () => {
    fc.assert(
      fc.property(choice, fc.boolean(), fc.nat(), (lora, isField, turn) => {
        const turned = [...lora.slice(turn % (lora.length + 1)), ...lora.slice(0, turn % (lora.length + 1))];
        const text = ['tiny', ...turned.map(written)].join('+');
        const combo = isField ? parsed('tiny', turned) : parsed(text);
        expect(combo.key).toBe(parsed('tiny', lora).key);
      }),
    );
  });

  test('has sorted adapters, none at scale 0, and no @1 in the name', () => {
    fc.assert(
      fc.property(choice, (lora) => {
        const { adapters, name } = parsed('tiny', lora);
        const ids = adapters.map(({ adapter }) => adapter.id as string);
        expect(ids).toEqual(ids.toSorted());
        expect(adapters.every(({ scale: value }) => value !== 0)).toBe(true);
        expect(name).not.toMatch(/@-?0*(\.0*)?(\+|$)|@1(\+|$)/);
      }),
    );
  });

  test('gives a combo or a failure for any text, and never throws', () => {
    const pieces = fc.constantFrom('tiny', 'pirate', 'captain', '+', ':', '@', '0.5', '-1', ' ', 'x', '🙂');
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(pieces).map((list) => list.join('')),
        ),
        (text) => {
          const combo = parseCombo(text, [], CATALOGUE);
          expect(['ok', 'model_not_found', 'invalid_lora']).toContain(combo.ok ? 'ok' : combo.error.code);
        },
      ),
    );
  });
});

describe('comboOfKey()', () => {
  test('gives back the combo of a key', () => {
    const scale = fc.double({ min: -1000, max: 1000, noNaN: true });
    fc.assert(
      fc.property(fc.uniqueArray(fc.constantFrom(...ADAPTERS)), fc.array(scale), (ids, scales) => {
        const lora = ids.map((id, index) => ({ id, scale: scales[index] ?? 1 }));
        const combo = parsed('tiny', lora);
        expect(comboOfKey(combo.key, CATALOGUE)).toEqual(combo);
      }),
    );
  });

  test.each([
    ['another revision', `${parsed('tiny+pirate').key}x`],
    ['no revision', 'tiny+pirate'],
    ['an unknown adapter', parsed('tiny+pirate').key.replace('pirate', 'gone')],
    ['a name that is not canonical', parsed('tiny+pirate').key.replace('+', ':')],
    ['nothing', ''],
  ])('gives null for %s', (_, key) => {
    expect(comboOfKey(key, CATALOGUE)).toBeNull();
  });
});

describe('formatScale()', () => {
  test('writes plain decimals that read back as the same number', () => {
    fc.assert(
      fc.property(fc.double({ min: -1000, max: 1000, noNaN: true }), (value) => {
        const text = formatScale(value);
        expect(text).toMatch(/^-?\d+(\.\d+)?$/);
        expect(Number(text)).toBe(value === 0 ? 0 : value);
      }),
    );
  });
});
