import { describe, expect, test } from 'vitest';
import { unavailability } from '../../gateway/domain/availability.ts';
import { parseCombo } from '../../gateway/domain/combo.ts';
import { catalogueAdapter, catalogueModel, catalogueOf } from '../fakes/catalogues.ts';

const URI = 'https://weights.example/a.gguf?X-Amz-Signature=secret';

function of(
  name: string,
  model: Parameters<typeof catalogueModel>[1],
  lora: Parameters<typeof catalogueAdapter>[2] = {},
) {
  const catalogue = catalogueOf([catalogueModel('m', model)], [catalogueAdapter('a', 'm', lora)]);
  const combo = parseCombo(name, [], catalogue);
  if (!combo.ok) throw new Error(combo.error.message);
  return unavailability(combo.value);
}

describe('unavailability()', () => {
  test('is none for files of this machine', () => {
    expect(of('m+a', {})).toBeNull();
  });

  test('names the base or the adapter whose source was not reached, and when to come again', () => {
    const unavailable = 'Cannot read "https://weights.example/a.gguf": the connection was refused';
    expect(of('m', { path: URI, unavailable })).toEqual({
      code: 'source_unavailable',
      message: `Cannot serve "m": the source of "m" was not reached yet: ${unavailable}`,
      retryAfterMs: 15_000,
    });
    expect(of('m+a@0.5', {}, { unavailable })?.message).toContain(
      'Cannot serve "m+a@0.5": the source of "a"',
    );
    expect(of('m', {}, { unavailable })).toBeNull();
  });

  test('is for good while nothing brings remote weights here, and does not show their URI', () => {
    for (const failure of [of('m', { path: URI }), of('m+a', {}, { path: 'hf:acme/lora/a.gguf' })]) {
      expect(failure).toMatchObject({ code: 'source_unavailable', isPermanent: true });
      expect(failure?.message).not.toMatch(/secret|weights\.example|hf:/);
    }
  });
});
