import { expect, test } from 'vitest';
import { openApiDocument, openApiText } from '../../gateway/http/openapi.ts';

test('openApiText() is what docs/openapi.json holds (vitest -u writes it)', async () => {
  await expect(openApiText()).toMatchFileSnapshot('../../docs/openapi.json');
});

test('openApiDocument() is the same each time', () => {
  expect(JSON.stringify(openApiDocument())).toBe(JSON.stringify(openApiDocument()));
});

test('openApiDocument() names every field of a chat that is understood', () => {
  const document = openApiDocument() as {
    paths: Record<string, object>;
    components: { schemas: Record<string, { properties: object; required: string[] }> };
  };
  const chat = document.components.schemas['ChatCompletionRequest'];
  expect(chat?.required).toEqual(['model', 'messages']);
  expect(Object.keys(chat?.properties ?? {})).toEqual(
    expect.arrayContaining(['lora', 'keep_alive', 'response_format', 'tools', 'seed', 'stop']),
  );
  expect(document.components.schemas['CompletionRequest']?.required).toContain('prompt');
  expect(document.components.schemas['EmbeddingRequest']?.required).toContain('input');
  expect(Object.keys(document.paths)).toEqual(
    expect.arrayContaining(['/v1/models/{model}', '/admin/v1/combos/{combo}/warm', '/admin/v1/aliases']),
  );
});
