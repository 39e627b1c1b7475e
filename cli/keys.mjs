/** `hearth keys`: API keys. */
import { failure } from './failure.mjs';

const KEY_COLUMNS = [
  ['ID', (row) => row.id],
  ['NAME', (row) => row.name],
  ['PREFIX', (row) => row.prefix],
  ['STATE', (row) => row.state],
  ['EXPIRES', (row) => row.expires_at],
  [
    'TAGS',
    (row) =>
      Object.entries(row.tags ?? {})
        .map((pair) => pair.join('='))
        .join(' '),
  ],
];
/** The secret comes last: it is what is copied. */
const MADE_COLUMNS = [...KEY_COLUMNS.slice(0, 2), ['KEY', (row) => row.key]];
const DELETED_COLUMNS = [
  ['ID', (row) => row.id],
  ['DELETED', (row) => row.deleted],
];

/** `add(parent, name, description, call, columns)` makes a command that calls the admin API and prints what it says. */
export function keyCommands(root, add) {
  const keys = root.command('keys').description('API keys');
  add(keys, 'list', 'list them', (api) => api.get('/admin/v1/keys'), KEY_COLUMNS);
  add(
    keys,
    'create <name>',
    'make one; its secret is printed this once',
    (api, name, options) => api.post('/admin/v1/keys', newKey(name, options)),
    MADE_COLUMNS,
  )
    .option('--models <names>', 'models and combos that it may use, with commas between; all without it')
    .option('--adapters <ids>', 'adapters, in the same way')
    .option('--endpoints <names>', 'of chat_completions, completions and embeddings, in the same way')
    .option('--requests-per-minute <count>', 'most requests by the minute')
    .option('--tokens-per-minute <count>', 'most tokens by the minute, of input and output')
    .option('--concurrent <count>', 'most requests at the same time')
    .option('--budget <usd>', 'US dollars that it may spend in a period')
    .option('--warn-at <usd>', 'US dollars from which on answers carry a warning')
    .option('--period <period>', 'day or month', 'month')
    .option('--expires <time>', 'ISO 8601, such as 2027-01-01T00:00:00Z')
    .option('--tag <name=value>', 'such as team=search; may be given several times', collect, {});
  add(
    keys,
    'rotate <id>',
    'give it a new secret, which is printed this once',
    (api, id, { grace }) => api.post(`${keyPath(id)}/rotate`, { grace }),
    MADE_COLUMNS,
  ).option('--grace <duration>', 'how long the secret before still works, such as 24h', '0s');
  add(
    keys,
    'disable <id>',
    'refuse it until it is enabled again',
    (api, id) => api.patch(keyPath(id), { disabled: true }),
    KEY_COLUMNS,
  );
  add(
    keys,
    'enable <id>',
    'accept it again',
    (api, id) => api.patch(keyPath(id), { disabled: false }),
    KEY_COLUMNS,
  );
  add(keys, 'delete <id>', 'disable it for ever', (api, id) => api.delete(keyPath(id)), DELETED_COLUMNS);
}

function keyPath(id) {
  return `/admin/v1/keys/${encodeURIComponent(id)}`;
}

function newKey(name, options) {
  const { models, adapters, endpoints, requestsPerMinute, tokensPerMinute, concurrent } = options;
  const { budget, warnAt, period, expires, tag } = options;
  return {
    name,
    scopes: { models: listOf(models), adapters: listOf(adapters), endpoints: listOf(endpoints) },
    limits: {
      requests_per_minute: countOf(requestsPerMinute, '--requests-per-minute'),
      tokens_per_minute: countOf(tokensPerMinute, '--tokens-per-minute'),
      concurrent_requests: countOf(concurrent, '--concurrent'),
    },
    budget:
      budget === undefined && warnAt === undefined
        ? null
        : {
            period,
            hard_micro_usd: microUsdOf(budget, '--budget'),
            soft_micro_usd: microUsdOf(warnAt, '--warn-at'),
          },
    tags: tag,
    expires_at: expires ?? null,
  };
}

function listOf(text) {
  if (text === undefined) return null;
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

function countOf(text, option) {
  if (text === undefined) return null;
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw failure(`Cannot use ${option} "${text}": expected a whole number`);
}

function microUsdOf(text, option) {
  if (text === undefined) return null;
  if (/^\d{1,9}(\.\d{1,6})?$/.test(text)) return Math.round(Number(text) * 1e6);
  throw failure(`Cannot use ${option} "${text}": expected US dollars such as 25 or 0.5`);
}

function collect(text, tags) {
  const at = text.indexOf('=');
  if (at < 1) throw failure(`Cannot use --tag "${text}": expected one like "team=search"`);
  return { ...tags, [text.slice(0, at)]: text.slice(at + 1) };
}
