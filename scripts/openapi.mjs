/**
 * `npm run openapi`: writes the documents that are made from the gateway's schemas. With `--check` it only tells whether
 * they are up to date.
 */
import { launch } from './launch.mjs';

void launch(async () => {
  const { bootstrapPackages, ROOT } = await import('./bootstrap.mjs');
  const { DOCUMENTS, render, differs, write } = await import('./documents.mjs');
  await bootstrapPackages();
  const stale = [];
  for (const document of DOCUMENTS) {
    const text = await render(ROOT, document);
    if (!differs(ROOT, document, text)) continue;
    if (process.argv.includes('--check')) stale.push(document.file);
    else {
      write(ROOT, document, text);
      console.log(`wrote ${document.file}`);
    }
  }
  if (stale.length === 0) return 0;
  console.error(`hearth: ${stale.join(' and ')} differ from the schemas: run "npm run openapi" and commit`);
  return 1;
});
