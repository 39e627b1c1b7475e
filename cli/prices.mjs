/** `hearth prices` and `hearth ledger`: what requests cost, and whether the books are right. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { failure } from './failure.mjs';

const PRICE_COLUMNS = [
  ['VERSION', (row) => row.version],
  ['CURRENT', (row) => row.current],
  ['AUTHOR', (row) => row.author],
  ['CREATED', (row) => row.created && new Date(row.created * 1000).toISOString()],
  ['STARTS', (row) => row.start_policy],
];
const CHECK_COLUMNS = [
  ['REQUESTS', (row) => row.requests],
  ['RECORDED', (row) => row.recorded_micro_usd],
  ['RECOMPUTED', (row) => row.recomputed_micro_usd],
  ['DIFFERING', (row) => row.differing],
  ['STARTS', (row) => row.starts],
  ['STARTS DIFFERING', (row) => row.starts_differing],
];

/** `add` as keyCommands() has it. */
export function priceCommands(root, add) {
  const prices = root.command('prices').description('what requests cost');
  add(prices, 'list', 'list all versions', (api) => api.get('/admin/v1/prices'), PRICE_COLUMNS);
  add(
    prices,
    'set <file>',
    'put the price book of a YAML or JSON file in force',
    (api, file) => api.post('/admin/v1/prices', readBook(file)),
    PRICE_COLUMNS,
  );
  const ledger = root.command('ledger').description('the record of all requests');
  add(ledger, 'check', 'compute every amount of a time span anew, in micro-USD', check, CHECK_COLUMNS)
    .requiredOption('--from <time>', 'ISO 8601, such as 2026-12-01T00:00:00Z')
    .option('--to <time>', 'now, unless given');
}

/** Exits with 1 when something differs. */
async function check(api, { from, to }) {
  const query = new URLSearchParams({ from, ...(to === undefined ? {} : { to }) });
  const found = await api.get(`/admin/v1/ledger/check?${query.toString()}`);
  if (found.differing > 0 || found.starts_differing > 0) process.exitCode = 1;
  return found;
}

function readBook(file) {
  try {
    return parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw failure(`Cannot read prices of "${file}": ${String(error?.message)}`, error);
  }
}
