/** Documents that are generated from code and kept in the repository, so that a change of a contract shows in a diff. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** `make` is the exported function of `module` that returns the document, as a value or as its text. */
export const DOCUMENTS = [
  { file: 'docs/openapi.json', module: 'gateway/http/openapi.ts', make: 'openApiDocument' },
  {
    file: 'docs/config.schema.json',
    module: 'gateway/catalogue/configJsonSchema.ts',
    make: 'configJsonSchema',
  },
];

/** The document's text as the code makes it now. */
export async function render(root, { module, make }) {
  const { build, stop } = await import('esbuild');
  // Inside the root, so that it finds node_modules.
  const outfile = join(root, '.cache', `document-${process.pid}.mjs`);
  try {
    await build({
      absWorkingDir: root,
      entryPoints: [join(root, module)],
      outfile,
      bundle: true,
      packages: 'external',
      platform: 'node',
      format: 'esm',
      target: 'node20',
      logLevel: 'warning',
    });
    const made = (await import(`${pathToFileURL(outfile).href}?${module}`))[make]();
    return typeof made === 'string' ? made : `${JSON.stringify(made, null, 2)}\n`;
  } finally {
    await stop();
    rmSync(outfile, { force: true });
  }
}

export function differs(root, { file }, text) {
  const path = join(root, file);
  return !existsSync(path) || readFileSync(path, 'utf8') !== text;
}

export function write(root, { file }, text) {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), text);
}
