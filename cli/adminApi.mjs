/** A client of the admin API, and its errors in one sentence. */
import { failure } from './failure.mjs';
import { findGateway, findToken } from './whereabouts.mjs';

/** `options`: what the command line says of the address and the token. */
export function adminApi({ options, environment, fetchImpl }) {
  const gateway = findGateway(options, environment);
  const admin = findToken(options, environment);
  const call = (method) => (path, body) => request({ fetchImpl, gateway, admin }, method, path, body);
  return {
    get: call('GET'),
    post: call('POST'),
    put: call('PUT'),
    patch: call('PATCH'),
    delete: call('DELETE'),
  };
}

/** Ids of combos may hold slashes, which stay; everything else is encoded. */
export function comboPath(combo, order) {
  return `/admin/v1/combos/${encoded(combo)}/${order}`;
}

export function pinPath(combo) {
  return `/admin/v1/pins/${encoded(combo)}`;
}

function encoded(combo) {
  return combo.split('/').map(encodeURIComponent).join('/');
}

async function request({ fetchImpl, gateway, admin }, method, path, body) {
  let response;
  try {
    const json = body === undefined ? {} : { 'content-type': 'application/json' };
    const headers = { authorization: `Bearer ${admin.token}`, ...json };
    response = await fetchImpl(`${gateway.url}${path}`, {
      method,
      headers,
      body: body && JSON.stringify(body),
    });
  } catch (cause) {
    throw unreachable(gateway, cause);
  }
  const answer = await response.json().catch(() => null);
  if (response.ok && answer !== null) return answer;
  const said = answer?.error?.message;
  if (response.status === 401 && said) throw failure(`${said}, sent the one of ${admin.from}`);
  throw failure(
    said ??
      `Cannot ${method} "${gateway.url}${path}" (${gateway.from}): expected JSON of a gateway, got status ${response.status}`,
  );
}

/** What Node's fetch says is "fetch failed"; the reason is below it, of each address that a name has. */
function unreachable({ url, from }, error) {
  const reason = error.cause?.errors?.[0] ?? error.cause ?? error;
  const what = `Cannot reach the gateway at "${url}" (${from})`;
  if (reason.code !== 'ECONNREFUSED') return failure(`${what}: ${reason.message}`, error);
  return failure(
    `${what}: nothing listens there, expected a running "hearth serve", or its address in --url, HEARTH_URL, or HEARTH_HOST and HEARTH_PORT`,
    error,
  );
}
