import { fail, ok, type Result } from '../domain/errors.ts';

const HEADER = 'x-hearth-deadline-ms';
/** Up to eleven days; longer is no deadline. */
const WHOLE = /^[1-9]\d{0,8}$/;

/** Reads the deadline of a request: milliseconds from its arrival to its runner; null when it has none. */
export function readDeadline(value: string | undefined): Result<number | null> {
  if (value === undefined) return ok(null);
  if (WHOLE.test(value)) return ok(Number(value));
  return fail(
    'invalid_request',
    `Cannot read header \`${HEADER}\`: expected a whole number of milliseconds from 1 to 999999999`,
    HEADER,
  );
}
