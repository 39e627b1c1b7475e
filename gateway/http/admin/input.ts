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

/** The same where no body stands for `{}`. */
export async function readOptionalBody<S extends z.ZodObject>(
  c: Context<HttpEnv>,
  schema: S,
  limits: HttpLimits,
): Promise<Result<z.output<S>>> {
  const { incoming } = c.env ?? {};
  const isThere = incoming
    ? incoming.headers['transfer-encoding'] !== undefined || Number(incoming.headers['content-length']) > 0
    : c.req.raw.body !== null;
  return isThere ? readAdminBody(c, schema, limits) : validate(schema, {});
}

/** Query parameters, validated. */
export function readQuery<S extends z.ZodObject>(c: Context<HttpEnv>, schema: S): Result<z.output<S>> {
  return validate(schema, c.req.query());
}

function validate<S extends z.ZodObject>(schema: S, value: unknown): Result<z.output<S>> {
  const parsed = schema.safeParse(value);
  return parsed.success ? ok(parsed.data) : { ok: false, error: failureOfIssues(parsed.error, value) };
}
