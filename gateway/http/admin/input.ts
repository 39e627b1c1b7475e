import type { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { ok, type Result } from '../../domain/errors.ts';
import { readJson } from '../body.ts';
import type { HttpEnv, HttpLimits } from '../deps.ts';
import { failureOfIssues } from '../issues.ts';

/** The body of an admin request, validated. */
export async function readAdminBody<S extends z.ZodObject>(
  c: Context<HttpEnv>,
  schema: S,
  limits: HttpLimits,
): Promise<Result<z.output<S>>> {
  const json = await readJson(c, limits);
  return json.ok ? validate(schema, json.value) : json;
}

/** Query parameters, validated. */
export function readQuery<S extends z.ZodObject>(c: Context<HttpEnv>, schema: S): Result<z.output<S>> {
  return validate(schema, c.req.query());
}

function validate<S extends z.ZodObject>(schema: S, value: unknown): Result<z.output<S>> {
  const parsed = schema.safeParse(value);
  return parsed.success ? ok(parsed.data) : { ok: false, error: failureOfIssues(parsed.error, value) };
}
