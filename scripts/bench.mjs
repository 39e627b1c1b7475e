/** `npm run bench [-- name... [--flag...]]`: the benchmarks in bench/, one after the other. They print tables and never fail on a time. */
import { launch } from './launch.mjs';

void launch(async () => {
  const { bootstrap, ROOT } = await import('./bootstrap.mjs');
  const { runBenchmarks } = await import('./benchmarks.mjs');
  await bootstrap();
  const words = process.argv.slice(2);
  const firstFlag = words.findIndex((word) => word.startsWith('-'));
  const names = firstFlag < 0 ? words : words.slice(0, firstFlag);
  return runBenchmarks({ root: ROOT, names, flags: words.slice(names.length) });
});
