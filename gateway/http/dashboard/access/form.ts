import type { Context } from 'hono';
import { ok, type Result } from '../../../domain/errors.ts';
import { readIncoming } from '../../body.ts';
import type { HttpEnv, HttpLimits } from '../../deps.ts';

const FORM_BYTES = 16 * 1024;

/** The fields of a form that a page of ours sent. `request_too_large`, `request_timeout`, `client_closed`. */
export async function readForm(c: Context<HttpEnv>, limits: HttpLimits): Promise<Result<URLSearchParams>> {
  const { incoming, outgoing } = c.env ?? {};
  const bytes =
    incoming && outgoing
      ? await readIncoming(incoming, outgoing, { ...limits, bodyBytes: FORM_BYTES })
      : ok(Buffer.from(await c.req.arrayBuffer()));
  return bytes.ok ? ok(new URLSearchParams(bytes.value.toString('utf8'))) : bytes;
}
