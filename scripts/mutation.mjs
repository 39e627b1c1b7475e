/**
 * `npm run mutation [-- Stryker's arguments]`: breaks gateway/pool in thousands of small ways and counts what its tests
 * notice; fails below 90% (stryker.config.json). Stryker is brought into .cache/ by itself: 65 MB that nobody else needs.
 */
import { launch } from './launch.mjs';

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
  const run = spawnSync(process.execPath, [stryker, 'run', ...process.argv.slice(2)], {
    cwd: ROOT,
    stdio: 'inherit',
  });
  return run.status ?? 1;
});
