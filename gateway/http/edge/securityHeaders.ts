import { Hono } from 'hono';
import { secureHeaders } from 'hono/secure-headers';

/**
 * The security headers of every answer, by hono's secure-headers. As a record, since streams go past hono. A route may
 * set its own in their place. Strict-Transport-Security only where the gateway itself speaks TLS.
 */
export async function securityHeaders(hasTls: boolean): Promise<Readonly<Record<string, string>>> {
  const app = new Hono();
  app.use(
    secureHeaders({
      contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
      xFrameOptions: 'DENY',
      strictTransportSecurity: hasTls,
    }),
  );
  app.get('/', (c) => c.body(null));
  const answer = await app.request('/');
  return Object.fromEntries(answer.headers);
}
