/** Runs every `bench/NAME.bench.ts` in a process of its own, bundled, since Node 20 runs no TypeScript. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from './command.mjs';

/** `flags` go to each of them. Returns 1 when a benchmark crashed or none has one of the names. */
export async function runBenchmarks({ root, names, flags = [] }) {
  const { build, stop } = await import('esbuild');
  const files = readdirSync(join(root, 'bench')).filter((file) => file.endsWith('.bench.ts'));
  const chosen = files.filter((file) => names.length === 0 || names.some((name) => file.startsWith(name)));
  let code = chosen.length === 0 ? 1 : 0;
  for (const file of chosen.sort()) {
    console.log(`\n# ${file.replace('.bench.ts', '')}`);
    const outfile = join(root, '.cache', file.replace(/\.ts$/, '.mjs'));
    await build({
      absWorkingDir: root,
      entryPoints: [join(root, 'bench', file)],
      outfile,
      bundle: true,
      packages: 'external',
      platform: 'node',
      format: 'esm',
      target: 'node20',
      logLevel: 'warning',
    });
    const result = await runCommand(process.execPath, [outfile, ...flags], { cwd: root, inherit: true });
    if (result.code !== 0) code = 1;
    rmSync(outfile, { force: true });
  }
  await stop();
  return code;
}
