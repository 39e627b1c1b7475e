/** A client of the admin API: where the gateway is, what opens it, and its errors in one sentence. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const DEFAULT_URL = 'http://127.0.0.1:8080';

/** The options win over the environment, the environment over the token file of the data directory. */
export function adminApi({ url, token, environment, fetchImpl }) {
  const base = (url ?? (environment.HEARTH_URL || DEFAULT_URL)).replace(/\/+$/, '');
  const secret =
    token ?? (environment.HEARTH_ADMIN_TOKEN || keptToken(environment.HEARTH_DATA_DIR || '.hearth'));
  const call = (method) => (path, body) => request(fetchImpl, base, secret, method, path, body);
  return { get: call('GET'), post: call('POST'), put: call('PUT'), delete: call('DELETE') };
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

function keptToken(dataDir) {
  const path = join(dataDir, 'admin-token');
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (cause) {
    throw failure(
      `Cannot read admin token "${path}": expected --token, HEARTH_ADMIN_TOKEN or this file`,
      cause,
    );
  }
}

async function request(fetchImpl, base, secret, method, path, body) {
  let response;
  try {
    const json = body === undefined ? {} : { 'content-type': 'application/json' };
    const headers = { authorization: `Bearer ${secret}`, ...json };
    response = await fetchImpl(`${base}${path}`, { method, headers, body: body && JSON.stringify(body) });
  } catch (cause) {
    throw failure(`Cannot reach the gateway at "${base}": ${cause.cause?.message ?? cause.message}`, cause);
  }
  const answer = await response.json().catch(() => null);
  if (response.ok && answer !== null) return answer;
  throw failure(
    answer?.error?.message ?? `Cannot ${method} "${path}": expected JSON, got status ${response.status}`,
  );
}

function failure(message, cause) {
  return Object.assign(new Error(message, { cause }), { expected: true });
}
