import { z } from '@hono/zod-openapi';
import { queryTime } from '../time.ts';

/** Parameters that reports have in common. An unknown one is an error: a mistyped one would change what is told. */

const time = queryTime.transform((text) => Date.parse(text));
const inDocument = (description: string) => ({
  type: 'string' as const,
  description: `${description}; ISO 8601 with a zone, or a date, which is its midnight in UTC`,
});

export const rangeShape = {
  from: time.openapi(inDocument('Requests that arrived at that time or later')),
  to: time.optional().openapi(inDocument('Requests that arrived before that time. Default: until now')),
  format: z.enum(['json', 'csv']).optional().openapi({ description: '`Accept: text/csv` does the same' }),
};

export const comboShape = {
  combo: z.string().min(1).max(512).optional().openapi({ description: 'Of this combo alone' }),
};

/** Names with commas between them, of `known`, each once. */
export function groupByShape<D extends string>(known: readonly D[], otherwise: readonly D[]) {
  const error = `expected names of ${known.join(', ')}, each once, with commas between them`;
  const names = (text: string) => text.split(',').map((name) => name.trim());
  return {
    group_by: z
      .string()
      .refine((text) => isChoice(names(text), known), { error })
      .transform((text) => names(text) as D[])
      .optional()
      .transform((chosen): readonly D[] => chosen ?? otherwise)
      .openapi({
        type: 'string',
        example: otherwise.join(','),
        description: `Of ${known.map((name) => `\`${name}\``).join(', ')}; rows have them, and are ordered by them, in this order`,
      }),
  };
}

function isChoice(names: readonly string[], known: readonly string[]): boolean {
  return new Set(names).size === names.length && names.every((name) => known.includes(name));
}

/** The schema of a report's parameters. */
export function reportQuery<S extends z.core.$ZodShape>(shape: S) {
  return z.strictObject({ ...rangeShape, ...shape });
}

/** What every report's parameters come to. */
export interface RangeQuery {
  readonly from: number;
  readonly to?: number | undefined;
  readonly format?: 'json' | 'csv' | undefined;
}
