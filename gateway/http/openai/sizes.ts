import { fail, ok, type Result } from '../../domain/errors.ts';

/**
 * Most entries of a list before it is looked at. zod collects a complaint for every bad entry, so that 8 MiB of
 * `[1,1,1,...]` would cost gigabytes; these bounds are far above what clients send.
 */
const MOST: Readonly<Record<string, number>> = {
  messages: 16_384,
  tools: 1_024,
  functions: 1_024,
  stop: 64,
  lora: 64,
  logit_bias: 16_384,
};
const MOST_PARTS = 32_768;

/** Refuses a body that is not an object, or whose lists are longer than any real request's. */
export function checkSizes(json: unknown): Result<Record<string, unknown>> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    const kind = json === null ? 'null' : Array.isArray(json) ? 'array' : typeof json;
    return fail('invalid_request', `Cannot read request: expected object, got ${kind}`);
  }
  const body = json as Record<string, unknown>;
  for (const [name, most] of Object.entries(MOST)) {
    const size = Object.hasOwn(body, name) ? sizeOf(body[name]) : 0;
    if (size > most) return tooMany(name, most, size);
  }
  const messages = Object.hasOwn(body, 'messages') ? body['messages'] : null;
  const parts = Array.isArray(messages) ? messages.reduce((sum, message) => sum + partsOf(message), 0) : 0;
  return parts > MOST_PARTS ? tooMany('messages', MOST_PARTS, parts) : ok(body);
}

function partsOf(message: unknown): number {
  if (typeof message !== 'object' || message === null) return 0;
  const { content, tool_calls: calls } = message as { content?: unknown; tool_calls?: unknown };
  return (Array.isArray(content) ? content.length : 0) + (Array.isArray(calls) ? calls.length : 0);
}

function sizeOf(value: unknown): number {
  if (Array.isArray(value)) return value.length;
  return typeof value === 'object' && value !== null ? Object.keys(value).length : 0;
}

function tooMany(
  name: string,
  most: number,
  size: number,
): { ok: false; error: ReturnType<typeof fail>['error'] } {
  return fail(
    'invalid_request',
    `Cannot read request: \`${name}\`: expected at most ${most} entries, got ${size}`,
    name,
  );
}
