import type { HttpApp } from '../../gateway/http/deps.ts';
import { ADMIN_TOKEN } from './fakes.ts';

/** What the admin API answers who has the token. `path` is what follows /admin/v1. */
export async function asAdmin(
  app: HttpApp,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; body: any }> {
  const answer = await app.request(`/admin/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, body: (await answer.json()) as any };
}
