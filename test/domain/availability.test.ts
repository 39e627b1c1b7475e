import { describe, expect, test } from 'vitest';
import { unavailability } from '../../gateway/domain/availability.ts';
import { parseCombo } from '../../gateway/domain/combo.ts';
import { segmentKey } from '../../gateway/domain/ids.ts';
import { catalogueAdapter, catalogueModel, catalogueOf } from '../fakes/catalogues.ts';

const URI = 'https://weights.example/a.gguf?X-Amz-Signature=secret';

function of(
  name: string,
  model: Parameters<typeof catalogueModel>[1],
  lora: Parameters<typeof catalogueAdapter>[2] = {},
  bringsRemote = true,
) {
  const catalogue = catalogueOf([catalogueModel('m', model)], [catalogueAdapter('a', 'm', lora)]);
  const combo = parseCombo(name, [], catalogue);
  if (!combo.ok) throw new Error(combo.error.message);
  return unavailability(combo.value, bringsRemote);
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

  test('is none for a file behind a URI where a weight store brings it here', () => {
    const segment = segmentKey('0a'.repeat(16));
    expect(of('m+a', { path: URI, segment }, { path: 'hf:acme/lora/a.gguf', segment })).toBeNull();
  });

  test('is for good without a weight store and for several files, and does not show the URI', () => {
    const segment = segmentKey('0a'.repeat(16));
    const failures = [
      of('m', { path: URI, segment }, {}, false),
      of('m+a', {}, { path: 'hf:acme/lora/a.gguf', segment }, false),
    ];
    for (const failure of failures) {
      expect(failure).toMatchObject({ code: 'source_unavailable', isPermanent: true });
      expect(failure?.message).toMatch(/are behind a URI, expected a weight store that brings them here$/);
      expect(failure?.message).not.toMatch(/secret|weights\.example|hf:/);
    }
    const split = of('m', { path: URI, segment: null });
    expect(split).toMatchObject({ code: 'source_unavailable', isPermanent: true });
    expect(split?.message).toBe(
      'Cannot serve "m": the weights of "m" are behind a URI, expected one file, or the first of a split model',
    );
  });
});
