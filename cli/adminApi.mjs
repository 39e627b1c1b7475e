/** A client of the admin API: where the gateway is, what opens it, and its errors in one sentence. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const DEFAULT_URL = 'http://127.0.0.1:8080';

/** The options win over the environment, the environment over the token file of the data directory. */
export function adminApi({ url, token, environment, fetchImpl }) {
  const base = (url ?? (environment.HEARTH_URL || DEFAULT_URL)).replace(/\/+$/, '');
  const secret =
    token ?? (environment.HEARTH_ADMIN_TOKEN || keptToken(environment.HEARTH_DATA_DIR || '.hearth'));
  const call = (method) => (path) => request(fetchImpl, base, secret, method, path);
  return { get: call('GET'), post: call('POST') };
}

/** Ids of combos may hold slashes, which stay; everything else is encoded. */
export function comboPath(combo, order) {
  return `/admin/v1/combos/${combo.split('/').map(encodeURIComponent).join('/')}/${order}`;
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

async function request(fetchImpl, base, secret, method, path) {
  let response;
  try {
    response = await fetchImpl(`${base}${path}`, { method, headers: { authorization: `Bearer ${secret}` } });
  } catch (cause) {
    throw failure(`Cannot reach the gateway at "${base}": ${cause.cause?.message ?? cause.message}`, cause);
  }
  const body = await response.json().catch(() => null);
  if (response.ok && body !== null) return body;
  throw failure(
    body?.error?.message ?? `Cannot ${method} "${path}": expected JSON, got status ${response.status}`,
  );
}

function failure(message, cause) {
  return Object.assign(new Error(message, { cause }), { expected: true });
}
