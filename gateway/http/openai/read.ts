import type { z } from '@hono/zod-openapi';
import type { LoraField } from '../../domain/combo.ts';
import { ok, type Result } from '../../domain/errors.ts';
import type { ServiceTier } from '../../shell/inference.ts';
import { failureOfIssues } from '../issues.ts';
import { IgnoredFields } from './ignored.ts';
import { parseDuration } from './keepAlive.ts';
import { checkSizes } from './sizes.ts';

/** A body that fits its schema, and the names of the fields that the schema does not know. */
export interface ReadBody<T> {
  readonly input: T;
  readonly raw: Readonly<Record<string, unknown>>;
  readonly ignored: IgnoredFields;
}

/** Validates a body against the schema of its endpoint. */
export function readBody<S extends z.ZodObject>(schema: S, json: unknown): Result<ReadBody<z.output<S>>> {
  const raw = checkSizes(json);
  if (!raw.ok) return raw;
  const parsed = schema.safeParse(raw.value);
  if (!parsed.success) return { ok: false, error: failureOfIssues(parsed.error, json) };
  const ignored = new IgnoredFields();
  ignored.addUnknown(raw.value, knownFields(schema));
  return ok({ input: parsed.data, raw: raw.value, ignored });
}

/** What is Hearth's own in every inference request. */
export interface CommonFields {
  readonly lora: readonly LoraField[];
  readonly keepAliveMs: number | undefined;
  readonly serviceTier: ServiceTier | null;
}

export function readCommon(input: {
  readonly lora?: readonly LoraField[] | null | undefined;
  readonly keep_alive?: string | number | null | undefined;
  readonly service_tier?: string | null | undefined;
}): Result<CommonFields> {
  const lora = input.lora ?? [];
  const serviceTier = serviceTierOf(input.service_tier);
  if (input.keep_alive == null) return ok({ lora, keepAliveMs: undefined, serviceTier });
  const keepAlive = parseDuration(input.keep_alive, 'keep_alive');
  return keepAlive.ok ? ok({ lora, keepAliveMs: keepAlive.value, serviceTier }) : keepAlive;
}

/** Whatever is not flex is processed as the default: there is no tier above it, and the answer says so. */
function serviceTierOf(asked: string | null | undefined): ServiceTier | null {
  if (asked == null) return null;
  return asked === 'flex' ? 'flex' : 'default';
}

const fieldNames = new WeakMap<z.ZodObject, ReadonlySet<string>>();

function knownFields(schema: z.ZodObject): ReadonlySet<string> {
  let names = fieldNames.get(schema);
  if (!names) {
    names = new Set(Object.keys(schema.shape));
    fieldNames.set(schema, names);
  }
  return names;
}
