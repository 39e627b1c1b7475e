/** `npm run bench [-- name]`: the benchmarks in bench/, one after the other. They print tables and never fail on a time. */
import { launch } from './launch.mjs';

void launch(async () => {
  const { bootstrap, ROOT } = await import('./bootstrap.mjs');
  const { runBenchmarks } = await import('./benchmarks.mjs');
  await bootstrap();
  return runBenchmarks({ root: ROOT, names: process.argv.slice(2) });
});
