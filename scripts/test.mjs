/** `npm test [-- vitest arguments]`: set-up, vitest, and what came of it as the last line. */
import { launch } from './launch.mjs';

void launch(async () => {
  const { bootstrap, ROOT } = await import('./bootstrap.mjs');
  const { runTests } = await import('./run-tests.mjs');
  await bootstrap();
  return runTests({ root: ROOT, args: process.argv.slice(2) });
});
