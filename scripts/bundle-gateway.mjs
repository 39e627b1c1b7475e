/** Bundles the gateway; packages stay outside. */
import { join } from 'node:path';
import { build } from 'esbuild';

export async function bundleGateway({ root }) {
  await build({
    absWorkingDir: root,
    entryPoints: [join(root, 'gateway', 'main.ts')],
    outfile: join(root, 'dist', 'gateway.mjs'),
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: true,
    logLevel: 'warning',
  });
}
