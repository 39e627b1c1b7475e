import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';

/**
 * Bundles the kinds of database threads to dist/dbWriter.mjs and dist/dbReader.mjs: Node 20 runs no TypeScript in them.
 * Each file is put in place whole, so that test files may bundle at the same time.
 */
export async function bundleDb({ root }) {
  const { outputFiles } = await build({
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
    // The sketches' own protobuf, which is not used, asks for protobufjs when it is called.
    external: ['better-sqlite3', 'protobufjs/minimal'],
    sourcemap: true,
    logLevel: 'warning',
    write: false,
  });
  for (const { path, contents } of outputFiles) {
    await mkdir(dirname(path), { recursive: true });
    const draft = `${path}.${process.pid}.tmp`;
    await writeFile(draft, contents);
    await rename(draft, path);
  }
}
