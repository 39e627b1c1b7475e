#!/usr/bin/env node
/** The `hearth` command. `serve` is `npm start`; `encrypt`, `decrypt` and `keygen` work here; the others talk to a running gateway's admin API. */
import { launch } from '../scripts/launch.mjs';

void launch(async () => {
  if (process.argv[2] === 'serve' && process.argv.length === 3) {
    const { serve } = await import('../scripts/serve.mjs');
    return serve();
  }
  const { bootstrapPackages } = await import('../scripts/bootstrap.mjs');
  await bootstrapPackages();
  const { program } = await import('./program.mjs');
  await program().parseAsync();
  return undefined;
});
