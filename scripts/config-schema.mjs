import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** Writes docs/config.schema.json from the zod schema that checks the configuration file. */
export async function writeConfigSchema({ root }) {
  const directory = await mkdtemp(join(tmpdir(), 'hearth-schema-'));
  try {
    const outfile = join(directory, 'schema.mjs');
    const entry = join(root, 'gateway/catalogue/configJsonSchema.ts');
    await build({
      entryPoints: [entry],
      outfile,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
    });
    const { configJsonSchema } = await import(pathToFileURL(outfile).href);
    await writeFile(join(root, 'docs/config.schema.json'), configJsonSchema());
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeConfigSchema({ root: ROOT });
