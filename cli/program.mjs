/** The subcommands, their options and what they print. */
import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { adminApi, comboPath, pinPath } from './adminApi.mjs';
import { failure } from './failure.mjs';
import { keyCommands } from './keys.mjs';
import { priceCommands } from './prices.mjs';
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

/** `print` gets whole texts; `fetchImpl` and `weightTools` are for tests. */
export function program({
  print = console.log,
  environment = process.env,
  fetchImpl = fetch,
  weightTools = builtWeightTools,
} = {}) {
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

  const command = (name, description, call, columns) => add(root, name, description, call, columns);
  const add = (parent, name, description, call, columns) =>
    parent
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
  keyCommands(root, add);
  priceCommands(root, add);
  weightCommands(root, { print, environment, weightTools });
  addEngineCommands(root, print);
  return root;
}

/** What is done here, without a gateway. */
function weightCommands(root, { print, environment, weightTools }) {
  for (const [direction, description] of [
    ['encrypt', 'encrypt a file, or the files of a folder, into containers of weights'],
    ['decrypt', 'decrypt a container, or a folder of them, with the key that it names'],
  ]) {
    root
      .command(`${direction} <input> <output>`)
      .description(description)
      .option('--key <name>', 'a key of encryption_keys in the configuration (HEARTH_CONFIG)')
      .option('--key-file <file>', 'a key file; --key is then only the name that the container says')
      .option('--threads <count>', 'how many threads work at it')
      .action(async (input, output, options) => {
        const { runConvert } = await weightTools();
        print(await runConvert(direction, input, output, options, { environment, terminal: process.stderr }));
      });
  }
  root
    .command('keygen <output>')
    .description('make a key file; "-" prints the key, for a pipe into a vault')
    .action(async (output) => {
      const { runKeygen } = await weightTools();
      print(await runKeygen(output));
    });
}

/** Built when it is not, or not from these sources. */
async function builtWeightTools() {
  const { bootstrap } = await import('../scripts/bootstrap.mjs');
  await bootstrap();
  return import('../dist/weights.mjs');
}

/** What is done on the machine itself, without a gateway. */
function addEngineCommands(root, print) {
  root
    .command('engine')
    .description('the embedded llama.cpp')
    .command('build')
    .description("build its CUDA backend for this machine's GPU; runners that start then use it")
    .option(
      '--arch <capability>',
      'compute capability, such as 90 or 89,90, instead of what nvidia-smi tells',
    )
    .option('--source <folder>', "llama.cpp's sources, of the installed version, instead of the registry's")
    .option('--jobs <count>', 'compilers at the same time, instead of one for each core', Number)
    .action(async (options) => {
      const { ROOT } = await import('../scripts/bootstrap.mjs');
      const { buildEngine } = await import('../scripts/engine-build.mjs');
      print(`The engine is in ${await buildEngine({ root: ROOT, log: print, ...options })}`);
    });
}

/** `hearth serve` alone never comes here: it runs before the packages are there (hearth.mjs). */
function refuseOptions() {
  throw failure('Cannot run "serve" with options: the environment and HEARTH_CONFIG hold them');
}
