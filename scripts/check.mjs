/** `npm run check`: what CI runs before the tests. Reads; changes nothing but the tools' caches. */
import { launch } from './launch.mjs';

/** Tools by the file that their package starts with; run by this Node, without a shell. */
const TOOLS = {
  tsc: 'typescript/bin/tsc',
  oxlint: 'oxlint/bin/oxlint',
  biome: '@biomejs/biome/bin/biome',
  depcruise: 'dependency-cruiser/bin/dependency-cruise.mjs',
  knip: 'knip/bin/knip.js',
};

void launch(async () => {
  const { existsSync } = await import('node:fs');
  const { join } = await import('node:path');
  const { bootstrapPackages, ROOT } = await import('./bootstrap.mjs');
  const { runSteps } = await import('./steps.mjs');
  await bootstrapPackages();

  const node = (name, ...args) => ({ name, command: process.execPath, args });
  const tool = (name, toolName, ...args) => node(name, join(ROOT, 'node_modules', TOOLS[toolName]), ...args);
  const folders = [
    'gateway',
    'runner',
    'stager',
    'fetcher',
    'native',
    'sources',
    'db',
    'cli',
    'scripts',
    'test',
    'bench',
  ];
  const present = folders.filter((folder) => existsSync(join(ROOT, folder)));
  const failed = await runSteps(
    [
      tool('types (tsc)', 'tsc', '--noEmit'),
      tool('lint (oxlint)', 'oxlint', '--tsconfig', 'tsconfig.json', '--format', 'unix'),
      tool('format (biome)', 'biome', 'ci', '--linter-enabled=false', '--colors=off', '.'),
      tool('imports (dependency-cruiser)', 'depcruise', '--config', '.dependency-cruiser.cjs', ...present),
      tool('unused code (knip)', 'knip', '--no-progress'),
      node('openapi and config schema', 'scripts/openapi.mjs', '--check'),
      node('lock file', 'scripts/lock.mjs', '--check'),
    ],
    { cwd: ROOT },
  );
  if (failed.length === 0) return 0;
  console.log(`failed: ${failed.join(', ')}`);
  return 1;
});
