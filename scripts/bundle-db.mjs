import { join } from 'node:path';
import { build } from 'esbuild';

/** Bundles the two database threads to dist/dbWriter.mjs and dist/dbReader.mjs: Node 20 runs no TypeScript in them. */
export async function bundleDb({ root }) {
  await build({
    entryPoints: {
      dbWriter: join(root, 'db/writer/worker.ts'),
      dbReader: join(root, 'db/reader/worker.ts'),
    },
    outdir: join(root, 'dist'),
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: ['better-sqlite3'],
    sourcemap: true,
    logLevel: 'warning',
  });
}
