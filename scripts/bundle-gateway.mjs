/** Bundles the gateway and the thread in which it converts adapters; packages stay outside. */
import { join } from 'node:path';
import { build } from 'esbuild';

export async function bundleGateway({ root }) {
  await build({
    absWorkingDir: root,
    entryPoints: {
      gateway: join(root, 'gateway', 'main.ts'),
      peftConverter: join(root, 'gateway', 'catalogue', 'peft', 'worker.ts'),
    },
    outdir: join(root, 'dist'),
    outExtension: { '.js': '.mjs' },
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: true,
    logLevel: 'warning',
  });
}
