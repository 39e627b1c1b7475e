/** The subcommands, their options and what they print. */
import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { adminApi, comboPath, pinPath } from './adminApi.mjs';
import { failure } from './failure.mjs';
import { table } from './table.mjs';

const PACKAGE = new URL('../package.json', import.meta.url);

const RUNNER_COLUMNS = [
  ['ID', (row) => row.id],
  ['PID', (row) => row.pid],
  ['STATE', (row) => row.state],
  ['BASE', (row) => row.base],
  ['COMBOS', (row) => row.combos.join(' ')],
];
const MODEL_COLUMNS = [
  ['ID', (row) => row.id],
  ['STATUS', (row) => row.status?.value],
  ['CONTEXT', (row) => row.context],
  ['SOURCE', (row) => row.source],
  ['PATH', (row) => row.path],
];
const WARM_COLUMNS = [
  ['COMBO', (row) => row.combo],
  ['RUNNER', (row) => row.runner],
  ['START', (row) => row.start],
];
const EVICT_COLUMNS = [
  ['COMBO', (row) => row.combo],
  ['EVICTED', (row) => row.evicted],
];

const PIN_COLUMNS = [
  ['COMBO', (row) => row.combo],
  ['LEVEL', (row) => row.level],
  ['COUNT', (row) => row.count],
  ['READY', (row) => row.ready],
  ['STATE', (row) => row.state],
  ['UNTIL', (row) => row.until],
];
const UNPIN_COLUMNS = [
  ['COMBO', (row) => row.id],
  ['UNPINNED', (row) => row.deleted],
];
const DRAIN_COLUMNS = [
  ['ID', (row) => row.id],
  ['STATE', (row) => row.state],
];

/** `print` gets whole texts; `fetchJson` is for tests. */
export function program({ print = console.log, environment = process.env, fetchImpl = fetch } = {}) {
  const { version } = JSON.parse(readFileSync(PACKAGE, 'utf8'));
  const root = new Command('hearth').description('A gateway for model inference').version(version);
  root
    .option('--url <url>', 'the gateway (HEARTH_URL; HEARTH_HOST and HEARTH_PORT; http://127.0.0.1:8080)')
    .option('--token <token>', 'the admin token (HEARTH_ADMIN_TOKEN)')
    .addOption(
      new Option('--token-file <path>', 'a file with it (admin-token in HEARTH_DATA_DIR, .hearth)').conflicts(
        'token',
      ),
    )
    .option('--json', 'print what the gateway answered');

  const command = (name, description, call, columns) =>
    root
      .command(name)
      .description(description)
      .action(async (...args) => {
        const options = root.opts();
        const answer = await call(adminApi({ options, environment, fetchImpl }), ...args);
        print(options.json ? JSON.stringify(answer, null, 2) : table(columns, answer.data ?? [answer]));
      });

  root.command('serve').description('run a gateway, as "npm start" does').action(refuseOptions);
  command('status', 'list the runners', (api) => api.get('/admin/v1/runners'), RUNNER_COLUMNS);
  command('models', 'list the catalogue', (api) => api.get('/admin/v1/models'), MODEL_COLUMNS);
  command(
    'warm <combo>',
    'start what the combo needs and wait for it',
    (api, combo) => api.post(comboPath(combo, 'warm')),
    WARM_COLUMNS,
  );
  command(
    'evict <combo>',
    'let the combo go',
    (api, combo) => api.post(comboPath(combo, 'evict')),
    EVICT_COLUMNS,
  );
  command('pins', 'list what is kept ready', (api) => api.get('/admin/v1/pins'), PIN_COLUMNS);
  command(
    'pin <combo>',
    'keep the combo, on how many runners and until when',
    (api, combo, { level, count, until }) => api.put(pinPath(combo), { level, count: Number(count), until }),
    PIN_COLUMNS,
  )
    .option('--level <level>', 'ready or staged', 'ready')
    .option('--count <runners>', 'on how many runners', '1')
    .option('--until <time>', 'ISO 8601, such as 2026-12-01T00:00:00Z');
  command(
    'unpin <combo>',
    'keep the combo no longer',
    (api, combo) => api.delete(pinPath(combo)),
    UNPIN_COLUMNS,
  );
  command(
    'drain <runner>',
    'give the runner no new work and end it',
    (api, id) => api.post(`/admin/v1/runners/${encodeURIComponent(id)}/drain`),
    DRAIN_COLUMNS,
  );
  return root;
}

/** `hearth serve` alone never comes here: it runs before the packages are there (hearth.mjs). */
function refuseOptions() {
  throw failure('Cannot run "serve" with options: the environment and HEARTH_CONFIG hold them');
}
