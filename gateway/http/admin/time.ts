import { z } from '@hono/zod-openapi';

export const TIME_EXPECTED =
  'expected a date or a time with its zone such as "2026-11-01" or "2026-11-01T08:00:00Z"';

const isTime = (text: string) =>
  z.iso.date().safeParse(text).success || z.iso.datetime({ offset: true }).safeParse(text).success;

/** Of a query: ISO 8601 with a zone, or a date, which is its midnight in UTC. A plus that was not written as %2B comes as a space. */
export const queryTime = z
  .string({ error: TIME_EXPECTED })
  .transform((text) => text.replace(/ (\d\d:\d\d)$/, '+$1'))
  .refine(isTime, { error: TIME_EXPECTED });
