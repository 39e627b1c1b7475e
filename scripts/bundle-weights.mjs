/** Bundles what `hearth encrypt`, `decrypt` and `keygen` do: cli/weights is TypeScript, which Node 20 does not run. */
import { join } from 'node:path';
import { build } from 'esbuild';

export async function bundleWeights({ root }) {
  await build({
    absWorkingDir: root,
    entryPoints: [join(root, 'cli', 'weights', 'main.ts')],
    outfile: join(root, 'dist', 'weights.mjs'),
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: true,
    logLevel: 'warning',
  });
}
