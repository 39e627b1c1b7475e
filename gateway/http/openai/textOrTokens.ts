import { z } from '@hono/zod-openapi';
import { fail, ok, type Result } from '../../domain/errors.ts';
import { kindOf } from '../issues.ts';

/** A text, a list of texts, a list of token ids, or a list of such lists: `prompt` and `input`. */
export type TextOrTokens = string | string[] | number[] | number[][];

/**
 * Checks only that it is a text or a list: a zod union would go over millions of token ids once for each of its
 * branches. checkTextOrTokens() does the rest; the document has all of it.
 */
export const textOrTokensSchema = z
  .custom<string | unknown[]>((value) => typeof value === 'string' || Array.isArray(value), {
    error: ({ input }) => `expected string or array, got ${kindOf(input)}`,
  })
  .openapi({
    type: ['string', 'array'],
    oneOf: [
      { type: 'string' },
      { type: 'array', items: { type: 'string' }, minItems: 1, maxItems: 2048 },
      { type: 'array', items: { type: 'integer', minimum: 0 }, minItems: 1 },
      {
        type: 'array',
        items: { type: 'array', items: { type: 'integer', minimum: 0 }, minItems: 1 },
        minItems: 1,
        maxItems: 2048,
      },
    ],
  });

const MOST = 2048;

/** Checks the field `param`. `allowEmptyText` tells completions (which may start from nothing) from embeddings. */
export function checkTextOrTokens(
  value: string | unknown[],
  param: 'prompt' | 'input',
  allowEmptyText: boolean,
): Result<TextOrTokens> {
  if (typeof value === 'string') return allowEmptyText || value !== '' ? ok(value) : empty(param);
  if (value.length === 0)
    return fail(
      'invalid_request',
      `Cannot read request: \`${param}\`: expected at least 1 entry, got 0`,
      param,
    );
  if (typeof value[0] === 'number') return checkTokens(value, param) ?? ok(value as number[]);
  if (value.length > MOST) {
    return fail(
      'invalid_request',
      `Cannot read request: \`${param}\`: expected at most ${MOST} entries, got ${value.length}`,
      param,
    );
  }
  const failure =
    typeof value[0] === 'string' ? checkTexts(value, param, allowEmptyText) : checkLists(value, param);
  return failure ?? ok(value as string[] | number[][]);
}

/** How many prompts or inputs there are. */
export function countOf(value: TextOrTokens): number {
  return Array.isArray(value) && typeof value[0] !== 'number' ? value.length : 1;
}

type Failed = ReturnType<typeof fail> | null;

function checkTexts(list: readonly unknown[], param: string, allowEmptyText: boolean): Failed {
  for (const [index, entry] of list.entries()) {
    if (typeof entry !== 'string') return wrong(`${param}[${index}]`, 'string', entry);
    if (entry === '' && !allowEmptyText) return empty(`${param}[${index}]`);
  }
  return null;
}

function checkLists(list: readonly unknown[], param: string): Failed {
  for (const [index, entry] of list.entries()) {
    const name = `${param}[${index}]`;
    if (!Array.isArray(entry)) return wrong(name, index === 0 ? 'string, integer or array' : 'array', entry);
    if (entry.length === 0) return empty(name);
    const failure = checkTokens(entry, name);
    if (failure) return failure;
  }
  return null;
}

function checkTokens(list: readonly unknown[], param: string): Failed {
  for (const [index, entry] of list.entries()) {
    if (!Number.isSafeInteger(entry) || (entry as number) < 0) {
      return wrong(`${param}[${index}]`, 'a token id (integer from 0)', entry);
    }
  }
  return null;
}

function wrong(param: string, expected: string, value: unknown): ReturnType<typeof fail> {
  return fail(
    'invalid_request',
    `Cannot read request: \`${param}\`: expected ${expected}, got ${kindOf(value)}`,
    param,
  );
}

function empty(param: string): ReturnType<typeof fail> {
  return fail(
    'invalid_request',
    `Cannot read request: \`${param}\`: expected text or tokens, got nothing in it`,
    param,
  );
}
