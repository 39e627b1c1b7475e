/** Bundles the gateway, the thread in which it converts adapters and the process that downloads; packages stay outside. */
import { join } from 'node:path';
import { build } from 'esbuild';

export async function bundleGateway({ root }) {
  await build({
    absWorkingDir: root,
    entryPoints: {
      gateway: join(root, 'gateway', 'main.ts'),
      fetcher: join(root, 'fetcher', 'main.ts'),
      replayWorker: join(root, 'gateway', 'compose', 'replayWorker.ts'),
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
