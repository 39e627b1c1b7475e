/**
 * `npm run mutation [-- --area=money] [Stryker's arguments]`: breaks gateway/pool, or what amounts and limits come from, in
 * thousands of small ways and counts what its tests notice; fails below 90% (stryker.config.json). Stryker is brought into .cache/ by itself: 65 MB that nobody else needs.
 */
import { launch } from './launch.mjs';

/** What is broken, and whose tests are to notice. */
const AREAS = {
  pool: { mutate: ['gateway/pool/**/*.ts', '!gateway/pool/diagram.ts'], tests: ['test/pool'] },
  money: {
    mutate: [
      'gateway/access/**/*.ts',
      ...['cost', 'prices', 'tokenBounds'].map((name) => `gateway/domain/${name}.ts`),
      'gateway/reports/*.ts',
      'gateway/reports/replay/*.ts',
    ],
    tests: [
      ...['access', 'domain', 'reports'].map((folder) => `test/${folder}`),
      ...['keys', 'prices', 'reports', 'slos'].map((name) => `test/http/${name}.test.ts`),
    ],
  },
};

const PACKAGES = ['@stryker-mutator/core@9.6.1'];

void launch(async () => {
  const { existsSync, mkdirSync, writeFileSync } = await import('node:fs');
  const { join } = await import('node:path');
  const { spawnSync } = await import('node:child_process');
  const { bootstrapPackages, ROOT } = await import('./bootstrap.mjs');
  await bootstrapPackages();
  const directory = join(ROOT, '.cache', 'stryker');
  const stryker = join(directory, 'node_modules/@stryker-mutator/core/bin/stryker.js');
  if (!existsSync(stryker)) {
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'package.json'), '{"private":true}');
    const args = ['install', '--no-save', '--no-audit', '--no-fund', '--legacy-peer-deps', ...PACKAGES];
    const installed = spawnSync('npm', args, { cwd: directory, stdio: 'inherit' });
    if (installed.status !== 0) return installed.status ?? 1;
  }
  const isArea = (arg) => arg.startsWith('--area=');
  const name = process.argv.find(isArea)?.slice('--area='.length) ?? 'pool';
  const area = AREAS[name];
  if (!area) throw new Error(`Cannot run area "${name}": expected ${Object.keys(AREAS).join(' or ')}`);
  const more = process.argv.slice(2).filter((arg) => !isArea(arg));
  const mutate = more.some((arg) => /^(-m|--mutate)\b/.test(arg)) ? [] : ['--mutate', area.mutate.join(',')];
  const run = spawnSync(process.execPath, [stryker, 'run', ...mutate, ...more], {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, HEARTH_MUTATION_TESTS: area.tests.join(',') },
  });
  return run.status ?? 1;
});
