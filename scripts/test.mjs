/** `npm test [-- vitest arguments]`: set-up, vitest, and what came of it as the last line. */
import { launch } from './launch.mjs';

void launch(async () => {
  const { bootstrap, progress, ROOT } = await import('./bootstrap.mjs');
  const { ensureChromium } = await import('./chromium.mjs');
  const { runTests } = await import('./run-tests.mjs');
  await bootstrap();
  await ensureChromium({ root: ROOT, log: progress });
  return runTests({ root: ROOT, args: process.argv.slice(2) });
});
