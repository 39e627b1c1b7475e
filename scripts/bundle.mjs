/** Bundles what runs as a process of its own into one file each, so that a start reads one file and not hundreds. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** Addons are loaded by path at run time; node's own modules are there. */
const COMMON = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  sourcemap: 'external',
  logLevel: 'warning',
};

/** Writes `dist/runner.mjs` and `dist/stager.mjs` under `root`. Rejects when the code does not bundle. */
export async function bundle({ root }) {
  await build({
    ...COMMON,
    absWorkingDir: root,
    entryPoints: { runner: path.join(root, 'runner/main.ts'), stager: path.join(root, 'stager/main.ts') },
    outdir: path.join(root, 'dist'),
    outExtension: { '.js': '.mjs' },
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await bundle({ root: path.dirname(path.dirname(fileURLToPath(import.meta.url))) });
}
