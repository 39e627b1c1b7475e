import type { Context, Next } from 'hono';
import { credentialOf } from './credential.ts';
import type { HttpDeps, HttpEnv } from './deps.ts';
import { sendFailure } from './respond.ts';

/** Lets clients on with a valid API key, or without one where none is required, before anything else is looked at. */
export function keyAuth(deps: HttpDeps) {
  return async (c: Context<HttpEnv>, next: Next): Promise<Response | void> => {
    const credential = credentialOf(c.req.header('authorization'), c.req.header('x-api-key'));
    const found = deps.access.authenticate(credential);
    if (found.ok) {
      c.set('apiKey', found.value);
      return next();
    }
    const address = deps.clientAddress(c.env?.incoming);
    deps.log.info({ requestId: c.get('requestId'), code: found.error.code, address }, 'client refused');
    c.header('www-authenticate', 'Bearer');
    return sendFailure(c, found.error);
  };
}
