/** Where the gateway is and what opens it, and what told so: for errors that say what was tried. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { failure } from './failure.mjs';

const DEFAULT_HOST = '127.0.0.1';
const DEFAULT_PORT = '8080';

/** Addresses that a server listens on and nobody connects to, with one that reaches it from here. */
const ALL_INTERFACES = { '0.0.0.0': '127.0.0.1', '::': '::1', '[::]': '::1' };

/**
 * `{ url, from }`. An address as a whole, by option or HEARTH_URL, wins over HEARTH_HOST and HEARTH_PORT, which are the
 * gateway's own.
 */
export function findGateway({ url }, environment) {
  if (url !== undefined) return whole(url, '--url');
  if (environment.HEARTH_URL) return whole(environment.HEARTH_URL, 'HEARTH_URL');
  const host = environment.HEARTH_HOST || DEFAULT_HOST;
  const port = environment.HEARTH_PORT || DEFAULT_PORT;
  const given = ['HEARTH_HOST', 'HEARTH_PORT'].filter((name) => environment[name]);
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65535)
    throw failure(
      `Cannot find the gateway by HEARTH_PORT "${port}": expected a port from 1 to 65535, or --url`,
    );
  const reached = ALL_INTERFACES[host] ?? host;
  const name = reached.includes(':') && !reached.startsWith('[') ? `[${reached}]` : reached;
  return whole(`http://${name}:${port}`, given.length > 0 ? given.join(' and ') : 'the default');
}

/** `{ token, from }`. The options win over the environment, that over the file in the data directory. */
export function findToken({ token, tokenFile }, environment) {
  if (token !== undefined) return { token, from: '--token' };
  if (tokenFile !== undefined) return kept(tokenFile, '--token-file');
  const given = environment.HEARTH_ADMIN_TOKEN;
  if (given) return { token: given, from: 'HEARTH_ADMIN_TOKEN' };
  const dataDir = environment.HEARTH_DATA_DIR || '.hearth';
  return kept(join(dataDir, 'admin-token'), environment.HEARTH_DATA_DIR ? 'HEARTH_DATA_DIR' : 'the default');
}

function whole(text, from) {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text))
    throw failure(`Cannot use address "${text}" (${from}): expected one like "http://127.0.0.1:8080"`);
  return { url: text.replace(/\/+$/, ''), from };
}

function kept(path, from) {
  let token;
  try {
    token = readFileSync(path, 'utf8').trim();
  } catch (cause) {
    throw failure(
      `Cannot read admin token "${path}" (${from}): ${cause.code}, expected this file, --token, --token-file, HEARTH_ADMIN_TOKEN or HEARTH_DATA_DIR`,
      cause,
    );
  }
  if (token === '')
    throw failure(`Cannot use admin token "${path}" (${from}): expected a token, got an empty file`);
  return { token, from: `"${path}"` };
}
